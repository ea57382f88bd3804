"""Our client and the simulated venue over real sockets, with faults and without: we report its truth."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import ClientSession
from aiohttp.test_utils import TestServer

from holdfast.core.instruments import InstrumentKind, InstrumentStatus, Side
from holdfast.sim.server import create_app
from holdfast.venues.bybit import client
from holdfast.venues.bybit.client import BybitVenue
from holdfast.venues.bybit.private_stream import BybitAccountStream
from holdfast.venues.protocol import (
    AccountEvent,
    DuplicateClientId,
    FillReport,
    KeyRefused,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderStyle,
    OutcomeUnknown,
    PositionHint,
    RateLimited,
    Rejected,
    StreamConnected,
    StreamLost,
    Unreachable,
    VenueError,
    WalletHint,
)

LINEAR = InstrumentKind.LINEAR


class Simulator:
    """The simulated world on a real port, its control door, and clients for its accounts."""

    def __init__(self, url: str, http: ClientSession) -> None:
        self.url = url
        self._http = http
        self._venues: list[BybitVenue] = []

    async def account(self, **spec: Any) -> dict[str, str]:
        created: dict[str, str] = await self._post("/_sim/accounts", spec)
        return created

    async def venue(self, **spec: Any) -> BybitVenue:
        return self.venue_of(await self.account(**spec))

    def venue_of(self, account: dict[str, str]) -> BybitVenue:
        self._venues.append(BybitVenue(self.url, account["api_key"], account["api_secret"]))
        return self._venues[-1]

    async def fault(self, where: str, kind: str, count: int = 1, **more: Any) -> None:
        await self._post("/_sim/faults", {"rules": [{"where": where, "kind": kind, "count": count, **more}]})

    async def force(self, symbol: str, status: str) -> None:
        await self._post("/_sim/market", {"op": "status", "symbol": symbol, "status": status})

    async def advance(self, by: timedelta) -> None:
        await self._post("/_sim/clock", {"advance_ms": int(by.total_seconds() * 1000)})

    async def truth(self, uid: str) -> dict[str, Any]:
        async with self._http.get(f"{self.url}/_sim/accounts/{uid}/truth") as response:
            found: dict[str, Any] = await response.json()
            return found

    async def close(self) -> None:
        for venue in self._venues:
            await venue.close()

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        async with self._http.post(self.url + path, json=body) as response:
            assert response.status == 200, await response.text()
            return await response.json()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine many orders take longer than orders may."""
    monkeypatch.setattr(client, "LEAVE_WITHIN", timedelta(seconds=60))


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    server = TestServer(create_app(7))
    await server.start_server()
    async with ClientSession() as http:
        simulator = Simulator(str(server.make_url("")).rstrip("/"), http)
        yield simulator
        await simulator.close()
    await server.close()


async def taking(venue: BybitVenue, client_id: str, symbol: str = "BTCUSDT", **changes: Any) -> OrderRequest:
    """An order that buys at once: half a percent above the best ask."""
    book = await venue.book(symbol, depth=5)
    side: Side = changes.pop("side", Side.BUY)
    best = book.asks[0][0] if side is Side.BUY else book.bids[0][0]
    price = (best * (1 + side.sign * Decimal("0.005"))).quantize(Decimal("0.1"))
    values = {"quantity": Decimal("0.002"), "limit_price": price, "reduce_only": False} | changes
    return OrderRequest(client_id, symbol, side, **values)


def same(order: OrderRequest, count: int) -> list[OrderRequest]:
    return [replace(order, client_id=f"hf-{i}") for i in range(count)]


async def ended(venue: BybitVenue, symbol: str, client_id: str) -> OrderReport:
    async with asyncio.timeout(30):
        while True:
            found = await venue.find_order(symbol, client_id)
            if found and found.status is not OrderStatus.OPEN:
                return found
            await asyncio.sleep(0.02)


