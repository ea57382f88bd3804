"""Marketaux's API over the simulated press (base path ``/marketaux/v1``).

Shapes, errors and limits after a third party's capture of the vendor's documentation of July 2026; where it
is silent (spelling of crypto symbols, sentiment null) the press shows every form a reader has to expect. A
token stands in the query only and is never answered back.
"""

import asyncio
import re
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import FaultRule
from holdfast.sim.marketaux.asking import Question, Refusal
from holdfast.sim.marketaux.newsroom import DOMAINS, Newsroom
from holdfast.sim.paths import DAY_MS
from holdfast.sim.world import World

BASE: Final = "/marketaux/v1"
FAULTS: Final[tuple[FaultKind, ...]] = (
    "drop_request", "drop_answer", "delay", "error_500_before", "error_500_after", "maintenance",
    "rate_limit",
)  # fmt: skip
RATE_LIMIT_S: Final = 60
TYPES: Final = ("equity", "index", "etf", "mutualfund", "currency", "cryptocurrency")
INDUSTRIES: Final = (
    "Technology", "Industrials", "N/A", "Consumer Cyclical", "Healthcare", "Communication Services",
    "Financial Services", "Consumer Defensive", "Basic Materials", "Real Estate", "Energy", "Utilities",
    "Financial", "Services", "Consumer Goods", "Industrial Goods",
)  # fmt: skip
RESTRICTED: Final = ("entity/stats/intraday", "entity/stats/aggregation", "entity/trending/aggregation")
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{8,64}")


@dataclass(frozen=True, slots=True)
class Plan:
    """``articles`` for each answer, ``per_day`` calls until midnight UTC, ``per_minute`` calls. Marketaux's
    free plan is 3 and 100; the default is its Basic plan."""

    articles: int = 20
    per_day: int = 2_500
    per_minute: int = 60


View = Callable[[web.Request], Any]


def mount(app: web.Application, world: World, plan: Plan) -> None:
    """Add Marketaux's calls to ``app``."""
    desk = Desk(world, plan)
    views: dict[str, View] = {
        "news/all": desk.news,
        "news/similar/{uuid}": desk.similar,
        "news/uuid/{uuid}": desk.one,
        "news/sources": desk.sources,
        "entity/search": desk.entities,
        "entity/type/list": lambda _: {"data": list(TYPES)},
        "entity/industry/list": lambda _: {"data": list(INDUSTRIES)},
        **dict.fromkeys(RESTRICTED, _restricted),
        "{nothing:.*}": _nothing,
    }
    door = Door(world, plan)
    for path, view in views.items():
        app.router.add_get(f"{BASE}/{path}", door.opening(path, view))


