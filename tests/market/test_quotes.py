"""The board of quotes over a real Redis."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from uuid import uuid4

import orjson
import pytest

from holdfast.execution.risk import gate
from holdfast.market import quotes
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.platform.background import cancel
from holdfast.venues.protocol import Quote

NOW = datetime(2026, 11, 21, 12, 0, 0, 123000, tzinfo=UTC)
QUOTE = LiveQuote(
    symbol="BTCUSDT",
    bid=Decimal("0.0000001"),
    ask=Decimal("100000.50"),
    last=Decimal("100"),
    mark=Decimal("99.9"),
    index=Decimal("99.8"),
    prev_24h=Decimal("90"),
    turnover_24h=Decimal("1e9"),
    funding_rate=Decimal("-0.000125"),
    at=NOW,
)


def test_the_latest_quote_wins():
    board = QuoteBoard()
    assert board.put(QUOTE)
    assert not board.put(replace(QUOTE, last=Decimal(1), at=NOW - timedelta(seconds=1)))
    assert board.get("BTCUSDT") == QUOTE
    newer = replace(QUOTE, last=Decimal(2), at=NOW + timedelta(seconds=1))
    board.put(newer)
    assert board.all() == [newer]
    assert board.age("BTCUSDT", NOW + timedelta(seconds=3)) == timedelta(seconds=2)
    assert board.age("ETHUSDT", NOW) is None


def test_what_is_published_is_what_is_read():
    fields = orjson.loads(orjson.dumps(quotes.encode(QUOTE)))
    assert quotes.decode("BTCUSDT", fields) == QUOTE
    assert fields["b"] == "0.0000001", "plain notation, never 1E-7"


async def until(condition, seconds=30.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
async def board(redis):
    board = QuoteBoard()
    await redis.hset(quotes.LAST_KEY, "BTCUSDT", orjson.dumps(quotes.encode(QUOTE)))
    task = asyncio.create_task(board.follow(redis))
    yield board
    await cancel([task])


async def test_a_cold_start_and_then_every_change(board, redis):
    await until(lambda: board.get("BTCUSDT"))
    newer = replace(QUOTE, last=Decimal(7), at=NOW + timedelta(seconds=1))
    await redis.publish(
        quotes.CHANNEL, orjson.dumps({"BTCUSDT": quotes.encode(newer), "BADUSDT": {"b": "x"}})
    )
    await until(lambda: board.get("BTCUSDT") == newer)
    assert board.get("BADUSDT") is None


async def test_a_lost_connection_is_made_again(board, redis):
    await until(lambda: board.get("BTCUSDT"))
    await redis.client_kill_filter(_type="pubsub")
    newer = replace(QUOTE, last=Decimal(8), at=NOW + timedelta(seconds=2))
    await redis.hset(quotes.LAST_KEY, "BTCUSDT", orjson.dumps(quotes.encode(newer)))
    await until(lambda: board.get("BTCUSDT") == newer)


class OneOrder:
    """A database in which an execution has one order, of bitcoin."""

    def sessions(self):
        return self

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None

    async def scalars(self, _):
        return ["BTCUSDT"]


async def test_the_gates_own_answer_is_as_old_as_its_question(redis):
    """So a slow one displaces nothing newer, and is not taken for fresher than it is."""
    clock = SimpleNamespace(time=NOW)
    clock.now = lambda: clock.time
    asked = []

    async def quotes_of_venue(kind):
        asked.append(clock.time)
        clock.time += timedelta(seconds=6)
        told = {name: Decimal(1) for name in ("bid", "ask", "last", "mark", "index", "turnover_24h")}
        return [Quote("BTCUSDT", **told, funding_rate=Decimal(0), next_funding_at=None, at=clock.time)]

    settings = SimpleNamespace(stale_price_seconds=10)
    work = SimpleNamespace(database=OneOrder(), redis=redis, clock=clock, settings=settings, services={})
    await gate.look(work, SimpleNamespace(quotes=quotes_of_venue), SimpleNamespace(id=uuid4()))
    assert [gate.quotes_of(work).get("BTCUSDT").at] == asked