async def test_an_order_its_fills_and_the_position_are_the_venues_truth(sim: Simulator) -> None:
    account = await sim.account()
    venue = sim.venue_of(account)
    began = await venue.server_time()
    await venue.ensure_leverage("BTCUSDT", Decimal(1))
    await venue.ensure_leverage("BTCUSDT", Decimal(1))
    await venue.ensure_one_way("BTCUSDT")
    [placed] = await venue.place([await taking(venue, "hf-1")])
    assert placed.error is None
    report = await ended(venue, "BTCUSDT", "hf-1")
    fills = await venue.fills_of("BTCUSDT", "hf-1")
    [position] = await venue.positions()
    truth = await sim.truth(account["uid"])

    assert (report.status, report.filled_quantity) == (OrderStatus.FILLED, Decimal("0.002"))
    assert report.venue_order_id == placed.venue_order_id == truth["orders"][0]["order_id"]
    assert [(f.exec_id, f.quantity, f.price, f.fee) for f in fills] == [
        (f["exec_id"], Decimal(f["qty"]), Decimal(f["price"]), Decimal(f["fee"])) for f in truth["fills"]
    ]
    assert sum(f.quantity for f in fills) == position.quantity == Decimal(truth["positions"][0]["size"])
    assert (position.leverage, position.hedge_mode) == (1, False)
    assert await venue.fills_since(began) == fills
    balance = await venue.balance()
    assert balance.wallet == 10_000 - sum(f.fee for f in fills)
    assert balance.available < balance.wallet


async def test_a_partly_filled_order_is_cancelled_with_what_it_got(sim: Simulator) -> None:
    venue = await sim.venue(behaviour={"max_fill": "0.5"})
    await venue.place([await taking(venue, "hf-1")])
    report = await ended(venue, "BTCUSDT", "hf-1")
    assert (report.status, report.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.001"))
    assert report.average_price is not None


async def test_a_lost_answer_leaves_an_order_that_is_found_by_its_id(sim: Simulator) -> None:
    venue = await sim.venue()
    order = await taking(venue, "hf-1")
    await sim.fault("bybit.order.create", "drop_answer")
    [placed] = await venue.place([order])
    assert isinstance(placed.error, OutcomeUnknown)
    assert (await ended(venue, "BTCUSDT", "hf-1")).filled_quantity == order.quantity
    [again] = await venue.place([order])
    assert isinstance(again.error, DuplicateClientId)
    assert (await venue.position_of("BTCUSDT")).quantity == order.quantity


@pytest.mark.parametrize("fault", ["drop_request", "error_500_before", "maintenance"])
async def test_a_lost_request_is_unknown_until_asked_and_may_then_be_sent_again(
    sim: Simulator, fault: str
) -> None:
    venue = await sim.venue()
    order = await taking(venue, "hf-1")
    await sim.fault("bybit.order.create", fault)
    [placed] = await venue.place([order])
    assert isinstance(placed.error, OutcomeUnknown)
    assert await venue.find_order("BTCUSDT", "hf-1") is None
    [again] = await venue.place([order])
    assert again.error is None
    await ended(venue, "BTCUSDT", "hf-1")
    assert (await venue.position_of("BTCUSDT")).quantity == order.quantity


async def test_an_order_of_last_week_is_found_by_its_time(sim: Simulator) -> None:
    venue = await sim.venue()
    order = await taking(venue, "hf-old")
    since = await venue.server_time()
    await venue.place([order])
    await ended(venue, "BTCUSDT", "hf-old")
    await sim.advance(timedelta(days=8))
    assert await venue.fills_of("BTCUSDT", "hf-old") == []
    found = await venue.find_order_since("BTCUSDT", "hf-old", since)
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.FILLED, order.quantity)
    told = [fill for fill in await venue.fills_since(since) if fill.client_id == "hf-old"]
    assert sum(fill.quantity for fill in told) == order.quantity
    assert await venue.find_order_since("BTCUSDT", "hf-other", since) is None


async def test_a_lost_batch_answer_is_found_order_by_order(sim: Simulator) -> None:
    account = await sim.account(balances={"USDT": "100000"})
    venue = sim.venue_of(account)
    orders = same(await taking(venue, "any"), 13)
    await sim.fault("bybit.order.create-batch", "error_500_after")
    placed = await venue.place(orders)
    assert [type(p.error) for p in placed] == [type(None)] * 10 + [OutcomeUnknown] * 3
    for order in orders:
        assert (await ended(venue, "BTCUSDT", order.client_id)).filled_quantity == order.quantity
    assert len((await sim.truth(account["uid"]))["orders"]) == 13


async def test_thirty_five_orders_stay_within_the_venues_limits(sim: Simulator) -> None:
    account = await sim.account(balances={"USDT": "1000000"})
    venue = sim.venue_of(account)
    orders = same(await taking(venue, "any"), 35)
    placed = await venue.place(orders)
    assert [p.error for p in placed] == [None] * 35
    assert [p.client_id for p in placed] == [o.client_id for o in orders]
    sent = sorted(o["created_ms"] for o in (await sim.truth(account["uid"]))["orders"])
    assert len(sent) == 35
    assert all(sum(at <= other < at + 1000 for other in sent) <= 20 for at in sent)


