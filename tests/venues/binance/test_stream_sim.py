"""Our stream client at the simulated Binance: what it tells when all is well, what it notices otherwise."""

import asyncio
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from holdfast.venues.binance.book import LocalBook
from holdfast.venues.binance.events import (
    AggTrade,
    BookTicker,
    DepthDiff,
    DepthSnapshot,
    KlineUpdate,
    MiniTicker,
    Trade,
)
from holdfast.venues.binance.rest import BinancePublic
from holdfast.venues.binance.stream import Listening

from .conftest import CLOCK, MORNING_MS, Ear, Sim, listening, simulated

TRADES = "btcusdt@trade"


def ids(ear: Ear) -> list[int]:
    return [trade.id for trade in ear.of(Trade)]


def without_a_gap(numbers: list[int]) -> bool:
    return all(after == before + 1 for before, after in pairwise(numbers))


async def test_every_kind_of_stream_is_read(sim: Sim) -> None:
    kinds = ("trade", "aggTrade", "kline_1m", "kline_1s", "bookTicker", "miniTicker", "depth@100ms", "depth5")
    async with listening(sim, [*(f"ethusdt@{kind}" for kind in kinds), "!miniTicker@arr"]) as ear:
        wanted = {Trade, AggTrade, KlineUpdate, BookTicker, MiniTicker, DepthDiff, DepthSnapshot}
        await ear.until(lambda: wanted <= {type(event) for event in ear.told})
        await ear.until(lambda: len({one.symbol for one in ear.of(MiniTicker)}) > 400)
        assert {one.symbol for one in ear.of(DepthSnapshot)} == {"ETHUSDT"}
        assert not ear.away()


async def test_candles_close_once_and_are_what_was_traded() -> None:
    """A whole minute at twenty times the speed."""
    async with simulated(start_ms=MORNING_MS + 40_000, speed=20) as sim:
        async with listening(sim, [TRADES, "btcusdt@kline_1m"]) as ear:

            def whole() -> list[KlineUpdate]:
                """Closed candles all of whose trades were heard."""
                return [one for one in ear.of(KlineUpdate) if one.closed and one.first_trade >= ids(ear)[0]]

            await ear.until(lambda: len(ids(ear)) > 0 and len(whole()) >= 1)
            closed = Counter(one.kline.open_ms for one in ear.of(KlineUpdate) if one.closed)
            assert set(closed.values()) == {1}
            second = whole()[0]
            traded = [one for one in ear.of(Trade) if second.first_trade <= one.id <= second.last_trade]
        assert not ear.away()
        assert without_a_gap(ids(ear))
        kline = second.kline
        assert kline.open_ms <= traded[0].at_ms <= traded[-1].at_ms <= kline.close_ms
        assert len(traded) == kline.trades
        assert (traded[0].price, traded[-1].price) == (kline.open, kline.close)
        assert (max(one.price for one in traded), min(one.price for one in traded)) == (kline.high, kline.low)
        assert sum(one.quantity for one in traded) == kline.volume
        assert sum(one.quantity for one in traded if not one.buyer_is_maker) == kline.taker_volume
        venue = BinancePublic(sim.rest)
        found = await venue.full_klines("BTCUSDT", "1m", limit=10)
        await venue.close()
        assert kline in found


async def test_the_book_stays_in_step_and_equals_every_best_price(sim: Sim) -> None:
    venue, book = BinancePublic(sim.rest), LocalBook("BTCUSDT")
    async with listening(sim, ["btcusdt@depth@100ms", "btcusdt@bookTicker"]) as ear:
        await ear.more(DepthDiff)
        assert book.start(await venue.depth("BTCUSDT"))
        await ear.more(DepthDiff, 6)
        shown = {one.update_id: one for one in ear.of(BookTicker)}
        compared = 0
        for diff in ear.of(DepthDiff):
            assert book.apply(diff)
            best = shown.get(book.last_id)
            if best is not None:
                compared += 1
                assert book.bids.best() == (best.bid, best.bid_quantity)
                assert book.asks.best() == (best.ask, best.ask_quantity)
    await venue.close()
    assert compared >= 3


