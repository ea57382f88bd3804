"""One seed from its beginning to its end."""

import asyncio
import gc
import hashlib
import logging
import random
import warnings
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import or_, select
from sqlalchemy.exc import DBAPIError, InterfaceError

from holdfast.accounts.models import Connection
from holdfast.app.handlers import HANDLERS
from holdfast.core.identity import ids_from
from holdfast.execution.models import Execution, OrderEvent
from holdfast.execution.orders import OrderState
from holdfast.platform.jobs import LeaseLost, enqueue
from holdfast.platform.models import Job
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.torture.house import House
from holdfast.torture.invariants import ALWAYS, RULES, Rule, Violation, judge
from holdfast.torture.loop import ProcessDied, VirtualLoop, inside
from holdfast.torture.people import LAGS_MS, Person, begin, move_in
from holdfast.torture.postgres import TortureDatabase, latencies
from holdfast.torture.rates import ADDRESS_PART, narrowed
from holdfast.torture.streams import Watch
from holdfast.torture.strikes import Strikes
from holdfast.torture.truth import Books, books_of
from holdfast.torture.weather import Weather, forecast
from holdfast.venues.protocol import VenueError

DEADLOCK: Final = "DeadlockDetectedError"
BOOT_SECONDS: Final = 120.0
SETTLE_SECONDS: Final = 1800.0
"""Longer than the ten minutes for which an address may be shut out."""
MOST_STATEMENTS: Final = 30_000
"""A run that asks the database more often than this goes in circles."""
STREAMS: Final = 0.7
"""The part of runs in which the account streams are listened to."""
FILES: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108  a directory of its own in it
"""Where a process's files cost no waiting for a disk."""
RECURRING: Final = ("market.refresh_instruments", "accounts.check_connection", "execution.reconcile")


@dataclass(frozen=True, slots=True)
class Report:
    """How a seed went. ``trace`` names everything that happened, in order; equal seeds give equal traces."""

    seed: int
    violations: tuple[Violation, ...]
    counts: Counter[str]
    virtual_seconds: float
    schedule: tuple[str, ...]
    trace: str
    log: tuple[str, ...]


def run_seed(seed: int, database: TortureDatabase) -> Report:
    """Everything in one virtual loop of its own; the database is emptied first."""
    gc.collect()
    empty(database)
    weather = forecast(seed)
    loop = VirtualLoop()
    dice = random.Random(f"{seed}:ids")  # noqa: S311  not a secret
    state = random.getstate()
    random.seed(seed)
    database.travel = latencies(seed)
    loop.set_exception_handler(_overhear)
    try:
        ids = ids_from(lambda: UUID(int=dice.getrandbits(128), version=4))
        rates = narrowed() if weather.narrow else nullcontext()
        with ids, rates, TemporaryDirectory(dir=FILES) as home:
            return loop.run_until_complete(_Run(seed, weather, loop, database, Path(home)).carry_out())
    finally:
        _tear_down(loop)
        random.setstate(state)


def empty(database: TortureDatabase) -> None:
    database.start_afresh()
    database.server.administer(_EMPTY)
    database.server.administer("VACUUM pg_class")  # where every emptied table leaves its old line


_EMPTY: Final = """
    DO $$
    DECLARE used text;
    BEGIN
        SELECT string_agg(quote_ident(relname), ', ' ORDER BY relname) INTO used FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND pg_relation_size(oid) > 0;
        IF used IS NOT NULL THEN EXECUTE 'TRUNCATE ' || used || ' RESTART IDENTITY CASCADE'; END IF;
    END $$
"""


def silence() -> None:
    """What a run logs, and what the death of a process leaves behind, is nobody's concern."""
    structlog.configure(processors=[_swallow], cache_logger_on_first_use=False)
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL + 1)
    warnings.filterwarnings("ignore", message="The garbage collector is trying to clean up")


def collect_between_runs() -> None:
    """Rubbish is cleared away before a run and not in it: when that happens would depend on earlier runs."""
    gc.collect()
    gc.freeze()
    gc.disable()


def _swallow(_logger: Any, _method: str, _event: Mapping[str, Any]) -> Any:
    raise structlog.DropEvent


