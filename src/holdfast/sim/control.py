"""The control door of the simulated world, for tests and demo mode; it opens to loopback peers only."""

import functools
import ipaddress
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.core.errors import Forbidden, HoldfastError, InvalidInput, Unavailable
from holdfast.sim.binance.streams import Streams
from holdfast.sim.bybit.operations import Operations
from holdfast.sim.bybit.snapshot import saved
from holdfast.sim.bybit.venue import Venue
from holdfast.sim.fault_kinds import describe_kinds
from holdfast.sim.world import World

Model = TypeVar("Model", bound=BaseModel)
Handler = Callable[[web.Request], Awaitable[Any]]


class ClockOrder(BaseModel):
    """``advance_ms`` jumps forward, ``speed`` is simulated seconds a second, ``frozen`` stops and resumes."""

    model_config = ConfigDict(extra="forbid")

    advance_ms: Annotated[int, Field(ge=0, le=400 * 86_400_000)] | None = None
    speed: Annotated[float, Field(gt=0, le=10_000)] | None = None
    frozen: bool | None = None


class MarketOrder(BaseModel):
    """``shock``: the coin behind ``symbol`` is worth ``factor`` times as much from now on. ``status``: force
    Trading, PreLaunch, Delivering or Closed. ``delist``: ``symbol`` ends ``in_ms`` from now."""

    model_config = ConfigDict(extra="forbid")

    op: Literal["shock", "status", "delist"]
    symbol: str
    category: Literal["linear", "spot"] = "linear"
    factor: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    status: Literal["Trading", "PreLaunch", "Delivering", "Closed"] | None = None
    in_ms: Annotated[int, Field(ge=0)] = 0


class FundingOrder(BaseModel):
    """``symbol`` "" settles all."""

    model_config = ConfigDict(extra="forbid")

    symbol: str = ""


class StreamOrder(BaseModel):
    """Seconds of Binance's ``Patience``: between two pings, for a pong, of a connection's life, from the
    announcement of a shutdown to the cut."""

    model_config = ConfigDict(extra="forbid")

    ping_s: Annotated[float, Field(gt=0)] | None = None
    pong_s: Annotated[float, Field(gt=0)] | None = None
    life_s: Annotated[float, Field(gt=0)] | None = None
    shutdown_s: Annotated[float, Field(ge=0)] | None = None


def mount(app: web.Application, world: World) -> None:
    """Add ``/_sim/…`` to ``app``."""
    door = ControlDoor(world)
    app.router.add_post("/_sim/accounts", _answering(door.create_account))
    app.router.add_get("/_sim/accounts/{uid}", _answering(door.account))
    app.router.add_get("/_sim/accounts/{uid}/truth", _answering(door.truth))
    app.router.add_post("/_sim/accounts/{uid}/{operation}", _answering(door.operate))
    app.router.add_post("/_sim/venue/restart", _answering(door.restart_venue))
    app.router.add_post("/_sim/funding", _answering(door.settle_funding))
    app.router.add_post("/_sim/binance/streams", _answering(door.set_streams))
    app.router.add_post("/_sim/binance/shutdown", _answering(door.shut_streams_down))
    app.router.add_get("/_sim/faults/kinds", _answering(door.fault_kinds))
    app.router.add_get("/_sim/faults", _answering(door.read_faults))
    app.router.add_post("/_sim/faults", _answering(door.set_faults))
    app.router.add_get("/_sim/clock", _answering(door.read_clock))
    app.router.add_post("/_sim/clock", _answering(door.set_clock))
    app.router.add_post("/_sim/market", _answering(door.move_market))