@pytest.mark.parametrize("kind", ["silent", "half_open", "drop_request"])
async def test_a_lost_connection_is_replaced_and_what_was_missed_is_told(sim: Sim, kind: str) -> None:
    """A reader that fills what it is told over REST ends with every trade."""
    venue = BinancePublic(sim.rest)
    async with listening(
        sim, [TRADES, "ethusdt@bookTicker"], silence=1.5, longest_silence=5, answer=2
    ) as ear:
        await ear.until(lambda: len(ids(ear)) >= 5 and len(ear.of(BookTicker)) >= 2)
        ear.told.clear()
        await ear.more(Trade, 5)
        sim.fail("binance.stream.btcusdt@trade", kind, count=1)
        await ear.until(lambda: bool(ear.away()))
        sim.faults.replace([])
        await ear.more(Trade, 5)
        told = ear.away()
        assert {name for one in told for name in one.streams} == {TRADES, "ethusdt@bookTicker"}
        assert all(one.since < one.until for one in told)
        place = next(n for n, event in enumerate(ear.told) if event is told[0])
        before = [event.id for event in ear.told[:place] if isinstance(event, Trade)]
        filled = [trade.id for trade in await venue.trades("BTCUSDT", from_id=before[-1] + 1)]
        after = [event.id for event in ear.told[place:] if isinstance(event, Trade)]
    await venue.close()
    assert without_a_gap(sorted({*before, *filled, *after}))
    assert len(set(ids(ear))) == len(ids(ear))


async def test_one_dropped_event_is_told(sim: Sim) -> None:
    async with listening(sim, [TRADES, "btcusdt@depth@100ms"]) as ear:
        await ear.more(Trade, 3)
        sim.fail("binance.stream.btcusdt@trade", "drop_answer", count=1)
        await ear.until(lambda: bool(ear.away()))
        assert ear.away()[0].streams == (TRADES,)
        assert ear.away()[0].reason == "events are missing"
        book = LocalBook("BTCUSDT")
        await ear.more(DepthDiff)
        venue = BinancePublic(sim.rest)
        assert book.start(await venue.depth("BTCUSDT"))
        sim.fail("binance.stream.btcusdt@depth@100ms", "drop_answer", count=1)
        await ear.until(lambda: len(ear.away()) == 2)
        await ear.more(DepthDiff)
        results = [book.apply(diff) for diff in ear.of(DepthDiff)]
        assert not results[-1]
        assert book.needs_snapshot
        assert book.start(await venue.depth("BTCUSDT"))
        await venue.close()


@pytest.mark.parametrize(
    ("kind", "more"), [("duplicate", {}), ("reorder", {}), ("delay", {"jitter_ms": 400})]
)
async def test_nothing_is_told_twice_or_backwards(sim: Sim, kind: str, more: dict[str, int]) -> None:
    """An event that comes too late counts as missing: told once, and not again when it does come."""
    async with listening(sim, [TRADES]) as ear:
        sim.fail("binance.stream.*", kind, probability=0.3, delay_ms=150, **more)
        await ear.until(lambda: sim.hits() >= 6)
        sim.faults.replace([])
        await ear.more(Trade, 10)
        told = ids(ear)
        assert told == sorted(set(told))
        assert bool(ear.away()) == (kind != "duplicate")
        missing = [event for event in ear.away() if event.streams == (TRADES,)]
        assert len(missing) == sum(after > before + 1 for before, after in pairwise(told))


async def test_the_next_connection_takes_over_before_the_last_is_closed(sim: Sim) -> None:
    async with listening(sim, [TRADES, "btcusdt@kline_1m"], life=1.5) as ear:
        sockets: set[object] = set()
        async with asyncio.timeout(30):
            while len(sockets) < 4 or len(ids(ear)) < 20:
                assert sim.streams.connections >= 1
                sockets.update(sim.streams._clients)
                await asyncio.sleep(0.02)
        assert without_a_gap(ids(ear))
        assert not ear.away()


