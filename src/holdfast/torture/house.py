"""A whole installation in one virtual loop: venue, database, Redis, scheduler and workers that die."""

import asyncio
import random
from collections import Counter, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy import case, func, select
from sqlalchemy.exc import SQLAlchemyError

from holdfast.accounts.models import Connection
from holdfast.accounts.vault import VenueCredentials
from holdfast.app.handlers import HANDLERS
from holdfast.app.runner import JobRunner
from holdfast.core.time import to_ms
from holdfast.platform import jobs
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Handler, Work
from holdfast.sim.bybit.venue import Venue, VenueSettings
from holdfast.sim.clock import SimClock
from holdfast.sim.faults import Faults
from holdfast.torture.loop import NEUTRAL, Process, VirtualClock, VirtualLoop, inside
from holdfast.torture.market import SmallMarket
from holdfast.torture.network import Network
from holdfast.torture.postgres import TortureDatabase
from holdfast.torture.redis import VirtualRedis
from holdfast.venues import registry
from holdfast.venues.bybit.client import BybitPublic, BybitVenue
from holdfast.venues.protocol import TradingVenue

ADDRESS: Final = "http://127.0.0.1:1"
"""Where pybit believes the venue to be; no request ever leaves the loop."""
TICK: Final = 0.5
SHORTEST_SLEEP: Final = 0.05
LOOK_AGAIN: Final = 1.0
LONGEST_SLEEP: Final = 10.0
RESTART: Final = (0.5, 6.0)
POLLING: Final = ("market.refresh_instruments",)


@dataclass
class Tally:
    """What happened in a run, by name."""

    counts: Counter[str] = field(default_factory=Counter)

    def add(self, what: str, count: int = 1) -> None:
        self.counts[what] += count


class VirtualDoors:
    """In the place of ``accounts.doors.Doors``: the same clients, on roads in the loop, without a vault."""

    def __init__(self, house: "House", process: Process) -> None:
        self._house = house
        self._process = process
        self._open: dict[UUID, BybitVenue] = {}

    async def venue(self, connection: Connection, _work: Work) -> TradingVenue:
        if connection.id not in self._open:
            key = self._house.keys[connection.id]
            self._open[connection.id] = inside(self._process).run(self._made, key)
        return self._open[connection.id]

    def _made(self, key: VenueCredentials) -> BybitVenue:
        house = self._house
        return BybitVenue(
            ADDRESS,
            key.api_key,
            key.api_secret,
            budget=registry.shared_budget("bybit", house.redis, house.clock, house.settings.home),
            clock=house.clock,
            road=house.network.road(),
        )

    async def shut(self, connection_id: UUID) -> None:
        self._open.pop(connection_id, None)

    async def close(self) -> None:
        self._open.clear()


