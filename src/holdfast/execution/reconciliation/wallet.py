"""What the venue says of an account's money, kept as it was last told."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.platform.tasks import Work
from holdfast.portfolio.models import BalanceSnapshot, FeeRate
from holdfast.venues.protocol import Balance, TradingVenue, VenueError

log = structlog.get_logger(__name__)

FEES_LAST: Final = timedelta(days=1)


async def keep_balance(
    session: AsyncSession, connection_id: UUID, balance: Balance, *, now: datetime
) -> None:
    values = {
        "equity": balance.equity,
        "available": balance.available,
        "wallet": balance.wallet,
        "initial_margin": balance.initial_margin,
        "maintenance_rate": balance.maintenance_rate,
        "taken_at": now,
    }
    row = insert(BalanceSnapshot).values(connection_id=connection_id, **values)
    await session.execute(
        row.on_conflict_do_update(index_elements=[BalanceSnapshot.connection_id], set_=values)
    )


async def keep_fee_rates(work: Work, door: TradingVenue, connection_id: UUID) -> None:
    """Once a day. They are for estimates alone: where the venue does not tell them (its demo trading never
    does), what is known or the standard rate stays in place, and it is asked again next time."""
    now = work.clock.now()
    async with work.database.sessions() as session:
        seen_at = await session.scalar(
            select(func.max(FeeRate.seen_at)).where(FeeRate.connection_id == connection_id)
        )
    if seen_at and now - seen_at < FEES_LAST:
        return
    try:
        rates = await door.fee_rates()
    except VenueError as error:
        log.info("the venue does not tell its fees", connection=str(connection_id), reason=str(error))
        return
    if not rates:
        return
    async with work.database.transaction() as session:
        await session.execute(delete(FeeRate).where(FeeRate.connection_id == connection_id))
        session.add_all(
            FeeRate(
                connection_id=connection_id,
                symbol=rate.symbol,
                taker=rate.taker,
                maker=rate.maker,
                seen_at=now,
            )
            for rate in rates.values()
        )
