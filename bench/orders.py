"""The executor against the venue's own limit, and what an order costs.

One process carries out large baskets on the simulated venue (a process of its own). The limit is Bybit's: per
key 10 single orders and 10 orders in a batch a second, per address 600 requests in 5 seconds.
"""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bench._house import Account, House, Trips, counted, house, new_home, row, servers, simulator
from holdfast.core.time import Clock, to_ms
from holdfast.execution import tasks
from holdfast.execution.models import Execution, Order, TrailRow
from holdfast.execution.trail import trail
from holdfast.execution.trail.trail import Trail
from holdfast.platform.database import Database
from holdfast.venues.bybit.budget import ADDRESS_LIMIT, ADDRESS_WINDOW_MS
from holdfast.venues.bybit.pybit_client import PybitClient
from holdfast.venues.recording import recording, watched

BASKETS = 4
KEYS = 3
ROUNDS = 2
TRAILS = 10
LIMIT_PER_KEY = 20.0
LIMIT_PER_ADDRESS = ADDRESS_LIMIT * 1000 / ADDRESS_WINDOW_MS
WAVE = timedelta(seconds=0.7)


@dataclass
class Cost:
    """What ``orders`` orders cost, from taking the job up to its end."""

    orders: int
    cpu: float
    wall: float
    trips: Trips

    def cpu_each(self) -> float:
        return self.cpu / self.orders * 1e6

    def trips_each(self) -> float:
        return self.trips.all / self.orders

    def statements_each(self) -> float:
        return self.trips.statements / self.orders


def main() -> None:
    """Print one row per measurement: what, measured, and beside what."""
    home = new_home()
    try:
        with servers() as (database_url, redis_url), simulator() as port:
            asyncio.run(measure(database_url, redis_url, port, home))
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def measure(database_url: str, redis_url: str, port: int, home: Any) -> None:
    async with house(database_url, redis_url, port, home) as place:
        for _ in range(KEYS):
            await place.add_account()
        for account in place.accounts:
            await carry_out(place, account, baskets=1)
        await throughput(place)
        await overhead(place)


async def throughput(place: House) -> None:
    alone = await place.confirm(place.accounts[0], baskets=BASKETS)
    await place.run(place.accounts[0], alone)
    rate, _ = await sent(place, [alone])
    row(
        "orders sent by one key",
        f"{rate:.1f} /s",
        f"the venue takes {LIMIT_PER_KEY:.0f}   ratio {rate / LIMIT_PER_KEY:.2f}",
    )
    together = [await place.confirm(account, baskets=BASKETS) for account in place.accounts]
    began = time.perf_counter()
    await asyncio.gather(*(place.run(a, e) for a, e in zip(place.accounts, together, strict=True)))
    wall = time.perf_counter() - began
    rate, requests = await sent(place, together)
    row(
        f"orders sent by {KEYS} keys side by side",
        f"{rate:.1f} /s",
        f"the venue takes {KEYS * LIMIT_PER_KEY:.0f}   ratio {rate / KEYS / LIMIT_PER_KEY:.2f}",
    )
    row(
        "  all requests meanwhile, questions included",
        f"{requests / wall:.1f} /s",
        f"Holdfast lets an address {LIMIT_PER_ADDRESS:.0f}   ratio {requests / wall / LIMIT_PER_ADDRESS:.2f}",
    )


async def sent(place: House, executions: list[UUID]) -> tuple[float, int]:
    """Orders a second while there was something to send, and all requests.

    Orders leave in waves, one per window of the limit: the last wave is where the measurement ends.
    """
    async with place.work.database.sessions() as session:
        rows = list(await session.scalars(select(TrailRow).where(TrailRow.execution_id.in_(executions))))
    carrying = [r for r in rows if str(r.detail.get("method", "")).startswith("place")]
    left = sorted((r.at, len(r.detail["orders"])) for r in carrying)
    last_wave = next(at for at, _ in left if left[-1][0] - at < WAVE)
    before = sum(orders for at, orders in left if at < last_wave)
    requests = sum(r.times for r in rows if r.kind == "request")
    return before / (last_wave - left[0][0]).total_seconds(), requests


async def overhead(place: House) -> None:
    account = place.accounts[0]
    with_trail = await several(place, account)
    with without_trail():
        bare = await several(place, account)
    small = await carry_out(place, account, baskets=1)
    pybit, polling = await asyncio.to_thread(bare_pybit, place, account)
    row("CPU per order, from the job to its end", f"{with_trail.cpu_each():,.0f} µs")
    row(
        "  a loop over bare pybit that only places",
        f"{pybit:,.0f} µs",
        f"ratio {with_trail.cpu_each() / pybit:.2f}",
    )
    row(
        "  a loop over bare pybit that places and asks what became of it",
        f"{polling:,.0f} µs",
        f"ratio {with_trail.cpu_each() / polling:.2f}",
    )
    row(
        "statements per order",
        f"{with_trail.statements_each():.1f}",
        f"all round trips {with_trail.trips_each():.1f}",
    )
    alone = await trail_alone(place, account)
    row(
        "the trail of an order: CPU",
        f"{alone:,.0f} µs",
        f"of the whole {alone / with_trail.cpu_each():.1%}",
    )
    row(
        "the trail of an order: statements",
        f"{with_trail.statements_each() - bare.statements_each():.2f}",
        f"ratio with/without {with_trail.statements_each() / bare.statements_each():.2f}",
    )
    row(
        "an execution of 11 legs: statements",
        f"{small.trips.statements}",
        f"round trips {small.trips.all}, {small.wall:.2f} s",
    )