class Desk:
    """What the calls answer."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._newsroom = Newsroom(world.seed)

    def news(self, request: web.Request) -> Any:
        articles = self._newsroom.articles(self._world.clock.now_ms())
        return Question(request.query, self._plan.articles).answer(articles)

    def one(self, request: web.Request) -> Any:
        article, row = self._found(request)
        return row if row is not article.row else row | {"similar": list(article.similar)}

    def similar(self, request: web.Request) -> Any:
        article, row = self._found(request)
        others = [other for other in (article.row, *article.similar) if other is not row]
        meta = {"found": len(others), "returned": len(others), "limit": self._plan.articles, "page": 1}
        return {"meta": meta, "data": others}

    def _found(self, request: web.Request) -> Any:
        wanted = request.match_info["uuid"]
        for article in self._newsroom.articles(self._world.clock.now_ms()):
            for row in (article.row, *article.similar):
                if row["uuid"] == wanted:
                    return article, row
        raise Refusal(404, "resource_not_found", "The resource could not be found.")

    def sources(self, _request: web.Request) -> Any:
        rows = [{"source_id": f"{domain}-1", "domain": domain, "language": "en"} for domain in DOMAINS]
        return {"meta": {"found": len(rows), "returned": len(rows), "limit": 50, "page": 1}, "data": rows}

    def entities(self, request: web.Request) -> Any:
        search = request.query.get("search", "").lower()
        rows = [
            row
            for row in self._newsroom.entities()
            if search in row["symbol"].lower() or search in row["name"].lower()
        ][:50]
        return {"meta": {"found": len(rows), "returned": len(rows), "limit": 50, "page": 1}, "data": rows}


class Door:
    """Faults, token and limits before every call. Both limits run by the simulated clock."""

    def __init__(self, world: World, plan: Plan) -> None:
        self._world = world
        self._plan = plan
        self._minutes: dict[str, deque[int]] = defaultdict(deque)
        self._days: dict[str, tuple[int, int]] = {}

    def opening(self, path: str, view: View) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        """The handler of one call; ``path`` also names its place for faults: marketaux.news.all."""
        place = "marketaux." + path.partition("/{")[0].replace("/", ".")

        async def answer(request: web.Request) -> web.StreamResponse:
            rule = self._world.faults.take(place, *FAULTS)
            try:
                if rule is not None:
                    await self._before(rule)
                self._admit(request.query.get("api_token", ""))
                response = self._response(200, view(request))
            except _HangUp:
                return _hang_up(request)
            except Refusal as refusal:
                said = {"error": {"code": refusal.code, "message": refusal.message}}
                return self._response(refusal.status, said, dict(refusal.headers))
            if rule is not None and rule.kind == "drop_answer":
                return _hang_up(request)
            if rule is not None and rule.kind == "error_500_after":
                return self._response(500, {"error": {"code": "server_error", "message": "A server error."}})
            return response

        return answer

    async def _before(self, rule: FaultRule) -> None:
        if rule.kind == "drop_request":
            raise _HangUp
        if rule.kind == "delay":
            await asyncio.sleep(rule.delay_ms / 1000)
        if rule.kind == "error_500_before":
            raise Refusal(500, "server_error", "A server error.")
        if rule.kind == "maintenance":
            raise Refusal(503, "maintenance_mode", "The service is under maintenance.")
        if rule.kind == "rate_limit":
            raise _too_fast()

    def _admit(self, token: str) -> None:
        """Raises:
        Refusal: the token is none, or its calls of this minute or day are used up.
        """
        if not _TOKEN.fullmatch(token):
            raise Refusal(401, "invalid_api_token", "An invalid API token was supplied.")
        now_ms = self._world.clock.now_ms()
        minute = self._minutes[token]
        while minute and minute[0] <= now_ms - RATE_LIMIT_S * 1000:
            minute.popleft()
        if len(minute) >= self._plan.per_minute:
            raise _too_fast()
        today = now_ms // DAY_MS
        day, used = self._days.get(token, (today, 0))
        used = used if day == today else 0
        if used >= self._plan.per_day:
            raise Refusal(402, "usage_limit_reached", "The usage limit for this account has been reached.")
        minute.append(now_ms)
        self._days[token] = today, used + 1

    def _response(self, status: int, body: Any, headers: dict[str, str] | None = None) -> web.Response:
        limits = {
            "X-RateLimit-Limit": str(self._plan.per_minute),
            "X-UsageLimit-Limit": str(self._plan.per_day),
        }
        return web.Response(
            status=status,
            body=orjson.dumps(body),
            content_type="application/json",
            headers=limits | (headers or {}),
        )


class _HangUp(Exception):
    """The connection is closed without a word."""


def _hang_up(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _too_fast() -> Refusal:
    message = f"Too many requests: wait {RATE_LIMIT_S} seconds."
    return Refusal(429, "rate_limit_reached", message)


def _restricted(_request: web.Request) -> Any:
    raise Refusal(403, "endpoint_access_restricted", "Your plan does not include this endpoint.")


def _nothing(_request: web.Request) -> Any:
    raise Refusal(404, "invalid_api_endpoint", "There is no such endpoint.")