async def test_an_announced_restart_loses_nothing(sim: Sim) -> None:
    sim.streams.be(shutdown_s=10.0)
    async with listening(sim, [TRADES, "ethusdt@aggTrade"]) as ear:
        await ear.more(Trade, 4)
        (old,) = sim.streams._clients
        sim.fail("binance.venue", "restart", count=1)
        await ear.until(lambda: sim.streams.connections == 1 and old not in sim.streams._clients)
        assert sim.hits() == 1
        await ear.more(Trade, 4)
        assert without_a_gap(ids(ear))
        assert without_a_gap([one.id for one in ear.of(AggTrade)])
        assert not ear.away()


async def test_the_cut_after_a_day_is_survived_even_unforeseen(sim: Sim) -> None:
    sim.streams.be(life_s=1.0)
    async with listening(sim, [TRADES]) as ear:
        await ear.until(lambda: len(ear.away()) >= 2)
        sim.streams.be(life_s=86_400.0)
        await ear.more(Trade, 4)
        assert len(set(ids(ear))) == len(ids(ear))


async def test_pings_are_answered(sim: Sim) -> None:
    """Unanswered pings would cut the connection."""
    sim.streams.be(ping_s=0.2)
    async with listening(sim, [TRADES]) as ear:
        (client,) = sim.streams._clients
        socket = client.socket
        for _ in range(3):
            before = socket._pinged
            await ear.until(lambda before=before: socket._pinged > before and not socket._pings)  # type: ignore[misc]
        await ear.more(Trade)
        assert not ear.away()


async def test_a_quiet_pair_is_no_reason_to_connect_again(sim: Sim) -> None:
    """The venue is asked what we listen to, and says it."""
    sim.world.clock.freeze()
    async with listening(sim, [TRADES, "ethusdt@trade"], silence=0.3, longest_silence=30) as ear:
        await asyncio.sleep(2.0)
        sim.world.clock.resume()
        await ear.more(Trade)
        assert not ear.away()


async def test_a_busy_connection_that_falls_silent_is_given_up_soon(sim: Sim) -> None:
    """It answers what it is asked, and tells nothing: long before the longest silence that is too long."""
    async with listening(sim, [TRADES], silence=2.0, longest_silence=600) as ear:
        await ear.until(lambda: len(ids(ear)) >= 40)
        sim.fail("binance.stream.btcusdt@trade", "silent", count=1)
        await ear.until(lambda: bool(ear.away()), seconds=45)
        assert ear.away()[0].reason.startswith("no event for")


async def test_a_stream_the_venue_forgot_is_noticed(sim: Sim) -> None:
    sim.world.clock.freeze()
    async with listening(sim, [TRADES, "ethusdt@trade"], silence=0.3, longest_silence=60) as ear:
        (client,) = sim.streams._clients
        client.unsubscribe(["ethusdt@trade"])
        await ear.until(lambda: bool(ear.away()))
        assert ear.away()[0].reason == "the venue has forgotten 1 streams"
        sim.world.clock.resume()
        await ear.until(lambda: {one.symbol for one in ear.of(Trade)} == {"BTCUSDT", "ETHUSDT"})


PULSE = "btcusdt@miniTicker"
QUIET = "ethusdt@nothing"
"""Never tells anything, as a pair that nobody trades."""


def have_a_pulse(ear: Ear) -> bool:
    """Whether every connection has heard one. It is in place a moment after it was told as live."""
    current = [lane._current for lane in ear.stream._lanes]
    return all(one is not None and one._has_pulse for one in current)


@pytest.mark.parametrize("kind", ["silent", "half_open"])
async def test_with_a_pulse_a_dead_connection_of_quiet_pairs_is_found_soon(sim: Sim, kind: str) -> None:
    async with listening(
        sim, [QUIET], stream_pulse=PULSE, pulse=3.0, silence=600, longest_silence=600, answer=600
    ) as ear:
        await ear.until(lambda: have_a_pulse(ear))
        sim.fail(f"binance.stream.{PULSE}", kind, count=1)
        await ear.until(lambda: bool(ear.away()))
        assert ear.away()[0].streams == (QUIET,)
        assert ear.away()[0].reason.startswith("no event for")


