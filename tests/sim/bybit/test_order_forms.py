"""The order forms a tactic needs, as unmodified pybit sends and hears them: post-only that is chased, market
within a tolerance, amended, cancelled too late, cancelled all at once."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from pybit import unified_trading

from holdfast.sim.bybit.venue import VenueSettings

from .conftest import Served, serve
from .test_pybit import Code, final, rests, until

D = Decimal
SOL = {"category": "linear", "symbol": "SOLUSDT"}
POST_ONLY = {**SOL, "orderType": "Limit", "timeInForce": "PostOnly"}
TICK = D("0.01")


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    """A world of its own: its prices are pushed about."""
    yield from serve(VenueSettings(ip_limit=100_000))


@pytest.fixture
def still(venue: Served) -> Iterator[Served]:
    """The same world with time standing still, and the books full."""
    venue.world.clock.freeze()
    venue.world.clock.advance(2000)
    yield venue
    venue.world.clock.resume()


def best(client: Any) -> tuple[Decimal, Decimal]:
    """The best bid and ask."""
    book = until(lambda: _two_sided(client.get_orderbook(**SOL, limit=1)["result"]))
    return D(book["b"][0][0]), D(book["a"][0][0])


def _two_sided(book: dict[str, Any]) -> dict[str, Any] | None:
    """Not yet, while what was just bought has not come back."""
    return book if book["b"] and book["a"] else None


def order(client: Any, link_id: str) -> dict[str, Any]:
    return dict(client.get_open_orders(**SOL, orderLinkId=link_id)["result"]["list"][0])


class PrivateEar:
    def __init__(self, venue: Served, account: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unified_trading, "PRIVATE_WSS", venue.ws + "/v5/private")
        self.orders: list[dict[str, Any]] = []
        self._socket = unified_trading.WebSocket(
            channel_type="private",
            testnet=False,
            api_key=account.key.key,
            api_secret=account.key.secret,
            private_auth_expire=30,
        )
        self._socket.order_stream(lambda frame: self.orders.extend(frame["data"]))

    def exit(self) -> None:
        self._socket.exit()


def test_post_only_that_would_cross_is_accepted_and_then_ended(venue: Served) -> None:
    client = venue.client(venue.account())
    _, ask = best(client)
    crossing = str(ask + 20 * TICK)
    client.place_order(**POST_ONLY, side="Buy", qty="1", price=crossing, orderLinkId="cross")
    ended = final(client, "cross", symbol="SOLUSDT")
    assert (ended["rejectReason"], ended["cumExecQty"]) == ("EC_PostOnlyWillTakeLiquidity", "0.0")
    assert ended["orderStatus"] in ("Cancelled", "Rejected")
    assert client.get_executions(**SOL)["result"]["list"] == []


def test_post_only_rests_is_chased_and_filled_as_a_maker(venue: Served) -> None:
    client = venue.client(venue.account())
    bid, _ = best(client)
    client.place_order(**POST_ONLY, side="Sell", qty="2", price=str(bid * 2 // 1), orderLinkId="chase")
    until(lambda: order(client, "chase")["orderStatus"] == "New")
    limit = D(client.get_price_limit(**SOL)["result"]["buyLmt"])
    nearer = ((bid + limit) / 2).quantize(TICK)
    client.amend_order(**SOL, orderLinkId="chase", price=str(nearer))
    until(lambda: rests(venue, "SOLUSDT", "chase", str(nearer)))
    client.amend_order(**SOL, orderLinkId="chase", qty="3.0")
    assert (order(client, "chase")["price"], order(client, "chase")["qty"]) == (str(nearer), "3.0")
    until(lambda: rests(venue, "SOLUSDT", "chase", str(nearer)))
    venue.world.market.set_price_shock("SOLUSDT", 1.08)
    done = final(client, "chase", symbol="SOLUSDT")
    assert done["orderStatus"] == "Filled"
    assert D(done["avgPrice"]) == nearer
    fills = client.get_executions(**SOL, orderLinkId="chase")["result"]["list"]
    assert all(fill["isMaker"] and D(fill["feeRate"]) == D("0.0002") for fill in fills)
    assert sum(D(fill["execQty"]) for fill in fills) == 3
    assert sum(D(fill["execFee"]) for fill in fills) == D(done["cumExecValue"]) * D("0.0002")


def test_chasing_across_the_book_ends_a_post_only_order(venue: Served) -> None:
    client = venue.client(venue.account())
    bid, _ = best(client)
    client.place_order(**POST_ONLY, side="Buy", qty="1", price=str(bid - 100 * TICK), orderLinkId="far")
    until(lambda: order(client, "far")["orderStatus"] == "New")
    client.amend_order(**SOL, orderLinkId="far", price=str(best(client)[1] + 20 * TICK))
    ended = final(client, "far", symbol="SOLUSDT")
    assert (ended["rejectReason"], ended["cumExecQty"]) == ("EC_PostOnlyWillTakeLiquidity", "0.0")


@pytest.mark.parametrize("side", ["Buy", "Sell"])
@pytest.mark.parametrize(("kind", "size"), [("Percent", "0.05"), ("TickSize", "4")])
def test_market_within_a_tolerance(still: Served, side: str, kind: str, size: str) -> None:
    client = still.client(still.account(balances={"USDT": "100000000"}))
    link = f"market-{side}-{kind}"
    bid, ask = best(client)
    client.place_order(
        **SOL, side=side, orderType="Market", qty="8000", orderLinkId=link,
        slippageToleranceType=kind, slippageTolerance=size,
    )  # fmt: skip
    done = final(client, link, symbol="SOLUSDT")
    assert (done["slippageToleranceType"], done["slippageTolerance"]) == (kind, size)
    assert (done["orderStatus"], done["timeInForce"]) == ("Cancelled", "IOC")
    assert 0 < D(done["cumExecQty"]) < 8000, "the tolerance is narrower than the order is large"
    prices = [D(f["execPrice"]) for f in client.get_executions(**SOL, orderLinkId=link)["result"]["list"]]
    bound = D(done["price"])
    assert all(price <= bound if side == "Buy" else price >= bound for price in prices)
    touch = ask if side == "Buy" else bid
    allowed = touch * D(size) / 100 if kind == "Percent" else D(size) * TICK
    assert allowed - TICK < abs(bound - touch) <= allowed


def test_a_cancel_that_loses_the_race_tells_filled_twice(
    venue: Served, monkeypatch: pytest.MonkeyPatch, refused: Code
) -> None:
    account = venue.account(behaviour={"match_delay_ms": 400})
    client, ear = venue.client(account), PrivateEar(venue, account, monkeypatch)
    try:
        client.place_order(**SOL, side="Buy", orderType="Market", qty="1", orderLinkId="race")
        client.cancel_order(**SOL, orderLinkId="race")
        until(lambda: len(ear.orders) == 2)
    finally:
        ear.exit()
    told = [(row["orderStatus"], row["cancelType"], row["rejectReason"]) for row in ear.orders]
    assert told == [
        ("Filled", "UNKNOWN", "EC_NoError"),
        ("Filled", "CancelByUser", "EC_OrigClOrdIDDoesNotExist"),
    ]
    assert {row["cumExecQty"] for row in ear.orders} == {"1.0"}
    assert refused(client.cancel_order, **SOL, orderLinkId="race") == 110001
    assert refused(client.amend_order, **SOL, orderLinkId="race", qty="2") == 110001


def test_cancel_all_ends_what_rests_and_keeps_what_was_filled(venue: Served) -> None:
    client = venue.client(venue.account())
    bid, _ = best(client)
    for number in range(4):
        price = str(bid - (200 + number) * TICK)
        client.place_order(**POST_ONLY, side="Buy", qty="1", price=price, orderLinkId=f"all-{number}")
    client.place_order(**SOL, side="Buy", orderType="Market", qty="1", orderLinkId="all-kept")
    final(client, "all-kept", symbol="SOLUSDT")
    answer = client.cancel_all_orders(**SOL)["result"]
    assert sorted(row["orderLinkId"] for row in answer["list"]) == [f"all-{n}" for n in range(4)]
    ended = [final(client, f"all-{n}", symbol="SOLUSDT") for n in range(4)]
    assert {(row["orderStatus"], row["cancelType"]) for row in ended} == {("Cancelled", "CancelByUser")}
    assert client.get_positions(**SOL)["result"]["list"][0]["size"] == "1.0"


def test_price_limits_and_system_status_are_streamed(venue: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unified_trading, "PUBLIC_WSS", venue.ws + "/v5/public/{CHANNEL_TYPE}")
    now_ms = venue.world.clock.now_ms()
    window = {"from_ms": now_ms + 700, "until_ms": now_ms + 1500}
    venue.world.faults.replace([{"where": "bybit.order.*", "kind": "maintenance", **window}])
    limits: list[Any] = []
    states: list[Any] = []
    public = unified_trading.WebSocket(channel_type="linear", testnet=False)
    status = unified_trading.WebSocket(channel_type="misc/status", testnet=False)
    try:
        public.price_limit_stream("SOLUSDT", limits.append)
        status.system_status_stream(states.append)
        until(lambda: len(limits) > 2 and len(states) > 2)
    finally:
        public.exit()
        status.exit()
        venue.world.faults.replace([])
    bid, ask = best(venue.client())
    assert D(limits[0]["data"]["sellLmt"]) < bid < ask < D(limits[0]["data"]["buyLmt"])
    assert set(limits[0]) == {"topic", "data", "ts"}
    assert [frame["data"][0]["state"] for frame in states] == ["scheduled", "ongoing", "completed"]
    (shown,) = {frame["data"][0]["id"] for frame in states}
    assert shown


def test_the_status_is_read_over_rest(venue: Served) -> None:
    client = venue.client()
    assert client.get_system_status()["result"]["list"] == []
    venue.world.faults.replace([{"where": "bybit.*", "kind": "maintenance"}])
    try:
        (row,) = client.get_system_status()["result"]["list"]
    finally:
        venue.world.faults.replace([])
    assert (row["state"], row["end"], row["product"]) == ("ongoing", "", [1, 2])
