"""Public and private streams: acknowledgements, snapshots, deltas that rebuild the book, order pushes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType
from pybit import unified_trading

from holdfast.sim.bybit.auth import sign

from .conftest import Served
from .test_pybit import BTC, far_price, listens, until

D = Decimal

Frame = dict[str, Any]


class Stream:
    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, operation: str, *args: Any, **more: Any) -> None:
        await self.socket.send_json({"op": operation, **({"args": list(args)} if args else {}), **more})

    async def next(self, **wanted: Any) -> Frame:
        """The next frame with these members."""
        async with asyncio.timeout(30):
            while True:
                frame: Frame = await self.socket.receive_json()
                if all(frame.get(name) == value for name, value in wanted.items()):
                    return frame


@asynccontextmanager
async def connected(served: Served, path: str) -> AsyncIterator[Stream]:
    async with ClientSession() as session, session.ws_connect(served.ws + path) as socket:
        yield Stream(socket)


@asynccontextmanager
async def private(served: Served, account: Any, *topics: str) -> AsyncIterator[Stream]:
    async with connected(served, "/v5/private") as stream:
        expires = served.venue.clock.now_ms() + 60_000
        await stream.send(
            "auth", account.key.key, expires, sign(account.key.secret, f"GET/realtime{expires}")
        )
        assert (await stream.next(op="auth"))["success"] is True
        if topics:
            await stream.send("subscribe", *topics, req_id="r1")
            assert (await stream.next(op="subscribe"))["success"] is True
        yield stream


def price(level: list[str]) -> D:
    return D(level[0])


async def test_a_book_rebuilt_from_deltas_is_the_book_over_rest(served: Served) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", "orderbook.50.BTCUSDT", req_id="abc")
        ack = await stream.next(op="subscribe")
        assert (ack["success"], ack["req_id"]) == (True, "abc")
        first = await stream.next(topic="orderbook.50.BTCUSDT")
        assert first["type"] == "snapshot"
        sides = {side: dict(first["data"][side]) for side in "ab"}
        last = first["data"]["u"]
        for _ in range(5):
            frame = await stream.next(topic="orderbook.50.BTCUSDT")
            assert frame["type"] == "delta"
            assert frame["data"]["u"] == last + 1
            last = frame["data"]["u"]
            for side in "ab":
                for level, size in frame["data"][side]:
                    if size == "0":
                        del sides[side][level]
                    else:
                        sides[side][level] = size
            assert {side: len(levels) for side, levels in sides.items()} == {"a": 50, "b": 50}
        asks, bids = (sorted(sides[side].items(), key=price) for side in "ab")
        assert price(bids[-1]) < price(asks[0])
        published = served.venue.liquidity.published(("linear", "BTCUSDT"), 50, frame["ts"])
        shown = {D(level) for level in sides["b"]}
        if served.venue.clock.now_ms() // 500 == frame["ts"] // 500:
            assert shown == {level for level, _ in published[0]}


async def test_level_one_sends_snapshots_only(served: Served) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", "orderbook.1.ETHUSDT")
        frames = [await stream.next(topic="orderbook.1.ETHUSDT") for _ in range(3)]
        assert {frame["type"] for frame in frames} == {"snapshot"}
        assert {len(frame["data"]["a"]) for frame in frames} == {1}


async def test_ticker_deltas_carry_only_what_changed(served: Served) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", "tickers.BTCUSDT")
        first = await stream.next(topic="tickers.BTCUSDT")
        assert (first["type"], first["data"]["fundingIntervalHour"]) == ("snapshot", "8")
        merged = first["data"]
        for _ in range(4):
            frame = await stream.next(topic="tickers.BTCUSDT")
            assert frame["type"] == "delta"
            assert len(frame["data"]) < len(merged)
            assert any(merged[name] != value for name, value in frame["data"].items())
            merged = {**merged, **frame["data"]}
        assert D(merged["bid1Price"]) < D(merged["ask1Price"])


async def test_spot_tickers_are_snapshots_without_bid_and_ask(served: Served) -> None:
    async with connected(served, "/v5/public/spot") as stream:
        await stream.send("subscribe", "tickers.BTCUSDT", req_id="s")
        assert (await stream.next(op="subscribe"))["ret_msg"] == "subscribe"
        frame = await stream.next(topic="tickers.BTCUSDT")
        assert frame["type"] == "snapshot"
        assert "bid1Price" not in frame["data"]
        await stream.send("subscribe", *[f"tickers.COIN{n}USDT" for n in range(11)])
        assert (await stream.next(op="subscribe"))["success"] is False


async def test_klines_and_trades(served: Served) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", "kline.1.BTCUSDT", "publicTrade.BTCUSDT")
        candle = (await stream.next(topic="kline.1.BTCUSDT"))["data"][0]
        assert candle["end"] == candle["start"] + 59_999
        assert D(candle["low"]) <= D(candle["close"]) <= D(candle["high"])
        trades = (await stream.next(topic="publicTrade.BTCUSDT"))["data"]
        assert [t["T"] for t in trades] == sorted(t["T"] for t in trades)
        assert trades[0]["S"] in ("Buy", "Sell")


@pytest.mark.parametrize("topic", ["orderbook.7.BTCUSDT", "tickers.NOPE", "kline.2.BTCUSDT", "nonsense"])
async def test_unknown_topics_are_refused(served: Served, topic: str) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", topic)
        ack = await stream.next(op="subscribe")
        assert ack["success"] is False
        assert topic in ack["ret_msg"]


async def test_pong_forms(served: Served) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("ping")
        pong = await stream.next(op="ping")
        assert (pong["success"], pong["ret_msg"], pong["req_id"]) == (True, "pong", "")
    async with connected(served, "/v5/public/spot") as stream:
        await stream.send("ping")
        assert "req_id" not in await stream.next(ret_msg="pong")
    async with connected(served, "/v5/private") as stream:
        await stream.send("ping", req_id="p")
        pong = await stream.next(op="pong")
        assert pong["req_id"] == "p"
        assert pong["args"][0].isdigit()


async def test_unsubscribing_ends_the_work(served: Served) -> None:
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", "tickers.SOLUSDT")
        await stream.next(topic="tickers.SOLUSDT")
        await stream.send("unsubscribe", "tickers.SOLUSDT")
        await stream.next(op="unsubscribe")
        await stream.send("ping")
        await stream.next(ret_msg="pong")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await stream.next(topic="tickers.SOLUSDT")


async def test_auth_is_refused_for_wrong_signature_key_and_expiry(served: Served) -> None:
    account = served.account()
    now = served.venue.clock.now_ms()
    good = sign(account.key.secret, f"GET/realtime{now + 5000}")
    for args in (
        (account.key.key, now + 5000, "00"),
        ("nobody", now + 5000, good),
        (account.key.key, now - 1, good),
    ):
        async with connected(served, "/v5/private") as stream:
            await stream.send("auth", *args)
            assert (await stream.next(op="auth"))["success"] is False
            await stream.send("subscribe", "order")
            assert (await stream.next(op="subscribe"))["success"] is False


async def test_an_order_tells_executions_order_position_and_wallet(served: Served) -> None:
    account = served.account()
    client = served.client(account)
    async with private(served, account, "order", "execution", "position", "wallet") as stream:
        client.place_order(**BTC, side="Buy", orderType="Market", qty="0.002", orderLinkId="ws-1")
        fill = await stream.next(topic="execution")
        assert fill["data"][0]["orderLinkId"] == "ws-1"
        assert (fill["data"][0]["feeCurrency"], fill["data"][0]["category"]) == ("USDT", "linear")
        order = (await stream.next(topic="order"))["data"][0]
        assert (order["orderStatus"], order["cumExecQty"], order["category"]) == ("Filled", "0.002", "linear")
        position = (await stream.next(topic="position"))["data"][0]
        assert (position["side"], position["size"]) == ("Buy", "0.002")
        assert "entryPrice" in position
        assert "avgPrice" not in position
        wallet = (await stream.next(topic="wallet"))["data"][0]
        paid = sum(D(one["execFee"]) for one in fill["data"])
        assert D(wallet["coin"][0]["walletBalance"]) == 1_000_000 - paid


async def test_a_closed_position_arrives_empty(served: Served) -> None:
    account = served.account(positions=[{"symbol": "BTCUSDT", "size": "0.001"}])
    async with private(served, account, "position.linear") as stream:
        served.client(account).place_order(
            **BTC, side="Sell", orderType="Market", qty="0.001", reduceOnly=True
        )
        row = (await stream.next(topic="position.linear"))["data"][0]
        assert (row["side"], row["size"], row["entryPrice"]) == ("", "0.000", "0")


async def test_a_resting_order_is_told_new_then_cancelled(served: Served) -> None:
    account = served.account()
    client = served.client(account)
    async with private(served, account, "order.linear") as stream:
        client.place_order(
            **BTC, side="Buy", orderType="Limit", qty="0.001", price=far_price(client), orderLinkId="r"
        )
        assert (await stream.next(topic="order.linear"))["data"][0]["orderStatus"] == "New"
        client.cancel_order(**BTC, orderLinkId="r")
        assert (await stream.next(topic="order.linear"))["data"][0]["cancelType"] == "CancelByUser"


async def test_order_before_execution_and_everything_twice_on_request(served: Served) -> None:
    account = served.account(behaviour={"executions_first": False, "duplicate_pushes": True})
    async with private(served, account, "order", "execution") as stream:
        served.client(account).place_order(**BTC, side="Buy", orderType="Market", qty="0.001")
        topics = [(await stream.next())["topic"] for _ in range(4)]
        assert topics == ["order", "order", "execution", "execution"]


async def test_topic_forms_cannot_be_mixed_and_strangers_hear_nothing(served: Served) -> None:
    account, stranger = served.account(), served.account()
    async with private(served, account) as stream, private(served, stranger, "order") as other:
        await stream.send("subscribe", "order", "order.linear")
        assert (await stream.next(op="subscribe"))["success"] is False
        await stream.send("subscribe", "order.futures")
        assert (await stream.next(op="subscribe"))["success"] is False
        served.client(account).place_order(**BTC, side="Buy", orderType="Market", qty="0.001")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await other.next()


async def test_fast_executions_have_no_fee(served: Served) -> None:
    account = served.account()
    async with private(served, account, "execution.fast") as stream:
        served.client(account).place_order(
            **BTC, side="Buy", orderType="Market", qty="0.001", orderLinkId="f"
        )
        row = (await stream.next(topic="execution.fast"))["data"][0]
        assert row["orderLinkId"] == "f"
        assert "execFee" not in row


def test_pybit_listens_to_both_streams(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unified_trading, "PUBLIC_WSS", served.ws + "/v5/public/{CHANNEL_TYPE}")
    monkeypatch.setattr(unified_trading, "PRIVATE_WSS", served.ws + "/v5/private")
    account = served.account()
    heard: dict[str, list[Any]] = {"book": [], "ticker": [], "order": [], "execution": []}
    public = unified_trading.WebSocket(channel_type="linear", testnet=False)
    private_ = unified_trading.WebSocket(
        channel_type="private",
        testnet=False,
        api_key=account.key.key,
        api_secret=account.key.secret,
        private_auth_expire=30,
    )
    try:
        public.orderbook_stream(50, "BTCUSDT", heard["book"].append)
        public.ticker_stream("BTCUSDT", heard["ticker"].append)
        private_.order_stream(heard["order"].append)
        private_.execution_stream(heard["execution"].append)
        until(lambda: len(heard["book"]) > 2 and len(heard["ticker"]) > 2)
        until(lambda: listens(account, "order", "execution"))
        served.client(account).place_order(
            **BTC, side="Buy", orderType="Market", qty="0.001", orderLinkId="py"
        )
        until(lambda: heard["order"] and heard["execution"])
        assert heard["order"][0]["data"][0]["orderLinkId"] == "py"
        book = heard["book"][-1]["data"]
        assert min(D(p) for p, _ in book["a"]) > max(D(p) for p, _ in book["b"])
        assert public.is_connected()
    finally:
        public.exit()
        private_.exit()


async def test_push_faults_silence_reorder_and_cut(served: Served) -> None:
    account = served.account()
    order = {**BTC, "side": "Buy", "orderType": "Market", "qty": "0.001"}
    faults = served.world.faults
    try:
        async with private(served, account, "order", "execution") as stream:
            faults.replace([{"where": "bybit.private.execution", "kind": "drop_answer", "count": 1}])
            served.client(account).place_order(**order)
            assert (await stream.next())["topic"] == "order"
            faults.replace(
                [{"where": "bybit.private.execution", "kind": "delay", "delay_ms": 100, "count": 1}]
            )
            served.client(account).place_order(**order)
            assert [(await stream.next())["topic"] for _ in range(2)] == ["order", "execution"]
            faults.replace([{"where": "bybit.private.order", "kind": "drop_request", "count": 1}])
            served.client(account).place_order(**order)
            ended = [(await stream.socket.receive()).type for _ in range(2)]
            assert ended[-1] in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR)
    finally:
        faults.replace([])
    assert sum(e.qty for e in account.executions) == D("0.003")