class Worker:
    """One child of the worker: one job at a time, until it dies and another takes its place."""

    def __init__(self, house: "House", number: int) -> None:
        self._house = house
        self._number = number
        self._lives = 0
        self.busy = False
        self.kind = ""
        self.start()

    def start(self) -> None:
        self._lives += 1
        self.process = Process(f"worker-{self._number}.{self._lives}")
        self._tasks: set[asyncio.Task[None]] = set()
        house = self._house
        self._jobs = JobRunner(
            house.handlers, house.database, house.redis, house.settings, house.clock, asyncio.Event()
        )
        self._jobs.services["accounts.doors"] = VirtualDoors(house, self.process)
        self._jobs.services["market.public_venue"] = house.public_venue(self.process)
        self.busy = False

    def give(self, job_id: int, kind: str) -> None:
        self.busy, self.kind = True, kind
        task = self._house.loop.create_task(
            self._jobs.run(job_id), context=inside(self.process), name=f"{self.process.name} {kind}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._finished, context=NEUTRAL)

    def kill(self) -> None:
        if self.process.alive:
            self._died(self.process)

    def light(self, effects: int, then: Callable[[], None]) -> None:
        """Let something happen to it after so many of its effects."""
        self.process.fuse, self.process.on_fuse = effects, then

    def pause(self, seconds: float, *, cut: bool = False) -> None:
        """Stand still, as a frozen machine does, and go on later as if nothing had happened. ``cut``: what it
        had locked in PostgreSQL is lost meanwhile, and it does not know."""
        process = self.process
        if not process.alive or process.paused:
            return
        process.paused = True
        self._house.tally.add("pauses")
        self._house.note("pause", f"{process.name} for {seconds:.1f} s{' and cut off' if cut else ''}")
        if cut:
            self._house.database.cut_off(process)
        self._house.loop.call_later(seconds, self._house.loop.resume, process, context=NEUTRAL)

    def _finished(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if task.cancelled() or isinstance(task.exception(), (SQLAlchemyError, OSError)):
            self._house.tally.add("jobs cut short")
        elif task.exception() and self.process.alive:
            self._house.accidents.append(task.exception())
        if self.process.alive:
            self.busy = False
            self._house.wake()

    def _died(self, process: Process) -> None:
        process.alive, process.fuse = False, None
        self._house.tally.add("crashes")
        self._house.note("crash", process.name)
        self._house.database.cut_off(process)
        for task in self._tasks:
            task.cancel()
        if process.paused:
            self._house.loop.resume(process)
        delay = self._house.dice.uniform(*RESTART)
        self._house.loop.call_later(delay, self.start_again, process, context=NEUTRAL)

    def start_again(self, process: Process) -> None:
        if self.process is process:
            self.start()
            self._house.wake()


class House:
    """Everything there is in a run. ``note`` keeps the trace that two runs of one seed must share."""

    def __init__(
        self,
        loop: VirtualLoop,
        database: TortureDatabase,
        seed: int,
        *,
        start: datetime,
        home: Path,
        wild: float,
        workers: int,
        handlers: Mapping[str, Handler] = HANDLERS,
    ) -> None:
        self.loop = loop
        self.database = database
        self.seed = seed
        self.dice = random.Random(f"{seed}:house")  # noqa: S311  not a secret
        self.tally = Tally()
        self.trace: list[str] = []
        self.accidents: list[BaseException | None] = []
        self.handlers = handlers
        self.clock = VirtualClock(loop, start)
        venue_clock = SimClock(source_ns=self.clock.now_ns)
        self.market = SmallMarket(seed, venue_clock.now_ms, wild=wild)
        self.faults = Faults(venue_clock.now_ms)
        self.venue = Venue(
            self.market,
            venue_clock,
            venue_clock,
            seed=seed,
            first_id=venue_clock.now_ms() * 1000,
            later=lambda seconds, action: loop.call_later(seconds, action, context=NEUTRAL),
            settings=VenueSettings(),
            faults=self.faults,
        )
        self.network = Network(loop, self.venue, self.faults, seed)
        self.network.note = self.note
        self.virtual_redis = VirtualRedis(venue_clock.now_ms, seed)
        self.redis = cast(Redis, self.virtual_redis)
        self.settings = Settings(database_url="postgresql://torture", redis_url="redis://torture", home=home)
        self.keys: dict[UUID, VenueCredentials] = {}
        self.api = Process("api")
        self._queue: deque[tuple[int, str]] = deque()
        self._awake = asyncio.Event()
        database.server.on_notify = self.wake
        database.server.note = self.note
        self.workers = [Worker(self, number) for number in range(workers)]

    def note(self, what: str, detail: str) -> None:
        self.trace.append(f"{self.loop.time():.6f} {what} {detail}")

    def public_venue(self, process: Process) -> BybitPublic:
        return inside(process).run(
            lambda: BybitPublic(
                ADDRESS,
                budget=registry.shared_budget("bybit", self.redis, self.clock, self.settings.home),
                clock=self.clock,
                road=self.network.road(),
            )
        )

    def price_at(self, symbol: str, at: datetime) -> Decimal:
        """The venue's mark price at a moment of the past."""
        return self.market.mark_price("linear", symbol, to_ms(at))

    def wake(self) -> None:
        self._awake.set()

    def lose_queue(self) -> None:
        """What Redis carried is gone; the rows are not."""
        self._queue.clear()

    async def beat(self) -> None:
        """What the venue does by itself."""
        while True:
            self.venue.tick()
            await asyncio.sleep(TICK)

    async def schedule(self) -> None:
        """The scheduler and the queues between it and the workers."""
        while True:
            pause = 1.0
            try:
                pause = await self._turn()
            except (SQLAlchemyError, OSError):
                self.tally.add("scheduler turns lost")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._awake.wait(), pause)
            self._awake.clear()

    async def _turn(self) -> float:
        """Hand out what is due; returns the seconds until something may become due by itself."""
        if self.virtual_redis.down:
            return 1.0
        pause = await self._until_due()
        if pause <= 0:
            pause = 0.0 if await self._take_due() else LOOK_AGAIN
        for worker in self.workers:
            if self._queue and worker.process.alive and not worker.busy and not worker.process.paused:
                worker.give(*self._queue.popleft())
        return min(max(pause, SHORTEST_SLEEP), LONGEST_SLEEP)

    async def _take_due(self) -> bool:
        """Whether there was anything that is not under way already."""
        async with self.database.transaction() as session:
            now = self.clock.now()
            await jobs.hold_back_deadly(session, now=now)
            due = await jobs.take_due(session, now=now)
        self._queue.extend(due)
        return bool(due)

    async def _until_due(self) -> float:
        """Seconds, by a look that locks nothing."""
        async with self.database.sessions() as session:
            due = await session.scalar(_NEXT_DUE)
        return LONGEST_SLEEP if due is None else float((due - self.clock.now()).total_seconds())

    async def unfinished(self, *kinds: str) -> int:
        async with self.database.sessions() as session:
            query = select(func.count()).select_from(Job).where(Job.finished_at.is_(None))
            return await session.scalar(query.where(Job.kind.in_(kinds)) if kinds else query) or 0

    async def until(self, done: Callable[[], Any], *, seconds: float, every: float = 1.0) -> bool:
        """Whether ``done`` (a coroutine function) came true within ``seconds``."""
        deadline = self.loop.time() + seconds
        while not await done():
            if self.loop.time() > deadline:
                return False
            await asyncio.sleep(every)
        return True


_DISPATCHED = Job.dispatched_at + jobs.REDISPATCH_AFTER
_NEXT_DUE = select(
    func.min(
        case(
            (Job.lease_until.is_not(None), Job.lease_until),
            (Job.dispatched_at.is_not(None), _DISPATCHED),
            else_=Job.run_at,
        )
    )
    + timedelta(milliseconds=20)
).where(Job.finished_at.is_(None))
