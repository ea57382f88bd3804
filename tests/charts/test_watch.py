"""An alert fires once per crossing: live, after a halt, with several watchers, and when a write fails."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from tests.charts.conftest import add_user

from holdfast.charts import repository, service
from holdfast.charts.models import AlertWatch, FiredAlert, PriceAlert
from holdfast.charts.schemas import LATEST_FIRED, MOST_FIRED, NewAlert
from holdfast.charts.watch import AlertWatcher
from holdfast.core.bars import Bars
from holdfast.core.timeframes import MINUTE
from holdfast.market.candles import store
from holdfast.market.candles.service import Candles
from holdfast.market.live import messages
from holdfast.market.live.minutes import KEPT, Minute, Tail
from holdfast.platform.database import Database

SERIES = "bybit:COIN"
START = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp())


class ManualClock:
    def __init__(self) -> None:
        self.second = float(START)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.second, UTC)


class Market:
    """A series in the store, and what the feed announces of it. Prices are whole numbers."""

    def __init__(self, database: Database, redis: Redis, clock: ManualClock) -> None:
        self.database, self.redis, self.clock = database, redis, clock
        self.closed: list[Minute] = []
        self.prices: list[int] = []

    def watcher(self) -> AlertWatcher:
        return AlertWatcher(self.database, self.redis, Candles(self.database, self.clock, {}), self.clock)

    @property
    def forming(self) -> Minute:
        numbers = [Decimal(price) for price in self.prices]
        time = START + MINUTE * len(self.closed)
        return Minute(time, numbers[0], max(numbers), min(numbers), numbers[-1], Decimal(1))

    def trade(self, *prices: int) -> bytes:
        """The feed's words after these trades in the minute that forms."""
        self.prices += prices
        self.clock.second += 1
        tail = Tail()
        newest = self.closed[-KEPT:]
        tail.fill(newest, self.forming.time - MINUTE * len(newest), self.forming.time)
        tail.hear(self.forming, closed=False)
        return orjson.dumps({SERIES: messages.encode(tail, int(self.clock.second * 1000))})

    async def close(self) -> None:
        """The minute ends, and is stored."""
        self.closed.append(self.forming)
        self.prices = []
        self.clock.second = START + MINUTE * len(self.closed)
        async with self.database.transaction() as session:
            one = await store.series(session, *SERIES.split(":"))
            await store.write(session, one.id, Bars.of_decimals(self.closed[-1:]), origin="test")

    async def minute(self, *prices: int) -> None:
        self.trade(*prices)
        await self.close()


@pytest.fixture
async def market(database: Database, redis: Redis) -> Market:
    made = Market(database, redis, ManualClock())
    await made.minute(90, 91)
    return made


async def arm(
    market: Market, user_id: UUID, level: int = 100, price: Decimal | None = None, **rest: Any
) -> UUID:
    wanted = NewAlert(**{"series": SERIES, "direction": "either", "price": Decimal(level), **rest})
    async with market.database.transaction() as session:
        return (await service.add_alert(session, user_id, wanted, now=market.clock.now(), price=price)).id


async def fired(market: Market) -> list[FiredAlert]:
    async with market.database.transaction() as session:
        return list(await session.scalars(select(FiredAlert).order_by(FiredAlert.at, FiredAlert.id)))


async def tell(watcher: AlertWatcher, *announcements: bytes) -> None:
    for data in announcements:
        watcher.hear(data)
        await watcher.take()


def directions(rows: Sequence[FiredAlert]) -> list[str]:
    return [row.direction for row in rows]


async def test_it_fires_once_where_and_when_the_price_got_there(market: Market, user_id: UUID) -> None:
    alert_id = await arm(market, user_id, note="at last")
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(95), market.trade(99))
    assert await fired(market) == []
    await tell(watcher, market.trade(103), market.trade(104), market.trade(97), market.trade(108))
    (row,) = await fired(market)
    assert (row.alert_id, row.user_id, row.direction, row.note) == (alert_id, user_id, "above", "at last")
    assert (row.price, row.seen_price) == (100, 103)
    assert row.at == datetime.fromtimestamp(START + MINUTE + 3, UTC)
    async with market.database.transaction() as session:
        (view,) = await service.alerts(session, user_id)
        told = (await service.ticks(session, [user_id]))[user_id]
    assert (view.active, view.fired_at) == (False, row.at)
    assert [one.id for one in told.fired] == [row.id]


