"""What strikes an installation: crashes, frozen machines, lost servers, forced trades, the user's hand."""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import orjson
from sqlalchemy.exc import SQLAlchemyError

from holdfast.execution.risk import stop_file, stops
from holdfast.sim.bybit.http import RawRequest
from holdfast.sim.bybit.operations import Operations
from holdfast.torture.house import House, Worker
from holdfast.torture.loop import NEUTRAL, Process, VirtualLoop
from holdfast.torture.people import LAGS_MS, Person
from holdfast.torture.rates import lowered
from holdfast.torture.streams import Watch
from holdfast.torture.weather import Blow

ORDER_PATHS: Final = frozenset({"/v5/order/create", "/v5/order/create-batch"})


class Overtaking:
    """Freezes the worker whose order is the ``orders``-th to leave, with its answer still to come and perhaps
    more orders still to go, until others have sent ``others`` of the same execution: they are in the middle
    of its work when it wakes. After ``seconds`` it wakes in any case. ``cut``: as of ``Worker.pause``."""

    def __init__(self, house: House, *, orders: int, others: int, seconds: float, cut: bool) -> None:
        self._house = house
        self._orders = orders
        self._others = others
        self._seconds = seconds
        self._cut = cut
        self._frozen: Process | None = None
        self._execution = ""

    def __call__(self, process: Process, request: RawRequest) -> None:
        worker = next((one for one in self._house.workers if one.process is process), None)
        if worker is None or request.path not in ORDER_PATHS:
            return
        execution = _execution_of(request)
        if self._frozen is None:
            self._orders -= 1
            if self._orders == 0:
                self._frozen, self._execution = process, execution
                worker.pause(self._seconds, cut=self._cut)
        elif process is not self._frozen and execution == self._execution:
            self._others -= 1
            if self._others == 0 and self._frozen.paused:
                self._house.tally.add("overtaken")
                self._house.loop.resume(self._frozen)


def _execution_of(request: RawRequest) -> str:
    """What the ids of an execution's orders have in common."""
    body = orjson.loads(request.body)
    one = body["request"][0] if "request" in body else body
    return str(one["orderLinkId"]).rpartition("-")[0]


