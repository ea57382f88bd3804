"""Minutes of many series in one feed: what one of them cannot store costs no other."""

from collections.abc import Callable
from decimal import Decimal

from redis.asyncio import Redis
from sqlalchemy import select
from tests.market.candles.made import START

from holdfast.core.time import from_seconds
from holdfast.market.candles import store
from holdfast.market.candles.models import CandleRow
from holdfast.market.candles.service import Candles
from holdfast.market.live.ingest import Ingest
from holdfast.market.live.minutes import Minute, Tail
from holdfast.platform.database import Database


class At:
    def now(self) -> object:
        return from_seconds(START + 600)


def heard(volume: str) -> Tail:
    """A tail with one closed minute that is not stored."""
    tail, price = Tail(), Decimal("1.5")
    tail.fill((), START, START)
    tail.hear(Minute(START, price, price, price, price, Decimal(volume)), closed=True)
    return tail


async def test_minutes_that_do_not_fit_cost_no_other_series(database: Database, redis: Redis) -> None:
    """A series whose scale is too fine for them, as an operator's file can make it."""
    async with database.transaction() as session:
        narrow = await store.series(session, "bybit", "AAAUSDT", volume_decimals=18)
        usual = await store.series(session, "bybit", "BBBUSDT", volume_decimals=3)
    clock = At()
    feed = Ingest(database, redis, Candles(database, clock, {}), {}, opener, clock)  # type: ignore[arg-type]
    feed._ids.update({"bybit:AAAUSDT": narrow.id, "bybit:BBBUSDT": usual.id})
    feed._tails.update({"bybit:AAAUSDT": heard("1000"), "bybit:BBBUSDT": heard("1000")})
    await feed.flush()
    async with database.transaction() as session:
        assert list(await session.scalars(select(CandleRow.series_id))) == [usual.id]
    assert feed._tails["bybit:AAAUSDT"].until is None, "begins again with what the store has"
    assert feed._tails["bybit:BBBUSDT"].until == START + 60
    await feed.flush()


def opener(source: str, hear: Callable[[str, Minute, bool], None]) -> object:
    raise AssertionError(f"no stream of {source} is opened for {hear}")
