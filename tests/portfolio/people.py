"""Users, connections and sleeves for tests."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection, User
from holdfast.portfolio.models import BalanceSnapshot, Sleeve

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


async def add_user(session: AsyncSession) -> UUID:
    user_id = uuid4()
    session.add(
        User(id=user_id, email=f"{user_id}@example.org", password_hash="", is_demo=False, created_at=NOW)
    )
    await session.flush()
    return user_id


async def add_connection(session: AsyncSession, user_id: UUID, *, state: str = "active") -> UUID:
    connection_id = uuid4()
    session.add(
        Connection(
            id=connection_id,
            user_id=user_id,
            venue="bybit",
            environment="simulated",
            label="Main account",
            key_hint="ab…yz",
            state=state,
            state_reason="the key was withdrawn" if state == "refused" else "",
            created_at=NOW,
        )
    )
    await session.flush()
    return connection_id


async def add_sleeve(
    session: AsyncSession,
    user_id: UUID,
    connection_id: UUID,
    *,
    state: str = "active",
    index_id: str = "btc-d",
) -> UUID:
    sleeve_id = uuid4()
    session.add(
        Sleeve(
            id=sleeve_id,
            user_id=user_id,
            connection_id=connection_id,
            index_id=index_id,
            index_version="1",
            direction="long",
            size=Decimal(1000),
            entry_level=58.0,
            state=state,
            created_at=NOW,
            opened_at=NOW,
        )
    )
    await session.flush()
    return sleeve_id


def balance(connection_id: UUID, *, age: timedelta = timedelta(0)) -> BalanceSnapshot:
    return BalanceSnapshot(
        connection_id=connection_id,
        equity=Decimal(25000),
        available=Decimal(25000),
        wallet=Decimal(25000),
        initial_margin=Decimal(0),
        maintenance_rate=Decimal(0),
        taken_at=NOW - age,
    )