class Strikes:
    """Carries out the blows of a forecast on one installation and its people."""

    def __init__(
        self, house: House, people: Sequence[Person], watch: Watch | None, dice: random.Random
    ) -> None:
        self._house = house
        self._people = people
        self._watch = watch
        self._dice = dice
        self._loop: VirtualLoop = house.loop
        self._operations = Operations(house.venue)
        self._tasks: set[asyncio.Task[None]] = set()

    def schedule(self, blows: Iterable[Blow], start: float) -> None:
        for blow in blows:
            self._loop.call_at(start + blow.at, partial(self._begin, blow))

    def forget_ids(self) -> None:
        """From now on the venue takes an order's id again once the order has ended, and tells of it late."""
        temper = {"forgets_link_ids_s": 0, "realtime_lag_ms": max(LAGS_MS)}
        for person in self._people:
            self._operations.carry_out(person.account.uid, "behaviour", temper)

    def _begin(self, blow: Blow) -> None:
        task = self._loop.create_task(self._strike(blow))
        self._tasks.add(task)
        task.add_done_callback(self._ended, context=NEUTRAL)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        """A blow that breaks by itself proves nothing."""
        self._tasks.discard(task)
        if not task.cancelled() and task.exception():
            self._house.accidents.append(task.exception())

    async def _strike(self, blow: Blow) -> None:
        self._house.note("blow", str(blow))
        self._house.tally.add("blows")
        action: Callable[..., Any] = getattr(self, f"_strike_{blow.what}")
        done = action(**blow.detail)
        if asyncio.iscoroutine(done):
            await done

    def _strike_crash(self) -> None:
        mortals: list[Worker | Watch] = [*self._house.workers, *([self._watch] if self._watch else [])]
        self._dice.choice(mortals).kill()

    def _strike_fuse(self, effects: int, then: str, seconds: float) -> None:
        worker = self._busy_worker()
        if then == "die":
            worker.light(effects, worker.kill)
        else:
            worker.light(effects, partial(worker.pause, seconds, cut=then == "cut off"))

    def _strike_overtake(self, **how: Any) -> None:
        self._house.network.on_leave.append(Overtaking(self._house, **how))

    def _strike_pause(self, seconds: float, cut: bool) -> None:
        self._busy_worker().pause(seconds, cut=cut)

    def _busy_worker(self) -> Worker:
        """One that has an execution in hand, if there is one: there it hurts most."""
        busy = [worker for worker in self._house.workers if worker.busy]
        trading = [worker for worker in busy if worker.kind == "execution.run"]
        return self._dice.choice(trading or busy or self._house.workers)

    async def _strike_redis(self, seconds: float, forgets: bool) -> None:
        redis = self._house.virtual_redis
        redis.down = True
        await asyncio.sleep(seconds)
        if forgets:
            redis.forget()
            self._house.lose_queue()
        redis.down = False

    def _strike_database(self) -> None:
        """PostgreSQL restarts: every connection breaks, nothing committed is lost."""
        self._house.database.cut_all()

    def _strike_jump(self, symbol: str, factor: float) -> None:
        self._house.market.jump(symbol, factor)

    def _strike_adl(self, share: float) -> None:
        self._force("AdlTrade", share)

    def _strike_liquidation(self, share: float) -> None:
        self._force("BustTrade", share)

    def _force(self, how: str, share: float) -> None:
        account = self._dice.choice(self._people).account
        held = [p for p in account.positions.values() if p.quantity]
        if held:
            self._house.venue.force_close(account, held[int(share * len(held))], how=how)
            self._house.tally.add("forced trades")

    async def _strike_delist(self, symbol: str) -> None:
        market, now_ms = self._house.market, self._house.venue.clock.now_ms()
        market.set_status(symbol, "Trading", delivery_ms=now_ms + 15_000)
        await asyncio.sleep(15)
        market.set_status(symbol, "Delivering", delivery_ms=now_ms + 15_000)

    async def _strike_hand(self) -> None:
        await self._dice.choice(self._people).trade_by_hand()

    async def _strike_leverage(self, symbol: str) -> None:
        await self._dice.choice(self._people).set_leverage(symbol, "5")

    async def _strike_hedge(self, symbol: str) -> None:
        person = self._dice.choice(self._people)
        await person.switch_to_hedge_mode(symbol)
        await asyncio.sleep(self._dice.uniform(5, 40))
        await person.switch_back(symbol)

    async def _strike_key(self, trouble: str, seconds: float) -> None:
        """The user revokes the key, lets it expire or takes its rights to trade, and thinks better of it."""
        uid = self._dice.choice(self._people).account.uid
        self._operations.carry_out(uid, "key", {trouble: True})
        await asyncio.sleep(seconds)
        healed = {"expires": "2100-01-01T00:00:00Z"} if trouble == "expired" else {trouble: False}
        self._operations.carry_out(uid, "key", healed)

    async def _strike_margin(self, mode: str, seconds: float) -> None:
        uid = self._dice.choice(self._people).account.uid
        self._operations.carry_out(uid, "margin-mode", {"mode": mode})
        await asyncio.sleep(seconds)
        self._operations.carry_out(uid, "margin-mode", {"mode": "REGULAR_MARGIN"})

    def _strike_limits(self, part: int) -> None:
        """The venue puts a user on a lower level."""
        uid = self._dice.choice(self._people).account.uid
        self._operations.carry_out(uid, "limits", {"rate_limits": lowered(part)})

    async def _strike_stop_all(self, seconds: float) -> None:
        """The operator stops everything by the file, and resumes."""
        settings, clock = self._house.settings, self._house.clock
        stop_file.write(settings, since=clock.now(), by="operator", reason="")
        await self._enter_stop(resumed=False)
        await asyncio.sleep(seconds)
        stop_file.remove(settings, now=clock.now())
        await self._enter_stop(resumed=True)

    async def _enter_stop(self, *, resumed: bool) -> None:
        """As the operator's command does: where PostgreSQL is away, the workers follow the file later."""
        with suppress(SQLAlchemyError, OSError):
            async with self._house.database.transaction() as session:
                now = self._house.clock.now()
                await stops.enter_file(session, self._house.settings, now, resumed=resumed)
