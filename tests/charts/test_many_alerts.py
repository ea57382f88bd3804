"""However many alerts there are, a second costs what has changed and a move what it reached; and what fires
is what a loop over all of them fires."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, event, insert, select, text, true, update
from tests.charts.conftest import add_user
from tests.charts.test_watch import (
    SERIES,
    ManualClock,
    Market,
    arm,
    directions,
    fired,
    market,
    tell,
)

from holdfast.charts import crossing, service, watch_repository
from holdfast.charts.levels import Level, Levels
from holdfast.charts.models import AlertWatch, PriceAlert
from holdfast.charts.schemas import NewAlert
from holdfast.charts.watch import QUIET_SECONDS, WHOLE_SECONDS
from holdfast.platform.database import Database

__all__ = ["market"]

MANY = 600
"""More than two pages."""


async def crowd(market: Market, user_id: UUID, count: int = MANY, **rest: Any) -> None:
    """Levels from 1,000 up, above a price of 91."""
    now = market.clock.now()
    common = {
        "user_id": user_id, "series": SERIES, "direction": "above", "repeat": "once", "note": "",
        "active": True, "side": "below", "watched_from": now, "created_at": now, "fired_at": None,
    }  # fmt: skip
    rows = [common | {"id": uuid4(), "price": Decimal(1_000 + number)} | rest for number in range(count)]
    async with market.database.transaction() as session:
        await session.execute(insert(PriceAlert), rows)


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """Alerts that are looked at, and levels that are read."""
    counts = {"looked": 0, "read": 0}
    look, read = crossing.crossings, watch_repository.levels

    def looking(*arguments: Any) -> Any:
        counts["looked"] += 1
        return look(*arguments)

    async def reading(*arguments: Any) -> AsyncIterator[Sequence[Level]]:
        async for page in read(*arguments):
            counts["read"] += len(page)
            yield page

    with monkeypatch.context() as patch:
        patch.setattr(crossing, "crossings", looking)
        patch.setattr(watch_repository, "levels", reading)
        yield counts


@contextmanager
def statements(database: Database) -> Iterator[list[str]]:
    found: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        found.append(statement)

    engine = database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


async def test_a_second_reads_only_what_has_changed(
    market: Market, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(market, user_id)
    watcher = market.watcher()
    with counted(monkeypatch) as counts:
        await watcher.refresh()
        assert counts["read"] == MANY
        for _ in range(3):
            await watcher.refresh()
        await arm(market, await add_user(market.database))
        await watcher.refresh()
        assert counts["read"] == MANY + 1
        with statements(market.database) as asked:
            await watcher.refresh()
        assert len(asked) == 2, asked
        market.clock.second += WHOLE_SECONDS
        await watcher.refresh()
    assert counts["read"] == 2 * (MANY + 1)


async def test_an_announcement_looks_at_nothing_but_what_it_reached(
    market: Market, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(92))
    with counted(monkeypatch) as counts, statements(market.database) as asked:
        for price in (93, 500, 999, 91):
            await tell(watcher, market.trade(price))
        assert (counts["looked"], asked) == (0, [])
        await tell(watcher, market.trade(1_002))
        assert counts["looked"] == 4, "one to know that something fires, three that do"
    assert {row.price for row in await fired(market)} == {1_000, 1_001, 1_002}


async def test_when_all_fire_at_once_it_goes_page_by_page(
    market: Market, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await crowd(market, user_id, direction="either", repeat="every")
    monkeypatch.setattr("holdfast.charts.watch.MOST_FIRED", 2 * MANY)
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(92))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await tell(watcher, market.trade(1_000 + MANY))
    assert turns > MANY // watch_repository.PAGE
    beside.cancel()
    assert directions(await fired(market)) == ["above"] * MANY
    await tell(watcher, market.trade(1_000))
    assert directions(await fired(market))[MANY:] == ["below"] * MANY, "the last at the level itself"
    async with market.database.transaction() as session:
        sides = list(await session.scalars(select(PriceAlert.side).order_by(PriceAlert.price)))
    assert sides == [None, *["below"] * (MANY - 1)]


async def test_what_a_transaction_that_began_earlier_writes_is_read_when_it_ends(
    market: Market, user_id: UUID
) -> None:
    """Others that began later have ended and were read meanwhile."""
    watcher = market.watcher()
    await watcher.refresh()
    wanted = NewAlert(series=SERIES, direction="either", price=Decimal(100))
    async with market.database.transaction() as slow:
        await service.add_alert(slow, user_id, wanted, now=market.clock.now(), price=Decimal(91))
        await slow.flush()
        other = await arm(market, await add_user(market.database), 5_000)
        await watcher.refresh()
        assert watcher._levels.series() == {SERIES}
        async with market.database.transaction() as session:
            await session.execute(delete(PriceAlert).where(PriceAlert.id == other))
    await watcher.refresh()
    await tell(watcher, market.trade(99), market.trade(101))
    assert directions(await fired(market)) == ["above"]


async def test_a_deleted_alert_fires_nothing_and_is_asked_for_once(market: Market, user_id: UUID) -> None:
    alert_id = await arm(market, user_id, price=Decimal(91))
    await arm(market, user_id, 5_000, price=Decimal(91))
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(92))
    async with market.database.transaction() as session:
        await service.delete_alert(session, user_id, alert_id)
    await watcher.refresh()
    await tell(watcher, market.trade(101))
    with statements(market.database) as asked:
        await tell(watcher, market.trade(99), market.trade(102))
    assert (asked, await fired(market)) == ([], [])


async def test_a_series_that_lost_its_last_alert_is_left_within_a_minute(
    market: Market, user_id: UUID
) -> None:
    alert_id = await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    async with market.database.transaction() as session:
        await service.delete_alert(session, user_id, alert_id)
    market.clock.second += WHOLE_SECONDS
    await watcher.refresh()
    async with market.database.transaction() as session:
        assert list(await session.scalars(select(AlertWatch))) == []


async def test_a_paused_alert_and_one_that_moved_to_another_price_are_known(
    market: Market, user_id: UUID
) -> None:
    paused = await arm(market, user_id, 100, price=Decimal(91))
    moved = await arm(market, user_id, 200, price=Decimal(91))
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(92))
    await change(market, user_id, paused, 100, active=False)
    await change(market, user_id, moved, 150)
    await watcher.refresh()
    await tell(watcher, market.trade(160))
    (row,) = await fired(market)
    assert (row.alert_id, row.price) == (moved, 150)


async def change(market: Market, user_id: UUID, alert_id: UUID, level: int, **rest: Any) -> None:
    wanted = NewAlert(series=SERIES, **{"direction": "either", "price": Decimal(level), **rest})
    async with market.database.transaction() as session:
        now = market.clock.now()
        price = market.forming.close if market.prices else None
        await service.change_alert(session, user_id, alert_id, wanted, now=now, price=price)


async def test_numbers_of_another_server_are_not_read_again_and_again(
    market: Market, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a copy of the database that was loaded into a new server, whose transactions count from the
    beginning."""
    await crowd(market, user_id, 10)
    async with market.database.transaction() as session:
        await session.execute(update(PriceAlert).values(changed_in=text("1::bigint << 60")))
    watcher = market.watcher()
    with counted(monkeypatch) as counts:
        await watcher.refresh()
        await watcher.refresh()
        assert counts["read"] == 10
        await tell(watcher, market.trade(1_003))
        await watcher.refresh()
    assert counts["read"] == 14
    assert len(await fired(market)) == 4