async def test_a_rate_limit_is_told_with_its_end_and_the_next_order_waits_for_it(sim: Simulator) -> None:
    venue = await sim.venue()
    order = await taking(venue, "hf-1")
    await sim.fault("bybit.order.create", "rate_limit", retry_after_s=1)
    began = await venue.server_time()
    [placed] = await venue.place([order])
    assert isinstance(placed.error, RateLimited)
    told = await venue.server_time()
    assert began < placed.error.until < told + timedelta(seconds=3)
    [again] = await venue.place([order])
    assert again.error is None
    assert await venue.server_time() >= began + timedelta(seconds=0.9)


@pytest.mark.parametrize("skew", [6_000, -6_000])
async def test_a_skewed_clock_refuses_a_write_and_is_measured_anew(sim: Simulator, skew: int) -> None:
    venue = await sim.venue()
    order = await taking(venue, "hf-1")
    await sim.fault("bybit.order.create", "clock_skew", skew_ms=skew)
    [placed] = await venue.place([order])
    assert isinstance(placed.error, RateLimited)
    assert placed.error.code == "10002"
    assert await venue.find_order("BTCUSDT", "hf-1") is None
    [again] = await venue.place([order])
    assert again.error is None


async def test_reads_survive_a_few_faults_and_say_so_when_there_are_too_many(sim: Simulator) -> None:
    venue = await sim.venue()
    await sim.fault("bybit.position.list", "drop_answer", count=2)
    assert await venue.positions() == []
    await sim.fault("bybit.order.*", "error_500_before", count=3)
    with pytest.raises(Unreachable):
        await venue.find_order("BTCUSDT", "hf-1")


async def test_when_the_venues_clock_jumps_signing_follows(sim: Simulator) -> None:
    venue = await sim.venue()
    before = await venue.server_time()
    assert await venue.positions() == []
    await sim.advance(timedelta(hours=3))
    assert await venue.server_time() - before >= timedelta(hours=3)
    [placed] = await venue.place([await taking(venue, "hf-1")])
    assert placed.error is None or isinstance(placed.error, RateLimited)
    assert (await venue.balance()).equity > 0


async def test_funding_is_read_from_the_log_and_is_no_fill(sim: Simulator) -> None:
    account = await sim.account(balances={"USDT": "100000"})
    venue = sim.venue_of(account)
    began = await venue.server_time()
    await venue.place([await taking(venue, "hf-1", quantity=Decimal("0.1"))])
    await ended(venue, "BTCUSDT", "hf-1")
    await sim.advance(timedelta(hours=20))
    async with asyncio.timeout(30):
        while len((await sim.truth(account["uid"]))["funding"]) < 2:
            await asyncio.sleep(0.02)
    paid = await venue.funding_since(began)
    truth = await sim.truth(account["uid"])
    assert len(paid) == len(truth["funding"]) >= 2
    assert sum(p.amount for p in paid) == sum(Decimal(f["amount"]) for f in truth["funding"])
    assert all(p.position == Decimal("0.1") and p.symbol == "BTCUSDT" for p in paid)
    assert {f.exec_type for f in await venue.fills_since(began)} == {"Trade"}


async def test_many_positions_come_over_several_pages(sim: Simulator) -> None:
    anyone = await sim.venue()
    symbols = [i.symbol for i in await anyone.instruments(LINEAR) if i.status is InstrumentStatus.TRADING]
    held = {symbol: Decimal(1000 if i % 2 else -1000) for i, symbol in enumerate(symbols[:230])}
    positions = [{"symbol": s, "size": str(q), "price": "0.001"} for s, q in held.items()]
    venue = await sim.venue(balances={"USDT": "1000000000"}, positions=positions)
    assert {p.symbol: p.quantity for p in await venue.positions()} == held


async def test_a_closing_order_reduces_and_one_too_many_is_refused(sim: Simulator) -> None:
    account = await sim.account(positions=[{"symbol": "BTCUSDT", "size": "0.002"}])
    venue = sim.venue_of(account)
    [placed] = await venue.place([await taking(venue, "hf-1", side=Side.SELL, reduce_only=True)])
    assert placed.error is None
    await ended(venue, "BTCUSDT", "hf-1")
    assert (await venue.position_of("BTCUSDT")).quantity == 0, await sim.truth(account["uid"])
    [again] = await venue.place([await taking(venue, "hf-2", side=Side.SELL, reduce_only=True)])
    assert isinstance(again.error, Rejected)
    assert again.error.code == "110017"


