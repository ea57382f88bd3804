"""One REST request at the simulated Binance: what the fault dial does to it, its weight, its answer."""

import asyncio
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.sim.binance.codes import CODES, TOO_MANY, UNKNOWN, Refusal
from holdfast.sim.binance.limits import Verdict, Weights
from holdfast.sim.binance.rest import Call, Desk, Route
from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import FaultRule
from holdfast.sim.world import World

LOOK_S: Final = 0.5
_BEFORE: Final[tuple[FaultKind, ...]] = (
    "drop_request", "half_open", "ip_limit", "maintenance", "rate_limit", "error_500_before", "code_before",
)  # fmt: skip
_AFTER: Final[tuple[FaultKind, ...]] = ("drop_answer", "half_open_after", "error_500_after", "code_after")


class Door:
    def __init__(self, world: World, desk: Desk, weights: Weights) -> None:
        self._world = world
        self._desk = desk
        self._weights = weights

    async def serve(self, route: Route, request: web.Request) -> web.StreamResponse:
        faults, place = self._world.faults, f"binance.rest.{route.name}"
        late = faults.take(place, "delay")
        if late is not None:
            await asyncio.sleep(late.delay_ms / 1000)
        held = faults.take(place, "reorder")
        if held is not None:
            for pause_s in faults.hold(held):
                await asyncio.sleep(pause_s)
        refused = faults.take(place, *_BEFORE)
        if refused is not None:
            return await self._spoilt(refused, request)
        answer = self._answer(route, request, faults.take(place, "clock_skew"))
        faults.passed(place)
        slow = faults.take(place, "delay_answer")
        if slow is not None:
            await asyncio.sleep(slow.delay_ms / 1000)
        lost = faults.take(place, *_AFTER)
        return answer if lost is None else await self._spoilt(lost, request)

    def _answer(self, route: Route, request: web.Request, skew: FaultRule | None) -> web.Response:
        params = dict(request.query)
        verdict = self._weights.take(request.remote or "", route.weight(params))
        if verdict.status != 200:
            return _too_many(verdict)
        now_ms = self._world.clock.now_ms()
        try:
            if request.headers.get("X-MBX-TIME-UNIT", "MILLISECOND").upper() != "MILLISECOND":
                raise Refusal(-1020, "The simulator speaks in milliseconds: leave X-MBX-TIME-UNIT out.")
            call = Call(self._desk, params, now_ms, now_ms + (skew.skew_ms if skew else 0))
            return _json(route.answer(call), 200, verdict)
        except Refusal as refusal:
            return _json({"code": refusal.code, "msg": refusal.message}, refusal.status, verdict)

    async def _spoilt(self, rule: FaultRule, request: web.Request) -> web.StreamResponse:
        if rule.kind in ("half_open", "half_open_after"):
            await _until_gone(request)
        if rule.kind in ("half_open", "half_open_after", "drop_request", "drop_answer"):
            return hang_up(request)
        if rule.kind == "ip_limit":
            return web.Response(status=403, text="Forbidden")
        if rule.kind == "maintenance" and rule.code is None:
            return web.Response(status=503, text="Service Unavailable")
        if rule.kind == "rate_limit":
            return _rate_limited(rule)
        if rule.kind in ("error_500_before", "error_500_after"):
            return _json({"code": UNKNOWN, "msg": CODES[UNKNOWN]}, rule.status)
        code = rule.code or UNKNOWN
        return _json({"code": code, "msg": CODES.get(code, CODES[UNKNOWN])}, 400)


def hang_up(request: web.Request) -> web.Response:
    """Close the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _until_gone(request: web.Request) -> None:
    while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
        await asyncio.sleep(LOOK_S)


def _rate_limited(rule: FaultRule) -> web.Response:
    headers = {} if rule.retry_after_s is None else {"Retry-After": str(rule.retry_after_s)}
    if rule.text_body:
        return web.Response(status=429, text="Too Many Requests", headers=headers)
    return _json({"code": TOO_MANY, "msg": CODES[TOO_MANY]}, 429, headers=headers)


def _too_many(verdict: Verdict) -> web.Response:
    banned = verdict.status == 418
    message = "Way too much request weight used; IP banned." if banned else CODES[TOO_MANY]
    return _json(
        {"code": TOO_MANY, "msg": message},
        verdict.status,
        verdict,
        {"Retry-After": str(verdict.retry_after_s)},
    )


def _json(
    body: Any, status: int, verdict: Verdict | None = None, headers: dict[str, str] | None = None
) -> web.Response:
    used = {} if verdict is None else {name: str(verdict.used) for name in _USED_HEADERS}
    return web.Response(
        body=orjson.dumps(body),
        status=status,
        content_type="application/json",
        headers=used | (headers or {}),
    )


_USED_HEADERS: Final = ("X-MBX-USED-WEIGHT", "X-MBX-USED-WEIGHT-1M")