async def test_what_was_noted_last_is_told_though_others_fired_later(market: Market, user_id: UUID) -> None:
    """After a halt what a quiet series crossed is noted last, with the moment it was crossed."""
    async with market.database.transaction() as session:
        for minute in (*range(10, 10 + LATEST_FIRED), 0):
            session.add(noted(user_id, minute))
            await session.flush()
    async with market.database.transaction() as session:
        told = (await service.ticks(session, [user_id]))[user_id].fired
    assert [one.price for one in told] == [*range(9 + LATEST_FIRED, 10, -1), 0]
    assert sorted(one.number for one in told)[-1] == told[-1].number, "the late one is the newest"


async def test_what_was_noted_last_is_not_forgotten_for_its_moment(market: Market, user_id: UUID) -> None:
    """Nor before anybody was told: the newest are forgotten where they are noted."""
    async with market.database.transaction() as session:
        for minute in (1, 2, 3, 0):
            session.add(noted(user_id, minute))
            await session.flush()
        await repository.forget_fired(session, [user_id], 2)
    assert [row.price for row in await fired(market)] == [0, 3]


def noted(user_id: UUID, minute: int) -> FiredAlert:
    at = datetime.fromtimestamp(START + minute * MINUTE, UTC)
    return FiredAlert(
        id=uuid4(), user_id=user_id, alert_id=uuid4(), series=SERIES, direction="above",
        price=Decimal(minute), seen_price=Decimal(1), note="", at=at,
    )  # fmt: skip


async def test_every_time_means_each_crossing(market: Market, user_id: UUID) -> None:
    await arm(market, user_id, repeat="every")
    await arm(market, user_id, repeat="every", direction="below")
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, *(market.trade(price) for price in (95, 101, 102, 99, 98, 100, 99, 101)))
    rows = await fired(market)
    assert directions(rows).count("above") == 3
    assert directions(rows).count("below") == 2
    await market.close()
    await tell(watcher, market.trade(103))
    assert len(await fired(market)) == len(rows)


async def test_a_restart_forgets_nothing_and_repeats_nothing(market: Market, user_id: UUID) -> None:
    await arm(market, user_id, repeat="every")
    first = market.watcher()
    await first.refresh()
    await tell(first, market.trade(95), market.trade(102))
    second = market.watcher()
    await second.refresh()
    await tell(second, market.trade(103))
    assert directions(await fired(market)) == ["above"]
    await market.close()
    await market.minute(103, 99, 98)
    await market.minute(97, 90)
    third = market.watcher()
    await third.refresh()
    rows = await fired(market)
    assert directions(rows) == ["above", "below"]
    assert rows[-1].at == datetime.fromtimestamp(START + 3 * MINUTE, UTC)
    await tell(third, market.trade(91), market.trade(100))
    assert directions(await fired(market)) == ["above", "below", "above"]


async def test_many_watchers_fire_once(market: Market, database: Database, user_id: UUID) -> None:
    for level in (100, 101, 102):
        await arm(market, user_id, level, repeat="every")
    watchers = [market.watcher() for _ in range(4)]
    await asyncio.gather(*(watcher.refresh() for watcher in watchers))
    for price in (95, 103, 96):
        data = market.trade(price)
        for watcher in watchers:
            watcher.hear(data)
        await asyncio.gather(*(watcher.take() for watcher in watchers))
    assert sorted(directions(await fired(market))) == ["above"] * 3 + ["below"] * 3


async def test_a_write_that_fails_leaves_no_half(
    market: Market, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(95))

    async def broken(*_: object) -> None:
        raise OperationalError("", {}, OSError("the connection was lost"))

    with monkeypatch.context() as patch:
        patch.setattr(repository, "forget_fired", broken)
        watcher.hear(market.trade(105))
        with pytest.raises(OperationalError):
            await watcher.take()
    assert await fired(market) == []
    await watcher.take()
    assert directions(await fired(market)) == ["above"]
    await watcher.take()
    await tell(watcher, market.trade(106))
    assert len(await fired(market)) == 1


async def test_what_was_before_an_alert_does_not_count(market: Market, user_id: UUID) -> None:
    market.trade(120, 80)
    alert_id = await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(90), market.trade(91))
    assert await fired(market) == []
    await tell(watcher, market.trade(100))
    assert directions(await fired(market)) == ["above"]
    async with market.database.transaction() as session:
        wanted = NewAlert(series=SERIES, direction="either", price=Decimal(100))
        await service.change_alert(session, user_id, alert_id, wanted, now=market.clock.now())
    await watcher.refresh()
    await tell(watcher, market.trade(101), market.trade(102))
    assert len(await fired(market)) == 1
    await tell(watcher, market.trade(99))
    assert directions(await fired(market)) == ["above", "below"]