async def test_refusals_come_with_their_reason(sim: Simulator) -> None:
    venue = await sim.venue(balances={"USDT": "50"}, default_leverage=1)
    order = await taking(venue, "hf-1", quantity=Decimal("0.1"))
    [poor] = await venue.place([order])
    [small] = await venue.place([await taking(venue, "hf-2", "XRPUSDT", quantity=Decimal("0.1"))])
    assert isinstance(poor.error, Rejected)
    assert poor.error.code == "110007"
    assert isinstance(small.error, Rejected)


async def test_keys_are_told_apart(sim: Simulator) -> None:
    good = await sim.account(permissions={"Wallet": ["AccountTransfer"], "Brand new": ["Thing"]})
    info = await sim.venue_of(good).key_info()
    assert info.uid == good["uid"]
    assert (info.permissions["Wallet"], info.permissions["Brand new"]) == (["AccountTransfer"], ["Thing"])
    watching = await sim.venue(read_only=True)
    assert (await watching.key_info()).read_only
    [placed] = await watching.place([await taking(watching, "hf-1")])
    assert isinstance(placed.error, KeyRefused)
    with pytest.raises(KeyRefused) as refused:
        await sim.venue_of(good | {"api_secret": "not the secret".replace(" ", "-")}).key_info()
    assert good["api_key"] not in str(refused.value)
    classic = await sim.venue(unified_status=1)
    assert not (await classic.account_info()).unified


async def test_hedge_mode_is_seen_and_left_when_flat(sim: Simulator) -> None:
    venue = await sim.venue(hedge_symbols=["BTCUSDT"])
    assert (await venue.position_of("BTCUSDT")).hedge_mode
    await venue.ensure_one_way("BTCUSDT")
    assert not (await venue.position_of("BTCUSDT")).hedge_mode


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Trading", InstrumentStatus.TRADING),
        ("PreLaunch", InstrumentStatus.PRELAUNCH),
        ("Delivering", InstrumentStatus.REDUCE_ONLY),
        ("Closed", None),
    ],
)
async def test_one_instrument_is_read_whatever_its_status(
    sim: Simulator, status: str, expected: InstrumentStatus | None
) -> None:
    venue = await sim.venue()
    await sim.force("TRXUSDT", status)
    found = await venue.instrument("TRXUSDT")
    assert (found.status if found else None) is expected


async def test_the_market_is_read_whole(sim: Simulator) -> None:
    venue = await sim.venue()
    instruments = {i.symbol: i for i in await venue.instruments(LINEAR)}
    assert len(instruments) > 300
    assert instruments["SHIB1000USDT"].multiplier == 1000
    assert {InstrumentStatus.TRADING, InstrumentStatus.PRELAUNCH} <= {i.status for i in instruments.values()}
    quotes = {q.symbol: q for q in await venue.quotes(LINEAR)}
    assert quotes["BTCUSDT"].bid < quotes["BTCUSDT"].ask
    limit = await venue.price_limit("BTCUSDT")
    assert limit.lowest_sell < quotes["BTCUSDT"].mark < limit.highest_buy
    rates = await venue.fee_rates()
    assert (rates["BTCUSDT"].taker, rates["BTCUSDT"].maker) == (Decimal("0.00055"), Decimal("0.0002"))
    end = (await venue.server_time()).replace(minute=0, second=0, microsecond=0)
    candles = await venue.candles("BTCUSDT", minutes=60, start=end - timedelta(hours=1500), end=end)
    assert [c.open_time for c in candles] == [end - timedelta(hours=h) for h in range(1500, 0, -1)]


Until = Callable[[list[AccountEvent]], bool]


async def hear(
    sim: Simulator, account: dict[str, str], act: Callable[[], Awaitable[Any]], until: Until
) -> list[AccountEvent]:
    """Everything the account stream tells until ``until``; ``act`` is done once it is live."""
    venue = sim.venue_of(account)
    url = sim.url.replace("http://", "ws://") + "/v5/private"
    stream = BybitAccountStream(url, account["api_key"], account["api_secret"], venue.server_time)
    heard: list[AccountEvent] = []
    with suppress(TimeoutError):
        async with asyncio.timeout(30), aclosing(aiter(stream)) as events:
            async for event in events:
                heard.append(event)
                if heard == [StreamConnected()]:
                    await act()
                if until(heard):
                    break
    return heard


def of(heard: list[AccountEvent], *kinds: type) -> list[Any]:
    return [event for event in heard if isinstance(event, kinds)]