def _overhear(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Nobody asks a task how it ended whose askers have all died, or have lost their lease."""
    error = context.get("exception")
    if not isinstance(error, ProcessDied | VenueError) and not (error and is_outage(error)):
        loop.default_exception_handler(context)


def _tear_down(loop: VirtualLoop) -> None:
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left, timeout=60))
    loop.close()


def is_outage(error: BaseException) -> bool:
    """Whether this only says that PostgreSQL was away."""
    return isinstance(error, (DBAPIError, InterfaceError)) and (
        error.connection_invalidated or "connection was closed" in str(error)
    )


def _was_unknown(events: list[OrderEvent]) -> bool:
    return any(event.to_state == OrderState.UNKNOWN for event in events)


class EndlessWork(Exception):
    """The run does not come to its end."""


class _Run:
    def __init__(
        self, seed: int, weather: Weather, loop: VirtualLoop, database: TortureDatabase, home: Path
    ) -> None:
        self._seed = seed
        self._weather = weather
        self._loop = loop
        self._dice = random.Random(f"{seed}:run")  # noqa: S311  not a secret
        workers = self._dice.choice((1, 2, 2, 3))
        self._house = House(
            loop,
            database,
            seed,
            start=begin(seed),
            home=home,
            wild=weather.wild,
            workers=4 if weather.contested else workers,
            handlers={kind: self._watched(handler) for kind, handler in HANDLERS.items()},
        )
        if weather.narrow:
            self._house.venue.addresses.limit //= ADDRESS_PART
        self._people: list[Person] = []
        self._watch: Watch | None = None
        self._problems: list[Violation] = []

    def _watched(self, handler: Handler) -> Handler:
        async def run(work: Work) -> None:
            try:
                await handler(work)
            except (RetryAt, RunAgainIn, LeaseLost, OSError):
                raise
            except Exception as error:
                if is_outage(error):
                    raise
                if DEADLOCK in str(error):  # PostgreSQL asks for another try, and the job gets one
                    self._house.tally.add("deadlocks")
                    raise
                self._problems.append(
                    Violation("no job fails in an unforeseen way", f"{work.lease.kind}: {error!r}")
                )
                raise

        return run

    async def carry_out(self) -> Report:
        house = self._house
        self._beat = self._loop.create_task(house.beat())
        background = [self._beat, self._loop.create_task(house.schedule())]
        try:
            await self._boot()
            await self._storm()
            await self._judge(ALWAYS)
            if not self._problems:
                await self._heal()
                await self._judge(RULES)
            self._judge_rates()
        finally:
            for task in background:
                task.cancel()
        self._problems += [
            Violation("nothing breaks in an unforeseen way", repr(error)) for error in house.accidents
        ]
        return self._report()

    async def _judge(self, rules: tuple[Rule, ...]) -> None:
        async with self._house.database.sessions() as session:
            for person in self._people:
                books = await books_of(session, person.connection_id, person.account, person.opening)
                books.price_at, books.steady = self._house.price_at, not self._weather.freezes
                books.calm = not self._weather.rules and not self._weather.blows
                books.told_stopped, books.fallen = person.told_stopped, person.fallen
                self._problems += judge(books, rules)
                if rules is RULES:
                    self._count(books)

    def _count(self, books: Books) -> None:
        tally = self._house.tally
        tally.add("orders", len(books.orders))
        tally.add("fills", len(books.fills))
        tally.add("unknowns resolved", sum(map(_was_unknown, books.events.values())))
        for execution in books.executions.values():
            tally.add(f"ended {execution.state}")

    def _judge_rates(self) -> None:
        """The venue's limits hold unless the dial or a frozen process made requests arrive in a heap."""
        refused = self._house.network.refused
        bans = refused.pop("address", 0)
        if bans:
            self._problems.append(Violation("the address is never shut out", f"{bans} requests were"))
        if refused and not self._weather.crowds:
            self._problems.append(Violation("rates stay within the venue's limits", str(dict(refused))))

    async def _boot(self) -> None:
        house = self._house
        async with house.database.transaction() as session:
            await enqueue(session, "market.refresh_instruments", "", now=house.clock.now())
        for number in range(self._dice.choice((1, 1, 1, 1, 1, 2, 2, 3))):
            self._people.append(await move_in(house, number))
        if not await house.until(self._books_begun, seconds=BOOT_SECONDS, every=0.25):
            raise RuntimeError("the installation did not start in calm weather")
        self._listen()

    async def _books_begun(self) -> bool:
        async with self._house.database.sessions() as session:
            rows = await session.scalars(select(Connection).order_by(Connection.label))
            return all(row.state == "active" and row.reconciled_at for row in rows)

    def _listen(self) -> None:
        """Most runs have the account streams; the books must be right without them, too."""
        if self._dice.random() < STREAMS:
            accounts = {person.connection_id: person.account for person in self._people}
            self._watch = Watch(self._house, accounts)

    async def _storm(self) -> None:
        house, start = self._house, self._loop.time()
        house.faults.replace(self._weather.rules_from(house.venue.clock.now_ms()))
        house.network.reads_lag = self._weather.reads_lag
        strikes = Strikes(house, self._people, self._watch, self._dice)
        if self._weather.forgetful:
            strikes.forget_ids()
        strikes.schedule(self._weather.blows, start)
        lives = [
            self._loop.create_task(person.live(start + self._weather.storm), context=inside(house.api))
            for person in self._people
        ]
        await asyncio.wait(lives)
        for life in lives:
            life.result()
        await asyncio.sleep(max(0.0, start + self._weather.storm - self._loop.time()))

    async def _heal(self) -> None:
        house = self._house
        house.tally.add("faults injected", sum(rule["hits"] for rule in house.faults.describe()))
        house.faults.replace([])
        house.network.reads_lag = 0.0
        house.virtual_redis.down = False
        for worker in house.workers:
            worker.process.fuse = None
        try:
            settled = await house.until(self._settled, seconds=SETTLE_SECONDS, every=5)
        except EndlessWork:
            settled = False
        if not settled:
            self._problems.append(Violation("every job finishes or recurs", await self._what_is_left()))
            return
        self._beat.cancel()  # what happened after the last reconciliation could not be in the books
        await asyncio.sleep(max(LAGS_MS) / 1000)  # nor what the venue did not tell yet
        for _ in range(2):  # the first that ends may have been under way, and have read before
            if not await self._reconcile():
                self._problems.append(Violation("every connection is reconciled", "not within 10 minutes"))
                return

    async def _reconcile(self) -> bool:
        """Whether every connection's books were compared after now."""
        house = self._house
        began = house.clock.now()
        async with house.database.transaction() as session:
            for person in self._people:
                await enqueue(session, "execution.reconcile", str(person.connection_id), now=began)
        return await house.until(partial(self._reconciled, began), seconds=600, every=0.5)

    async def _settled(self) -> bool:
        if self._house.database.server.statements > MOST_STATEMENTS:
            raise EndlessWork
        if any(worker.process.paused for worker in self._house.workers):
            return False  # what they do when they wake is to be judged, too
        async with self._house.database.sessions() as session:
            busy = or_(Job.kind.not_in(RECURRING), Job.lease_until.is_not(None))
            open_job = await session.scalar(select(Job.id).where(Job.finished_at.is_(None), busy).limit(1))
        return open_job is None

    async def _what_is_left(self) -> str:
        async with self._house.database.sessions() as session:
            rows = await session.scalars(
                select(Job).where(Job.finished_at.is_(None), Job.kind.not_in(RECURRING)).order_by(Job.id)
            )
            told = [f"{job.kind} {job.subject[:8]}: {job.last_error}" for job in rows]
            states = await session.execute(
                select(Execution.id, Execution.state, Execution.reason).where(Execution.finished_at.is_(None))
            )
            return "; ".join([*told, *(f"{id_} {state}: {reason}" for id_, state, reason in states)])

    async def _reconciled(self, since: Any) -> bool:
        async with self._house.database.sessions() as session:
            moments = await session.scalars(
                select(Connection.reconciled_at).where(Connection.deleted_at.is_(None))
            )
            return all(moment and moment > since for moment in moments)

    def _report(self) -> Report:
        house = self._house
        counts = Counter(house.tally.counts)
        counts["requests"] = sum(house.network.sent.values())
        counts["statements"] = house.database.server.statements
        trace = hashlib.sha256("\n".join(house.trace).encode()).hexdigest()
        return Report(
            self._seed,
            tuple(self._problems),
            counts,
            self._loop.time(),
            tuple(self._weather.describe()),
            trace,
            tuple(house.trace),
        )