async def several(place: House, account: Account) -> Cost:
    costs = [await carry_out(place, account, baskets=BASKETS) for _ in range(ROUNDS)]
    return min(costs, key=lambda cost: cost.cpu)


async def carry_out(place: House, account: Account, *, baskets: int) -> Cost:
    execution_id = await place.confirm(account, baskets=baskets)
    with counted(place.work.database) as trips:
        wall, cpu = time.perf_counter(), time.process_time()
        await place.run(account, execution_id)
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    async with place.work.database.sessions() as session:
        execution = await session.get_one(Execution, execution_id)
        orders = await session.scalar(
            select(func.count()).select_from(Order).where(Order.execution_id == execution_id)
        )
    if execution.state != "complete":
        raise RuntimeError(f"an execution is {execution.state}: {execution.reason}")
    return Cost(orders or 0, cpu, wall, trips)


async def trail_alone(place: House, account: Account) -> float:
    """CPU µs per order of hearing its three requests, and of writing them as the executor does."""
    execution_id = await place.confirm(account, baskets=1)
    work, orders = place.work, BASKETS * 11
    empty = await spent(work.database, nothing)
    began = time.process_time()
    for _ in range(TRAILS):
        kept = Trail(execution_id, work.clock)
        with recording(kept.heard):
            for number in range(orders):
                told(work.clock, number)
        await spent(work.database, kept.write)
    return ((time.process_time() - began) / TRAILS - empty) / orders * 1e6


def told(clock: Clock, number: int) -> None:
    """The requests of one order: it is sent, asked for, and its fills are read."""
    name = {"symbol": f"C{number}USDT", "orderLinkId": f"hf-{number}"}
    order = {**name, "side": "Buy", "qty": "1", "price": "100"}
    for method in ("place_order", "get_open_orders", "get_executions"):
        with watched(clock, method, order, writes=method == "place_order") as watch:
            watch.leaves()
            watch.comes_back({"result": {"list": [order]}})


async def nothing(_: AsyncSession) -> None:
    """An empty transaction, to compare with."""


async def spent(database: Database, write: Callable[[AsyncSession], Awaitable[Any]]) -> float:
    """CPU seconds of a transaction."""
    began = time.process_time()
    async with database.transaction() as session:
        await session.execute(text("SELECT 1"))
        await write(session)
    return time.process_time() - began


@contextmanager
def without_trail() -> Iterator[None]:
    @asynccontextmanager
    async def nobody(*_: Any, **__: Any) -> Any:
        yield

    with patch.object(tasks, "following", nobody), patch.object(trail, "note", lambda *_, **__: None):
        yield


def bare_pybit(place: House, account: Account) -> tuple[float, float]:
    """CPU µs per order of a plain loop: placing only, and placing, then asking for order and fills."""
    clock = place.work.clock
    client = PybitClient(
        place.work.settings.venue_url,
        lambda: to_ms(clock.now()),
        api_key=account.api_key,
        api_secret=account.api_secret,
        connections=1,
    )
    quote = place.quotes.get("XRPUSDT")
    assert quote is not None
    price = str(round(quote.ask * 2, 4))
    time.sleep(1.5)
    tags = [f"bare-{number}" for number in range(BASKETS * 11)]
    only_placing = sum(placed(client, tag, price) for tag in tags)
    asking = sum(placed(client, f"{tag}-asked", price) + asked(client, f"{tag}-asked") for tag in tags)
    return only_placing / len(tags) * 1e6, asking / len(tags) * 1e6


def placed(client: PybitClient, tag: str, price: str) -> float:
    """CPU seconds of one order; waits for the venue's limit afterwards."""
    began = time.process_time()
    answer, _, _ = client.place_order(
        category="linear",
        symbol="XRPUSDT",
        side="Buy",
        orderType="Limit",
        timeInForce="IOC",
        qty="10",
        price=price,
        orderLinkId=tag,
        positionIdx=0,
    )
    spent = time.process_time() - began
    assert answer["retCode"] == 0, answer
    time.sleep(0.15)
    return spent


def asked(client: PybitClient, tag: str) -> float:
    began = time.process_time()
    client.get_open_orders(category="linear", symbol="XRPUSDT", orderLinkId=tag)
    client.get_executions(category="linear", symbol="XRPUSDT", orderLinkId=tag)
    return time.process_time() - began


if __name__ == "__main__":
    main()