@pytest.mark.parametrize("behaviour", [{}, {"executions_first": False}, {"duplicate_pushes": True}])
async def test_the_stream_tells_what_the_venue_did(sim: Simulator, behaviour: dict[str, Any]) -> None:
    account = await sim.account(behaviour=behaviour)
    venue = sim.venue_of(account)

    async def trade() -> None:
        [placed] = await venue.place([await taking(venue, "hf-1")])
        assert placed.error is None

    def all_told(heard: list[AccountEvent]) -> bool:
        done = any(o.status is not OrderStatus.OPEN for o in of(heard, OrderReport))
        return done and bool(of(heard, FillReport) and of(heard, PositionHint) and of(heard, WalletHint))

    heard = await hear(sim, account, trade, all_told)
    assert all_told(heard)
    fills = {fill.exec_id: fill for fill in of(heard, FillReport)}
    for fill in await venue.fills_of("BTCUSDT", "hf-1"):
        if fill.exec_id in fills:
            assert fills[fill.exec_id] == fill
    assert {fill.client_id for fill in fills.values()} == {"hf-1"}
    assert await ended(venue, "BTCUSDT", "hf-1") in of(heard, OrderReport)
    assert of(heard, PositionHint)[-1].position.symbol == "BTCUSDT"


async def test_the_stream_tells_that_it_cannot_get_in_and_gets_in_later(sim: Simulator) -> None:
    account = await sim.account()
    await sim.fault("bybit.private.connect", "maintenance", count=2)

    async def nothing() -> None:
        """Being connected is all."""

    heard = await hear(sim, account, nothing, lambda events: StreamConnected() in events)
    assert [type(event) for event in heard] == [StreamLost, StreamLost, StreamConnected]


async def test_the_stream_of_a_wrong_key_says_so(sim: Simulator) -> None:
    account = await sim.account() | {"api_secret": "WRONGWRONGWRONG"}
    heard = await hear(sim, account, lambda: asyncio.sleep(0), lambda events: bool(events))
    [lost] = heard
    assert isinstance(lost, StreamLost)
    assert "WRONGWRONGWRONG" not in lost.reason
    assert account["api_key"] not in lost.reason


async def test_a_venue_that_is_gone_is_named_as_such() -> None:
    venue = BybitVenue("http://127.0.0.1:1", "KEYKEYKEY", "SECRETSECRET")
    with pytest.raises(Unreachable):
        await venue.positions()
    [placed] = await venue.place(
        [OrderRequest("hf-1", "BTCUSDT", Side.BUY, Decimal(1), Decimal(1), reduce_only=False)]
    )
    assert isinstance(placed.error, VenueError)
    assert isinstance(placed.error, RateLimited | OutcomeUnknown)
    await venue.close()


async def test_a_post_only_order_rests_is_cancelled_and_is_then_confirmed_ended(sim: Simulator) -> None:
    venue = await sim.venue()
    book = await venue.book("BTCUSDT", depth=5)
    resting = replace(
        await taking(venue, "hf-rest"), style=OrderStyle.POST_ONLY, limit_price=book.bids[-1][0] - 100
    )
    [placed] = await venue.place([resting])
    assert placed.error is None
    found = await venue.find_order("BTCUSDT", "hf-rest")
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.OPEN, 0)
    await venue.cancel("BTCUSDT", "hf-rest")
    with suppress(Rejected):
        await venue.cancel("BTCUSDT", "hf-rest")  # it may have ended by now
    report = await ended(venue, "BTCUSDT", "hf-rest")
    assert (report.status, report.filled_quantity) == (OrderStatus.CANCELLED, 0)


async def test_a_post_only_order_that_would_take_ends_without_a_trade_and_is_no_error(sim: Simulator) -> None:
    venue = await sim.venue()
    [placed] = await venue.place([replace(await taking(venue, "hf-cross"), style=OrderStyle.POST_ONLY)])
    assert placed.error is None
    report = await ended(venue, "BTCUSDT", "hf-cross")
    assert (report.status, report.filled_quantity) == (OrderStatus.CANCELLED, 0)
    assert report.reason == "EC_PostOnlyWillTakeLiquidity"


async def test_a_market_order_takes_within_its_tolerance(sim: Simulator) -> None:
    venue = await sim.venue()
    order = await taking(venue, "hf-market")
    best = (await venue.book("BTCUSDT", depth=1)).asks[0][0]
    [placed] = await venue.place([replace(order, style=OrderStyle.MARKET, slippage=Decimal("0.003"))])
    assert placed.error is None
    report = await ended(venue, "BTCUSDT", "hf-market")
    assert report.status is OrderStatus.FILLED
    fills = await venue.fills_of("BTCUSDT", "hf-market")
    assert sum(fill.quantity for fill in fills) == order.quantity
    assert all(fill.price <= best * Decimal("1.005") for fill in fills)
