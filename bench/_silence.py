"""A stream that answers its pings and tells nothing: how long until it is found out, and until the books are
compared again. The simulated venue falls silent; everything on our side is real."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

import aiohttp
from sqlalchemy import func, select

from bench._house import Account, House
from holdfast.accounts.models import Connection
from holdfast.execution import tasks
from holdfast.execution.reconciliation.watch import Patience, Watcher
from holdfast.platform.jobs import Lease
from holdfast.platform.tasks import RunAgainIn
from holdfast.portfolio.models import Fill
from holdfast.venues.bybit.private_stream import BybitAccountStream
from holdfast.venues.protocol import AccountEvent, StreamConnected

SILENT = {"where": "bybit.private.*", "kind": "silent", "count": 1}
LONGEST_SECONDS = 30


@dataclass
class Line:
    """The account's stream, as the watcher opens it: when it was given up last, and how often it was live."""

    place: House
    account: Account
    given_up: datetime | None = None
    live: int = 0

    async def was_live(self, times: int) -> bool:
        return self.live == times

    async def open(self, _: UUID) -> AsyncIterator[AccountEvent]:
        return self._listen()

    async def _listen(self) -> AsyncIterator[AccountEvent]:
        url = self.place.work.settings.sim_url.replace("http", "ws") + "/v5/private"
        key = self.account.api_key, self.account.api_secret
        stream = BybitAccountStream(url, *key, self.place.world.venue.server_time)
        try:
            async for event in stream:
                yield event
                if isinstance(event, StreamConnected):
                    self.live += 1
        finally:
            self.given_up = self.place.work.clock.now()


async def silences(place: House, patience: Patience, rounds: int) -> list[tuple[float, float]]:
    """(seconds from when the books knew until it is given up, until they are compared again) of each."""
    account = await place.add_account()
    found = []
    async with watched(place, account, patience) as line:
        for number in range(rounds):
            await until(partial(line.was_live, number + 1))
            await compare(place, account)
            await asyncio.sleep(patience.clocks + 0.1)
            await control(place, "faults", rules=[SILENT])
            await control(place, f"accounts/{account.uid}/trade", symbol="BTCUSDT", side="Buy", qty="0.01")
            await compare(place, account)
            knew = await books_knew(place, account)
            await until(partial(line.was_live, number + 2))
            await until(partial(_doubted, place, account))
            await compare(place, account)
            compared = place.work.clock.now()
            assert line.given_up is not None
            found.append(((line.given_up - knew).total_seconds(), (compared - knew).total_seconds()))
    return found


@asynccontextmanager
async def watched(place: House, account: Account, patience: Patience) -> AsyncIterator[Line]:
    line, work = Line(place, account), place.work
    watcher = asyncio.create_task(Watcher(work.database, work.clock, line.open, patience=patience).run())
    try:
        yield line
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def compare(place: House, account: Account) -> None:
    """The worker's part."""
    account.fence += 1
    subject, now = str(account.connection_id), place.work.clock.now()
    lease = Lease(1, "execution.reconcile", subject, account.fence, 1, now)
    with suppress(RunAgainIn):
        await tasks.reconcile(replace(place.work, lease=lease))


async def books_knew(place: House, account: Account) -> datetime:
    """When the last trade was written down."""
    newest = select(func.max(Fill.booked_at)).where(Fill.connection_id == account.connection_id)
    async with place.work.database.sessions() as session:
        return (await session.scalars(newest)).one()


async def control(place: House, path: str, **body: Any) -> None:
    url = f"{place.work.settings.sim_url}/_sim/{path}"
    async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
        answer.raise_for_status()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            if await true():
                return
            await asyncio.sleep(0.01)


async def _doubted(place: House, account: Account) -> bool:
    """Whether a comparison was asked for, because something may have been missed."""
    async with place.work.database.sessions() as session:
        asked = select(Connection.unsure_since).where(Connection.id == account.connection_id)
        return await session.scalar(asked) is not None
