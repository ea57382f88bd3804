"""The faults that need a real socket: half-open and silent connections, a restart, an address shut out."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from aiohttp import ClientSession, WSMsgType, WSServerHandshakeError
from pybit.exceptions import FailedRequestError

from .conftest import Served
from .test_pybit import BTC, final, until
from .test_streams import Stream, connected, private

ORDER = {**BTC, "side": "Buy", "orderType": "Market", "qty": "0.001"}
TICKER = "tickers.BTCUSDT"


@pytest.fixture(autouse=True)
def _heal(served: Served) -> Iterator[None]:
    yield
    served.world.faults.replace([])


def dial(served: Served, where: str, kind: str, **settings: Any) -> None:
    served.world.faults.replace([{"where": where, "kind": kind, **settings}])


async def hears(stream: Stream, seconds: float, **wanted: Any) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await stream.next(**wanted)
    except TimeoutError:
        return False
    return True


async def ends(stream: Stream) -> bool:
    async with asyncio.timeout(30):
        while True:
            kind = (await stream.socket.receive()).type
            if kind in (WSMsgType.CLOSED, WSMsgType.CLOSE, WSMsgType.ERROR):
                return True


@pytest.mark.parametrize(("kind", "orders"), [("half_open", 0), ("half_open_after", 1)])
def test_a_half_open_request_times_out_at_the_client(served: Served, kind: str, orders: int) -> None:
    account = served.account()
    dial(served, "bybit.order.create", kind, count=1)
    with pytest.raises((requests.Timeout, FailedRequestError)):
        served.client(account, timeout=1).place_order(**ORDER, orderLinkId="nobody-knows")
    until(lambda: served.world.faults.describe()[0]["hits"] and len(account.orders) == orders)
    assert served.client(account).get_positions(**BTC)["retCode"] == 0


def test_a_code_in_a_200_body_hides_an_order_that_stands(served: Served) -> None:
    client = served.client(served.account())
    dial(served, "bybit.order.create", "code_after", code=170007, count=1)
    with pytest.raises(Exception, match="170007"):
        client.place_order(**ORDER, orderLinkId="hidden")
    assert final(client, "hidden")["orderStatus"] == "Filled"


async def test_a_half_open_private_stream_says_nothing_at_all(served: Served) -> None:
    account = served.account()
    dial(served, "bybit.private.order", "half_open", count=1)
    async with private(served, account, "order") as stream:
        await asyncio.to_thread(served.client(account).place_order, **ORDER)
        assert not await hears(stream, 0.5, topic="order")
        await stream.send("ping", req_id="p")
        assert not await hears(stream, 0.5, op="pong")
        assert not stream.socket.closed
    async with private(served, account, "order") as fresh:
        await asyncio.to_thread(served.client(account).place_order, **ORDER)
        assert await hears(fresh, 30, topic="order")


async def test_a_silent_private_stream_answers_pings(served: Served) -> None:
    account = served.account()
    dial(served, "bybit.private.*", "silent", count=1)
    async with private(served, account, "order", "execution") as stream:
        await asyncio.to_thread(served.client(account).place_order, **ORDER)
        assert not await hears(stream, 0.5, topic="order")
        await stream.send("ping", req_id="p")
        assert await hears(stream, 30, op="pong")


async def test_public_streams_go_silent_dead_and_are_cut(served: Served) -> None:
    for kind, pongs in (("silent", True), ("half_open", False)):
        dial(served, f"bybit.public.linear.{TICKER}", kind, count=1)
        async with connected(served, "/v5/public/linear") as stream:
            await stream.send("subscribe", TICKER)
            assert await hears(stream, 30, topic=TICKER), "the snapshot comes before the fault"
            assert not await hears(stream, 1.5, topic=TICKER), kind
            await stream.send("ping")
            assert await hears(stream, 30 if pongs else 0.5, op="ping") is pongs
    dial(served, f"bybit.public.linear.{TICKER}", "drop_request", count=1)
    async with connected(served, "/v5/public/linear") as stream:
        await stream.send("subscribe", TICKER)
        assert await ends(stream)


async def test_a_stream_may_be_dead_from_the_start(served: Served) -> None:
    dial(served, "bybit.*.connect", "half_open")
    for path in ("/v5/private", "/v5/public/linear"):
        async with connected(served, path) as stream:
            await stream.send("ping")
            assert not await hears(stream, 0.4)


@pytest.mark.parametrize(("kind", "status"), [("ip_limit", 403), ("maintenance", 503), ("drop_request", 503)])
async def test_a_stream_may_be_refused_at_the_door(served: Served, kind: str, status: int) -> None:
    dial(served, "bybit.*.connect", kind)
    async with ClientSession() as session:
        for path in ("/v5/private", "/v5/public/spot"):
            with pytest.raises(WSServerHandshakeError) as refused:
                await session.ws_connect(served.ws + path)
            assert refused.value.status == status


async def test_a_restart_cuts_all_streams_and_forgets_final_orders(served: Served) -> None:
    account = served.account()
    client = served.client(account)
    await asyncio.to_thread(client.place_order, **ORDER, orderLinkId="before")
    await asyncio.to_thread(final, client, "before")
    async with (
        private(served, account, "order") as stream,
        connected(served, "/v5/public/linear") as tickers,
        ClientSession() as session,
    ):
        await tickers.send("subscribe", TICKER)
        assert await hears(tickers, 30, topic=TICKER)
        answer = await session.post(f"{served.url}/_sim/venue/restart", json={})
        assert (await answer.json())["streams_cut"] >= 2
        assert await ends(stream)
        assert await ends(tickers)
    rows = await asyncio.to_thread(client.get_open_orders, **BTC, orderLinkId="before")
    assert rows["result"]["list"] == []
    rows = await asyncio.to_thread(client.get_order_history, **BTC, orderLinkId="before")
    assert rows["result"]["list"][0]["orderStatus"] == "Filled"


async def test_a_revoked_key_ends_its_stream(served: Served) -> None:
    account = served.account()
    async with private(served, account, "order") as stream, ClientSession() as session:
        url = f"{served.url}/_sim/accounts/{account.uid}/key"
        assert (await session.post(url, json={"revoked": True})).status == 200
        assert await ends(stream)
    with pytest.raises(Exception, match="10003"):
        await asyncio.to_thread(served.client(account).get_positions, **BTC)
