"""Answers that no simulator gives: half-broken, elsewhere, or with a warning in their headers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from holdfast.core.timeframes import Timeframe
from holdfast.venues.binance.rest import USED_ENOUGH, BinancePublic
from holdfast.venues.protocol import RateLimited, Rejected, Unreachable

from .test_parse_anything import PAIR, ROW

AT = datetime(2026, 11, 21, 12, 30, 20, tzinfo=UTC)


class StillClock:
    def now(self) -> datetime:
        return AT


@asynccontextmanager
async def answering(answer: Callable[[], web.Response]) -> AsyncIterator[tuple[BinancePublic, list[str]]]:
    """A client of a server that always answers so, and the paths it asked for."""
    asked: list[str] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(request.path)
        return answer()

    app = web.Application()
    app.router.add_get("/{path:.*}", serve)
    server = TestServer(app)
    await server.start_server()
    venue = BinancePublic(str(server.make_url("/")), clock=StillClock(), jitter=lambda: 0.0)
    try:
        yield venue, asked
    finally:
        await venue.close()
        await server.close()


def json(body: Any, status: int = 200, **headers: str) -> Callable[[], web.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: web.Response(body=orjson.dumps(body), status=status, headers=named)


async def test_one_unreadable_pair_hides_no_other() -> None:
    rows = [PAIR, {**PAIR, "symbol": "YUSDT", "filters": []}, {**PAIR, "symbol": "ZBTC", "quoteAsset": "BTC"}]
    async with answering(json({"symbols": rows})) as (venue, _):
        assert [one.symbol for one in await venue.instruments()] == ["XUSDT"]


async def test_one_unreadable_candle_is_no_answer() -> None:
    async with answering(json([ROW, [*ROW[:2], "0.5", *ROW[3:]]])) as (venue, asked):
        with pytest.raises(Unreachable, match="cannot be"):
            await venue.klines("X", Timeframe.M1, AT - timedelta(hours=1), AT)
        assert asked == ["/api/v3/klines"] * 3


@pytest.mark.parametrize("body", [None, [], "text", {"serverTime": "soon"}, {"serverTime": 10**18}])
async def test_an_answer_of_another_form_is_no_answer(body: Any) -> None:
    async with answering(lambda: web.Response(text="x") if body == "text" else json(body)()) as (venue, _):
        with pytest.raises(Unreachable, match="could not be read"):
            await venue.server_time()


async def test_a_redirection_is_not_followed() -> None:
    async with answering(lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:1/"})) as (
        venue,
        asked,
    ):
        with pytest.raises(Unreachable, match="HTTP 302"):
            await venue.server_time()
        assert set(asked) == {"/api/v3/time"}


async def test_a_country_that_is_not_served_is_told() -> None:
    text = "Service unavailable from a restricted location according to 'b. Eligibility'."
    async with answering(json({"code": 0, "msg": text}, 451)) as (venue, asked):
        with pytest.raises(Rejected, match="restricted location"):
            await venue.server_time()
        assert len(asked) == 1


async def test_when_others_used_up_the_minute_nobody_asks_before_the_next() -> None:
    used = json({"serverTime": 1}, X_MBX_USED_WEIGHT_1M=str(USED_ENOUGH + 1))
    async with answering(used) as (venue, asked):
        await venue.server_time()
        with pytest.raises(RateLimited) as limited:
            await venue.server_time()
        assert limited.value.until == datetime(2026, 11, 21, 12, 31, tzinfo=UTC)
        assert len(asked) == 1


async def test_a_minute_that_is_not_used_up_is_no_reason_to_wait() -> None:
    used = json({"serverTime": 1}, X_MBX_USED_WEIGHT_1M=str(USED_ENOUGH))
    async with answering(used) as (venue, asked):
        await venue.server_time()
        await venue.server_time()
        assert len(asked) == 2


async def test_nobody_there() -> None:
    venue = BinancePublic("http://127.0.0.1:1", clock=StillClock(), jitter=lambda: 0.0)
    with pytest.raises(Unreachable):
        await venue.server_time()
    await venue.close()