async def test_a_pulse_is_told_to_nobody_and_takes_one_place(sim: Sim) -> None:
    streams = [f"{QUIET}{n}" for n in range(4)]
    async with listening(sim, streams, stream_pulse=PULSE, most_streams=3) as ear:
        assert ear.stream.connections == 2
        await ear.until(lambda: have_a_pulse(ear))
        assert set(sim.streams.subscribed) == {*streams, PULSE}
        assert {type(event) for event in ear.told} == {Listening}
        assert {name for one in ear.of(Listening) for name in one.streams} == set(streams)
        ear.stream.want([*streams, PULSE])
        await ear.more(MiniTicker)
        assert PULSE in {name for one in ear.of(Listening) for name in one.streams}
        assert not ear.away()


async def test_a_pulse_that_never_came_condemns_nobody(sim: Sim) -> None:
    async with listening(sim, [QUIET], stream_pulse="nosuch@miniTicker", pulse=0.2, silence=0.3) as ear:
        await asyncio.sleep(2.0)
        assert not ear.away()


async def test_a_stream_the_venue_forgot_is_noticed_though_others_are_heard(sim: Sim) -> None:
    async with listening(sim, [QUIET], stream_pulse=PULSE, pulse=30, audit=1.0) as ear:
        (client,) = sim.streams._clients
        client.unsubscribe([QUIET])
        await ear.until(lambda: bool(ear.away()))
        assert ear.away()[0].reason == "the venue has forgotten 1 streams"


async def test_many_streams_are_spread_over_connections_and_stay_where_they_are(sim: Sim) -> None:
    pairs = [pair.symbol.lower() for pair in sim.streams._desk.listing.trading()[:8]]
    streams = [f"{pair}@bookTicker" for pair in pairs]
    async with listening(sim, streams, most_streams=3) as ear:
        assert (sim.streams.connections, ear.stream.connections) == (3, 3)
        await ear.until(lambda: len({one.symbol for one in ear.of(BookTicker)}) == 8)
        ear.stream.want([*streams[:4], TRADES])
        await ear.until(lambda: set(sim.streams.subscribed) == {*streams[:4], TRADES})
        await ear.more(Trade)
        ear.stream.want([])
        await ear.until(lambda: sim.streams.connections == 0)
        ear.stream.want([TRADES])
        await ear.more(Trade)
        assert not ear.away()


async def test_a_thousand_streams_fit_one_connection_without_speaking_too_fast(sim: Sim) -> None:
    symbols = [pair.symbol.lower() for pair in sim.streams._desk.listing.all()]
    streams = [f"{symbol}@{kind}" for kind in ("nothing", "nothing2") for symbol in symbols][:900]
    async with listening(sim, [*streams, TRADES]) as ear:
        assert sim.streams.connections == 1
        assert len(sim.streams.subscribed) == 901
        await ear.more(Trade)
        assert not ear.away()


@pytest.mark.parametrize("kind", ["maintenance", "ip_limit", "half_open"])
async def test_a_closed_door_is_tried_again(sim: Sim, kind: str) -> None:
    sim.fail("binance.stream.connect", kind, count=2)
    async with listening(sim, [TRADES], answer=1.0) as ear:
        assert sim.hits() == 2
        await ear.more(Trade)


async def test_a_listener_that_fails_ends_the_stream_loudly(sim: Sim) -> None:
    from holdfast.venues.binance.stream import BinanceStream, StreamEvent

    def deaf(event: StreamEvent) -> None:
        if isinstance(event, Trade):
            raise RuntimeError("cannot hear")

    stream = BinanceStream(f"{sim.rest}/stream", CLOCK, deaf)
    stream.want([TRADES])
    with pytest.raises(RuntimeError, match="cannot hear"):
        async with asyncio.timeout(30):
            await stream.run()


async def test_listening_is_told_once_for_every_stream(sim: Sim) -> None:
    async with listening(sim, [TRADES, "ethusdt@trade"]) as ear:
        ear.stream.want([TRADES, "ethusdt@trade", "solusdt@trade"])
        await ear.until(lambda: any("solusdt@trade" in one.streams for one in ear.of(Listening)))
        counted: defaultdict[str, int] = defaultdict(int)
        for one in ear.of(Listening):
            for name in one.streams:
                counted[name] += 1
        assert counted == {TRADES: 1, "ethusdt@trade": 1, "solusdt@trade": 1}
