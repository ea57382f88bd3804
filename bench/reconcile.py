"""What a reconciliation costs when a connection holds many open positions.

PostgreSQL is real; the account is one that answers at once, so that only our own work is measured.
"""

import asyncio
import shutil
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from redis.asyncio import Redis
from sqlalchemy import insert
from tests.portfolio.people import add_connection, add_user

from bench._house import Trips, counted, database_at, new_home, row, servers
from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.execution.reconciliation.reconcile import reconcile_connection
from holdfast.platform.clock import SystemClock
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio.models import Posting, Sleeve
from holdfast.venues.protocol import AccountInfo, Balance, FillReport, FundingReport, VenuePosition

FEW, MANY = 10, 1_000
SYMBOLS = tuple(f"C{number:02}USDT" for number in range(11))
ROUNDS = 5
PRICE = Decimal(100)


class QuietAccount:
    """An account that answers at once: holds what the sleeves hold, and whatever a measurement adds."""

    def __init__(self, clock: SystemClock, held: Decimal) -> None:
        self.clock = clock
        self.held = dict.fromkeys(SYMBOLS, held)
        self.fills: list[FillReport] = []
        self.funding: list[FundingReport] = []

    async def account_info(self) -> AccountInfo:
        return AccountInfo(unified=True, margin_mode="cross")

    async def server_time(self) -> datetime:
        return self.clock.now()

    async def positions(self) -> list[VenuePosition]:
        return [
            VenuePosition(symbol, quantity, PRICE, PRICE, Decimal(0), Decimal(1), None, hedge_mode=False)
            for symbol, quantity in self.held.items()
        ]

    async def balance(self) -> Balance:
        much = Decimal(1_000_000)
        return Balance(much, much, much, Decimal(0), Decimal(0), Decimal(0))

    async def open_orders(self) -> list[Any]:
        return []

    async def fills_since(self, since: datetime) -> list[FillReport]:
        return [fill for fill in self.fills if fill.executed_at >= since]

    async def funding_since(self, since: datetime) -> list[FundingReport]:
        return [payment for payment in self.funding if payment.at >= since]

    async def fee_rates(self) -> dict[str, Any]:
        return {}

    def settle_funding(self) -> None:
        now = self.clock.now()
        self.funding = [
            FundingReport(f"f-{symbol}", symbol, Decimal("-1.5"), "USDT", Decimal(0), held, now)
            for symbol, held in self.held.items()
        ]

    def trade_by_hand(self) -> None:
        """A small buy in every symbol, by the user in the venue's own app."""
        for symbol in SYMBOLS:
            self.held[symbol] += 1
            self.fills.append(
                FillReport(
                    exec_id=uuid4().hex,
                    venue_order_id=uuid4().hex,
                    client_id="",
                    symbol=symbol,
                    side=Side.BUY,
                    exec_type="Trade",
                    quantity=Decimal(1),
                    price=PRICE,
                    fee=Decimal("0.05"),
                    fee_asset="USDT",
                    is_maker=False,
                    executed_at=self.clock.now(),
                )
            )


@dataclass
class Cost:
    milliseconds: float
    trips: Trips


def main() -> None:
    """Print one row per measurement: what, measured, and beside what."""
    home = new_home()
    try:
        with servers() as (database_url, redis_url):
            asyncio.run(measure(database_url, redis_url, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def measure(database_url: str, redis_url: str, home: Any) -> None:
    few = await costs_with(FEW, database_url, redis_url, home)
    many = await costs_with(MANY, database_url, redis_url, home)
    for what, small in few.items():
        large = many[what]
        growth = large.trips.statements / small.trips.statements
        row(
            f"{what}, {MANY:,} sleeves",
            f"{large.milliseconds:.0f} ms",
            f"with {FEW}: {small.milliseconds:.0f} ms   ratio {large.milliseconds / small.milliseconds:.1f}",
        )
        row(
            "  statements",
            f"{large.trips.statements}",
            f"with {FEW}: {small.trips.statements}   ratio {growth:.2f}",
        )
        if growth > 1.5:
            raise RuntimeError(f"{what}: the number of statements grows with the number of sleeves")


async def costs_with(sleeves: int, database_url: str, redis_url: str, home: Any) -> dict[str, Cost]:
    clock = SystemClock()
    settings = Settings(database_url=database_url, redis_url=redis_url, home=home)
    redis = Redis.from_url(redis_url)
    async with database_at(database_url) as database:
        connection_id = await fill(database, sleeves, clock.now())
        account = QuietAccount(clock, Decimal(sleeves))
        work = Work(Lease(1, "", "", 1, 1, clock.now()), database, redis, settings, clock, {})
        await reconciled(work, account, connection_id)
        quiet = [await reconciled(work, account, connection_id) for _ in range(ROUNDS)]
        account.settle_funding()
        funding = await reconciled(work, account, connection_id)
        account.trade_by_hand()
        by_hand = await reconciled(work, account, connection_id)
    await redis.aclose()
    return {
        "a quiet minute": min(quiet, key=lambda cost: cost.milliseconds),
        f"funding settled in {len(SYMBOLS)} symbols": funding,
        f"{len(SYMBOLS)} trades by hand": by_hand,
    }


async def reconciled(work: Work, account: QuietAccount, connection_id: UUID) -> Cost:
    with counted(work.database) as trips:
        began = time.perf_counter()
        halted = await reconcile_connection(work, account, connection_id)  # type: ignore[arg-type]
        took = (time.perf_counter() - began) * 1000
    if halted:
        raise RuntimeError(f"the books differ in {halted}")
    return Cost(took, trips)


async def fill(database: Any, sleeves: int, now: datetime) -> UUID:
    """So many open positions of 11 legs on one connection, one lot each; begun an hour ago."""
    begun = now - timedelta(hours=1)
    async with database.transaction() as session:
        user_id = await add_user(session)
        connection_id = await add_connection(session, user_id)
        connection = await session.get_one(Connection, connection_id)
        connection.begun_at = connection.fills_since = connection.funding_since = begun
        owners = [uuid4() for _ in range(sleeves)]
        await session.execute(
            insert(Sleeve), [sleeve(owner, user_id, connection_id, begun) for owner in owners]
        )
        lines = [
            line(connection_id, owner, symbol, asset, amount, begun)
            for owner in owners
            for symbol in SYMBOLS
            for asset, amount in ((symbol, Decimal(1)), ("USDT", -PRICE))
        ]
        await session.execute(insert(Posting), lines)
    return connection_id


def sleeve(sleeve_id: UUID, user_id: UUID, connection_id: UUID, at: datetime) -> dict[str, Any]:
    return {
        "id": sleeve_id,
        "user_id": user_id,
        "connection_id": connection_id,
        "index_id": "btc-d",
        "index_version": "1",
        "direction": "long",
        "size": Decimal(1000),
        "entry_level": 58.0,
        "state": "active",
        "created_at": at,
        "opened_at": at,
    }


def line(
    connection_id: UUID, owner: UUID, symbol: str, asset: str, amount: Decimal, at: datetime
) -> dict[str, Any]:
    return {
        "connection_id": connection_id,
        "sleeve_id": owner,
        "kind": "trade",
        "asset": asset,
        "amount": amount,
        "symbol": symbol,
        "reference": f"{owner}:{symbol}",
        "at": at,
        "booked_at": at,
    }


if __name__ == "__main__":
    main()