async def test_two_that_look_first_at_the_same_time_leave_one_trace(market: Market, user_id: UUID) -> None:
    await arm(market, user_id, 1_000, price=Decimal(91))
    await market.minute(92, 93)
    watchers = [market.watcher() for _ in range(4)]
    await asyncio.gather(*(watcher.refresh() for watcher in watchers))
    async with market.database.transaction() as session:
        assert len(list(await session.scalars(select(AlertWatch)))) == 1


# --- against a loop over all --------------------------------------------------------------------------------


class Scene:
    """Random alerts and moves, the same whenever it is played with the same seed. What is made or changed is
    read before the next look, as it is within a second; what is deleted is not."""

    def __init__(self, market: Market, user_id: UUID, seed: int) -> None:
        self.market, self.user_id = market, user_id
        self.random = random.Random(seed)
        self.alerts: list[UUID] = []
        self.watcher = market.watcher()

    async def play(self, steps: int) -> tuple[list[Any], list[Any]]:
        for _ in range(steps):
            (move,) = self.random.choices(
                (self.trade, self.arm, self.change, self.delete, self.refresh, self.close, self.halt),
                (16, 4, 2, 1, 6, 3, 1),
            )
            await move()
        return await self.outcome()

    async def trade(self) -> None:
        """Now and then nobody hears of it, or only of the next one."""
        last = self.market.prices[-1] if self.market.prices else 100
        moves = [last + self.random.randint(-4, 4) for _ in range(self.random.randint(1, 3))]
        data = self.market.trade(*(max(move, 80) for move in moves))
        if self.random.random() < 0.85:
            await tell(self.watcher, data)

    async def arm(self) -> None:
        self.alerts.append(await arm(self.market, self.user_id, price=self.price(), **self.wanted()))
        await self.refresh()

    async def change(self) -> None:
        if self.alerts:
            alert_id = self.random.choice(self.alerts)
            active = self.random.random() < 0.8
            await change(self.market, self.user_id, alert_id, **self.wanted(), active=active)
            await self.refresh()

    async def delete(self) -> None:
        if self.alerts:
            chosen = self.alerts.pop(self.random.randrange(len(self.alerts)))
            async with self.market.database.transaction() as session:
                await service.delete_alert(session, self.user_id, chosen)

    async def refresh(self) -> None:
        await self.watcher.refresh()

    async def close(self) -> None:
        if self.market.prices:
            await self.market.close()

    async def halt(self) -> None:
        """Another watcher, minutes later."""
        for _ in range(self.random.randint(0, 6)):
            await self.market.minute(*(self.random.randint(92, 108) for _ in range(3)))
        self.market.clock.second += QUIET_SECONDS
        self.watcher = self.market.watcher()
        await self.watcher.refresh()

    def wanted(self) -> dict[str, Any]:
        return {
            "level": self.random.randint(92, 108),
            "direction": self.random.choice(("above", "below", "either")),
            "repeat": self.random.choice(("once", "every")),
            "note": str(self.random.random()),
        }

    def price(self) -> Decimal | None:
        known = self.market.prices and self.random.random() < 0.8
        return Decimal(self.market.prices[-1]) if known else None

    async def outcome(self) -> tuple[list[Any], list[Any]]:
        """What fired, told apart by the notes; and where each alert stands."""
        async with self.market.database.transaction() as session:
            alerts = await session.scalars(select(PriceAlert).order_by(PriceAlert.note))
            ends = [(one.note, one.active, one.side, one.fired_at) for one in alerts]
        rows = [
            (one.at, one.note, one.direction, one.price, one.seen_price) for one in await fired(self.market)
        ]
        return sorted(rows), ends


@pytest.mark.parametrize("seed", range(3))
async def test_what_fires_is_what_a_loop_over_all_alerts_fires(
    database: Database, redis: Redis, user_id: UUID, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await played(database, redis, user_id, seed)
    assert found[0], "nothing fired: the test proves nothing"
    with monkeypatch.context() as patch:
        patch.setattr(Levels, "reached", lambda self, series, *_: list(all_of(self, series)))
        patch.setattr(watch_repository, "_between", lambda *_: true())
        patch.setattr("holdfast.charts.watch.WHOLE_SECONDS", 0)
        assert await played(database, redis, user_id, seed) == found


def all_of(levels: Levels, series: str) -> Iterator[Level]:
    if series in levels.series():
        yield from levels._ladders[series].levels.values()


async def played(database: Database, redis: Redis, user_id: UUID, seed: int) -> tuple[list[Any], list[Any]]:
    async with database.transaction() as session:
        await session.execute(
            text("TRUNCATE price_alerts, fired_alerts, alert_watches, candle_series CASCADE")
        )
    here = Market(database, redis, ManualClock())
    await here.minute(100, 101)
    await arm(here, user_id, 5_000)
    return await Scene(here, user_id, seed).play(100)
