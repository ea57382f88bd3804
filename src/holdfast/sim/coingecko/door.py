"""CoinGecko's public API over the simulated market (base path ``/api/v3/``).

Shapes and limits after the vendor's OpenAPI document and pages; errors come in the three body shapes seen in
public reports, because a client has to read all of them.
"""

import asyncio
import time
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.sim.coingecko.context import RATE_LIMIT_TEXT, ApiError, Context
from holdfast.sim.coingecko.quotes import Quotes
from holdfast.sim.coingecko.views import VIEWS
from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import FaultRule
from holdfast.sim.world import World

BASE: Final = "/api/v3"
DEMO_HEADER: Final = "x-cg-demo-api-key"
DEMO_PARAMETER: Final = "x_cg_demo_api_key"
PRO_HEADER: Final = "x-cg-pro-api-key"
PRO_PARAMETER: Final = "x_cg_pro_api_key"
KEY_PREFIX: Final = "CG-"
FAULTS: Final[tuple[FaultKind, ...]] = (
    "drop_request", "drop_answer", "delay", "error_500_before", "error_500_after", "maintenance",
    "rate_limit",
)  # fmt: skip
PAID: Final = (
    "/global/market_cap_chart",
    "/coins/{id}/ohlc/range",
    "/coins/{id}/circulating_supply_chart",
    "/coins/{id}/total_supply_chart",
    "/coins/top_gainers_losers",
    "/coins/list/new",
    "/key",
)
"""Calls that a free plan gets error 10005 for."""

View = Callable[[Context], Any]


@dataclass(frozen=True, slots=True)
class Limits:
    """Calls per minute, failed ones included: ``keyless`` for each address, ``demo`` for each key."""

    keyless: int = 600
    demo: int = 600
    keyless_allowed: bool = True


def mount(app: web.Application, world: World, limits: Limits) -> None:
    """Add CoinGecko's calls to ``app``."""
    door = Door(world, limits)
    for path, view in (*VIEWS.items(), *((path, _paid) for path in PAID)):
        handler = door.opening(path, view)
        app.router.add_get(f"{BASE}{path}", handler)
        app.router.add_get(f"{BASE}{path}/", handler)  # pycoingecko asks for /coins/{id}/


def _paid(_context: Context) -> Any:
    raise ApiError(401, 10005, "This request is limited to PRO API subscribers. Please upgrade your plan.")


class Door:
    """Faults, keys and limits before every call."""

    def __init__(self, world: World, limits: Limits) -> None:
        self._world = world
        self._limits = limits
        self._quotes = Quotes(world.market, world.seed)
        self._calls: dict[str, deque[float]] = defaultdict(deque)

    def opening(self, path: str, view: View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler of one call; ``path`` also names its place for faults: coingecko.coins.markets."""
        place = "coingecko." + path.strip("/").replace("/", ".").replace("{id}.", "")

        async def answer(request: web.Request) -> web.StreamResponse:
            rule = self._world.faults.take(place, *FAULTS)
            if rule is not None:
                refusal = await self._before(request, rule)
                if refusal is not None:
                    return refusal
            try:
                self._admit(request)
                result = view(Context(request, self._world.market, self._quotes))
            except ApiError as error:
                return error.response()
            if rule is not None and rule.kind == "drop_answer":
                return _hang_up(request)
            if rule is not None and rule.kind == "error_500_after":
                return _server_error()
            return web.Response(body=orjson.dumps(result), content_type="application/json")

        return answer

    async def _before(self, request: web.Request, rule: FaultRule) -> web.StreamResponse | None:
        if rule.kind == "drop_request":
            return _hang_up(request)
        if rule.kind == "delay":
            await asyncio.sleep(rule.delay_ms / 1000)
            return None
        if rule.kind == "error_500_before":
            return _server_error()
        if rule.kind == "maintenance":
            return web.Response(status=503, text="Service Unavailable")
        if rule.kind == "rate_limit":
            return _too_many(rule.retry_after_s, text=rule.text_body)
        return None

    def _admit(self, request: web.Request) -> None:
        """Raises:
        ApiError: the key does not fit, or its calls for this minute are used up.
        """
        if PRO_HEADER in request.headers or PRO_PARAMETER in request.query:
            raise ApiError(
                400,
                10010,
                "If you are using Pro API key, please change your root URL to pro-api.coingecko.com",
            )
        key = request.headers.get(DEMO_HEADER) or request.query.get(DEMO_PARAMETER, "")
        if not key and not self._limits.keyless_allowed:
            raise ApiError(401, 10002, "API Key Missing")
        if key and not key.startswith(KEY_PREFIX):
            raise ApiError(401, 10002, "Invalid API Key")
        budget = self._limits.demo if key else self._limits.keyless
        if not self._within(key or f"address {request.remote}", budget):
            raise ApiError(429, 429, RATE_LIMIT_TEXT, headers={"Retry-After": "60"})

    def _within(self, caller: str, budget: int) -> bool:
        calls, now = self._calls[caller], time.monotonic()
        while calls and calls[0] <= now - 60:
            calls.popleft()
        calls.append(now)
        return len(calls) <= budget


def _hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _server_error() -> web.Response:
    return web.Response(status=500, text="Internal Server Error")


def _too_many(retry_after_s: int | None, *, text: bool) -> web.Response:
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    if text:
        return web.Response(status=429, text="Throttled", headers=headers)
    return ApiError(429, 429, RATE_LIMIT_TEXT, headers=headers).response()