class ControlDoor:
    def __init__(self, world: World) -> None:
        self._world = world

    async def create_account(self, request: web.Request) -> dict[str, Any]:
        """The body is a ``bybit.spec.AccountSpec``; answers with the new key."""
        account = self._accounts().create(await _object(request))
        return {"uid": account.uid, "api_key": account.key.key, "api_secret": account.key.secret}

    async def account(self, request: web.Request) -> dict[str, Any]:
        """All there is of an account, without its secret: a ``bybit.snapshot.SavedAccount``."""
        whole = saved(self._accounts().of_uid(request.match_info["uid"]))
        told: dict[str, Any] = whole.model_dump(mode="json")
        told["key"]["secret"] = ""
        return told

    async def truth(self, request: web.Request) -> dict[str, Any]:
        """The venue's own view of an account: orders, executions, positions, balances, log."""
        truth: dict[str, Any] = self._accounts().truth(request.match_info["uid"])
        return truth

    async def operate(self, request: web.Request) -> dict[str, Any]:
        """One of ``bybit.operations``: adl, liquidate, hedge-mode, leverage, key, trade and so on."""
        uid, operation = request.match_info["uid"], request.match_info["operation"]
        Operations(self._venue()).carry_out(uid, operation, await _object(request))
        return {"uid": uid, "operation": operation}

    async def restart_venue(self, _request: web.Request) -> dict[str, Any]:
        """Empties the cache of recent final orders and cuts every stream."""
        venue = self._venue()
        cut = len(venue.streams)
        venue.restart()
        return {"streams_cut": cut}

    async def settle_funding(self, request: web.Request) -> dict[str, Any]:
        """``{"symbol": …}`` or ``{}``: funding is paid now."""
        order = _valid(FundingOrder, await _object(request))
        self._venue().settle_funding(order.symbol)
        return {"now_ms": self._world.clock.now_ms()}

    async def set_streams(self, request: web.Request) -> dict[str, Any]:
        """How long Binance's stream connections live, and how often they are pinged."""
        order = _valid(StreamOrder, await _object(request))
        streams = self._streams()
        streams.be(**order.model_dump(exclude_none=True))
        return {"patience": asdict(streams.patience), "connections": streams.connections}

    async def shut_streams_down(self, _request: web.Request) -> dict[str, Any]:
        """``serverShutdown`` to every stream connection, which is closed a little later."""
        streams = self._streams()
        streams.shut_down()
        return {"connections": streams.connections}

    async def fault_kinds(self, _request: web.Request) -> dict[str, Any]:
        return describe_kinds()

    async def read_faults(self, _request: web.Request) -> dict[str, Any]:
        return {"rules": self._world.faults.describe()}

    async def set_faults(self, request: web.Request) -> dict[str, Any]:
        """``{"rules": […]}`` replaces all rules."""
        body = await _object(request)
        rules = body.get("rules")
        if not isinstance(rules, list) or len(body) != 1:
            raise InvalidInput('Send {"rules": [...]}; an empty list heals everything.')
        self._world.faults.replace(rules)
        return {"rules": self._world.faults.describe()}

    async def read_clock(self, _request: web.Request) -> dict[str, Any]:
        clock = self._world.clock
        return {"now_ms": clock.now_ms(), "speed": clock.speed, "frozen": clock.frozen}

    async def set_clock(self, request: web.Request) -> dict[str, Any]:
        order = _valid(ClockOrder, await _object(request))
        clock = self._world.clock
        if order.frozen is not None:
            clock.freeze() if order.frozen else clock.resume()
        if order.speed is not None:
            clock.set_speed(order.speed)
        if order.advance_ms is not None:
            clock.advance(order.advance_ms)
        return await self.read_clock(request)

    async def move_market(self, request: web.Request) -> dict[str, Any]:
        order = _valid(MarketOrder, await _object(request))
        market = self._world.market
        if (order.category, order.symbol) not in market.instruments:
            raise InvalidInput(f"There is no {order.category} instrument {order.symbol}.")
        if order.op == "shock":
            if order.factor is None:
                raise InvalidInput("A shock needs a factor, for example 0.9 for a fall of 10 %.")
            market.set_price_shock(order.symbol, order.factor, order.category)
        elif order.op == "status":
            if order.status is None:
                raise InvalidInput("Name the status: Trading, PreLaunch, Delivering or Closed.")
            market.set_status(order.symbol, order.status, order.category)
        else:
            market.delist(order.symbol, self._world.clock.now_ms() + order.in_ms, order.category)
        shown = market.instruments[order.category, order.symbol]
        return {
            "symbol": shown.symbol,
            "status": shown.status,
            "delivery_ms": shown.delivery_ms,
            "last_price": f"{market.last_price(order.category, order.symbol):f}",
        }

    def _venue(self) -> Venue:
        if self._world.venue is None:
            raise Unavailable("This simulator was started without the venue.")
        return self._world.venue

    def _streams(self) -> Streams:
        if self._world.binance is None:
            raise Unavailable("This simulator was started without Binance.")
        return self._world.binance

    def _accounts(self) -> Any:
        if self._world.accounts is None:
            raise Unavailable("This simulator was started without the venue; there are no accounts.")
        return self._world.accounts


def _answering(handler: Handler) -> Callable[[web.Request], Awaitable[web.Response]]:
    @functools.wraps(handler)
    async def answer(request: web.Request) -> web.Response:
        try:
            if not _is_loopback(request.remote):
                raise Forbidden("The control door opens to this machine only.")
            return _json(await handler(request))
        except HoldfastError as error:
            return _json({"error": error.detail}, error.status)

    return answer


def _json(body: Any, status: int = 200) -> web.Response:
    data = orjson.dumps(body, default=str)
    return web.Response(body=data, status=status, content_type="application/json")


def _is_loopback(peer: str | None) -> bool:
    try:
        return ipaddress.ip_address(peer or "").is_loopback
    except ValueError:
        return False


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        body = orjson.loads(await request.read() or b"{}")
    except orjson.JSONDecodeError:
        raise InvalidInput("The body is not JSON.") from None
    if not isinstance(body, dict):
        raise InvalidInput("The body must be a JSON object.")
    return body


def _valid(model: type[Model], body: dict[str, Any]) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInput(f"This cannot be done: {places}.") from None