async def test_what_happens_before_the_first_look_counts_from_the_price_at_which_it_was_made(
    market: Market, user_id: UUID
) -> None:
    market.trade(120, 95)
    alert_id = await arm(market, user_id, price=Decimal(95))
    market.trade(103)
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(104))
    assert directions(await fired(market)) == ["above"]
    async with market.database.transaction() as session:
        wanted = NewAlert(series=SERIES, direction="either", price=Decimal(100))
        now = market.clock.now()
        await service.change_alert(session, user_id, alert_id, wanted, now=now, price=Decimal(104))
    await tell(watcher, market.trade(98))
    await watcher.refresh()
    await tell(watcher, market.trade(97))
    assert directions(await fired(market)) == ["above", "below"]


async def test_what_was_not_announced_is_read(market: Market, user_id: UUID) -> None:
    """Five minutes without a word: more than an announcement holds."""
    await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    await market.minute(95, 96)
    await market.minute(96, 104, 95)
    for _ in range(5):
        await market.minute(95, 96)
    market.clock.second += 30
    await tell(watcher, market.trade(95))
    rows = await fired(market)
    assert directions(rows) == ["above"]
    assert rows[0].at == datetime.fromtimestamp(START + 3 * MINUTE, UTC)


async def test_silence_is_broken_by_asking(market: Market, user_id: UUID) -> None:
    await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    await market.minute(95, 101)
    await watcher.refresh()
    assert directions(await fired(market)) == ["above"]


async def test_only_the_newest_are_kept_and_nothing_is_watched_without_alerts(
    market: Market, database: Database, user_id: UUID, redis: Redis
) -> None:
    other = await add_user(database)
    async with database.transaction() as session:
        for owner_id in (user_id, other):
            alert_id = await arm(market, owner_id)
            session.add_all(
                FiredAlert(
                    id=UUID(int=number * 2 + (owner_id == other)), user_id=owner_id, alert_id=alert_id,
                    series=SERIES, direction="above", price=Decimal(1), seen_price=Decimal(1), note="",
                    at=market.clock.now() - timedelta(days=1, seconds=number),
                )
                for number in range(MOST_FIRED)
            )  # fmt: skip
    async with database.transaction() as session:
        mine = (await repository.alerts(session, other))[0]
        await session.delete(await session.merge(mine))
    watcher = market.watcher()
    await watcher.refresh()
    await tell(watcher, market.trade(95), market.trade(101))
    rows = await fired(market)
    assert sum(row.user_id == user_id for row in rows) == MOST_FIRED
    assert rows[-1].seen_price == 101
    assert sum(row.user_id == other for row in rows) == MOST_FIRED
    await watcher.refresh()
    async with database.transaction() as session:
        assert list(await session.scalars(select(AlertWatch))) == []
        assert not (await session.scalars(select(PriceAlert))).one().active


async def test_nonsense_is_dropped(market: Market, user_id: UUID) -> None:
    await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    for data in (b"", b"[]", b"{}", b'{"bybit:COIN": 1}', b'{"bybit:COIN": {"closed": [["x"]]}}'):
        watcher.hear(data)
    await tell(watcher, market.trade(101), market.trade(99))
    assert directions(await fired(market)) == ["above"]


async def test_a_series_that_does_not_fit_costs_the_others_nothing(market: Market, user_id: UUID) -> None:
    await arm(market, user_id)
    others = [f"bybit:BAD{number}" for number in range(9)]
    for series in others:
        await arm(market, user_id, series=series)
    watcher = market.watcher()
    await watcher.refresh()
    for data in (market.trade(95), market.trade(101)):
        batch = orjson.loads(data)
        unfit = {
            **batch[SERIES],
            "forming": [[START, "0.000000000000000001", "1", "1", "1000000000000", "1"]],
        }
        await tell(watcher, orjson.dumps(dict.fromkeys(others, unfit) | batch))
    assert directions(await fired(market)) == ["above"]


async def test_a_message_that_cannot_be_sent_stops_nothing(
    market: Market, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refused(*_: object) -> None:
        raise ConnectionResetError

    await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    monkeypatch.setattr(market.redis, "publish", refused)
    await tell(watcher, market.trade(95), market.trade(101))
    assert directions(await fired(market)) == ["above"]


async def test_its_owners_pages_are_told(market: Market, user_id: UUID, redis: Redis) -> None:
    await arm(market, user_id)
    watcher = market.watcher()
    await watcher.refresh()
    async with redis.pubsub() as heard:
        await heard.psubscribe("user:*")
        await tell(watcher, market.trade(95), market.trade(101))
        for _ in range(200):
            message = await heard.get_message(ignore_subscribe_messages=True, timeout=0.1)
            if message:
                break
    assert message is not None
    assert message["channel"].decode() == f"user:{user_id}"
    assert orjson.loads(message["data"]) == {"topic": "alerts", "data": {"changed": True}}
