"""One request to Bybit: within the budget, in a thread, and one of our exceptions for all that can go wrong.

Reads are repeated a few times, with jitter. Writes are never repeated here: whoever wrote the row asks by its
id.
"""

import asyncio
import hashlib
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from requests.adapters import BaseAdapter

from holdfast.core.time import Clock, to_ms
from holdfast.platform.clock import SystemClock
from holdfast.venues.bybit import errors
from holdfast.venues.bybit.budget import MARGIN_SECONDS, Bucket, Budget, BudgetSpent, LocalBudget
from holdfast.venues.bybit.fields import Malformed, Row, moment_or_none
from holdfast.venues.bybit.parse_market import server_time
from holdfast.venues.bybit.pybit_client import PybitClient
from holdfast.venues.protocol import KeyRefused, RateLimited, Unreachable, VenueError
from holdfast.venues.recording import Watch, watched

Parsed = TypeVar("Parsed")

CALL_SECONDS: Final = 10.0
THREADS: Final = 16

_READ_TRIES: Final = 3
_READ_PATIENCE: Final = timedelta(seconds=5)
_ADDRESS_TRIES: Final = 3
_ONLOOKERS_SECONDS: Final = 0.1
_BACKOFF_SECONDS: Final = 0.25
_CLOCK_SAMPLES: Final = 3
_GOOD_UNCERTAINTY: Final = timedelta(milliseconds=250)
_WORST_UNCERTAINTY: Final = timedelta(seconds=1)
_CLOCK_LIFE: Final = timedelta(minutes=10)
_CLOCK_STEP: Final = timedelta(seconds=CALL_SECONDS)
_JOURNEYS: Final = 32
_LONGEST_SPREAD: Final = 2.0
_CREDENTIAL: Final = re.compile(r"[!-~]{1,512}")


@dataclass(frozen=True, slots=True)
class _Failure:
    error: VenueError


@dataclass(frozen=True, slots=True)
class Road:
    """What requests travel on: the threads that wait for answers, and what stands below pybit on the way to
    the venue. A simulation brings its own of both."""

    threads: Executor
    adapter: BaseAdapter


class Transport:
    """Requests of one key (or of nobody) to one address."""

    def __init__(
        self,
        rest_url: str,
        api_key: str = "",
        api_secret: str = "",
        *,
        budget: Budget | None = None,
        clock: Clock | None = None,
        jitter: Callable[[], float] = random.random,
        road: Road | None = None,
    ) -> None:
        self._secrets = _credentials(api_key, api_secret)
        self._onlooker = not api_key
        self._account = hashlib.sha256(api_key.encode()).hexdigest()[:16]
        self._clock = clock or SystemClock()
        self._budget = budget or LocalBudget(self._clock)
        self._jitter = jitter
        self._offset = self._uncertainty = timedelta(0)
        self._synced_at: datetime | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._journeys: deque[float] = deque(maxlen=_JOURNEYS)
        self._departure = threading.local()
        self._threads = road.threads if road else ThreadPoolExecutor(THREADS, thread_name_prefix="bybit")
        self._pybit = PybitClient(
            rest_url,
            self._stamp,
            api_key=api_key or None,
            api_secret=api_secret or None,
            connections=THREADS,
            adapter=road.adapter if road else None,
        )

    def venue_now(self) -> datetime:
        """The venue's clock, as well as we know it."""
        return self._clock.now() + self._offset

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no text may contain."""
        return self._secrets

    def now(self) -> datetime:
        return self._clock.now()

    async def read(self, bucket: Bucket, method: str, read: Callable[[Row], Parsed], **query: Any) -> Parsed:
        """Ask, and have ``read`` parse the ``result`` of the answer (its envelope's time added as "time").

        Raises:
            Rejected, KeyRefused: the venue refuses the question.
            RateLimited, Unreachable: no answer; ask again later.
        """
        give_up_at = self._clock.now() + _READ_PATIENCE
        for attempt in range(1, _READ_TRIES + 1):
            try:
                body = await self._once(bucket, method, query, units=1, write=False, attempt=attempt)
                return _parsed(read, body)
            except (Unreachable, RateLimited) as error:
                wait = self._pause(error, attempt)
                if attempt == _READ_TRIES or self._clock.now() + timedelta(seconds=wait) > give_up_at:
                    raise
            await asyncio.sleep(wait)
        raise AssertionError("unreachable")

    async def reserve(self, bucket: Bucket, units: int, *, patience: float) -> float:
        """Seconds to wait until ``units`` of the bucket are ours. They are taken in the order of asking.

        Raises:
            RateLimited: it would take longer than ``patience`` seconds.
        """
        try:
            return await self._budget.reserve(
                self._account, bucket, units, patience=patience, margin=self._journey_spread()
            )
        except BudgetSpent as spent:
            raise _limited(spent) from None

    async def write(
        self,
        bucket: Bucket,
        method: str,
        *,
        units: int = 1,
        reserved: float | None = None,
        leave_by: datetime | None = None,
        **query: Any,
    ) -> Row:
        """Change something, once. Returns the whole body: ``result`` and ``retExtInfo``. ``reserved``: its
        ``units`` of the budget are taken already, and it has waited for them so many seconds. After
        ``leave_by`` it is not sent any more, whatever kept it: its turn, the clock, a thread, or a process
        that stood still.

        Raises:
            Rejected, KeyRefused, RateLimited, DuplicateClientId: nothing happened by this request.
            OutcomeUnknown: it may or may not have happened.
        """
        return await self._once(
            bucket, method, query, units=units, write=True, reserved=reserved, leave_by=leave_by
        )

    def _stamp(self) -> int:
        """Rather too old than too new: Bybit takes stamps 5 s old, but only less than 1 s ahead. What should
        have left before gets none; what is kept from leaving after it, Bybit itself refuses for its age."""
        stamp = to_ms(self.venue_now() - self._uncertainty)
        now, leave_by = self._clock.now(), getattr(self._departure, "leave_by", None)
        if leave_by is not None and now > leave_by:
            raise RateLimited("Nothing was sent: it had to wait too long before it left.", until=now)
        return stamp

    async def close(self) -> None:
        if self._measuring:
            self._measuring.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pybit.client.close()

    async def _once(
        self,
        bucket: Bucket,
        method: str,
        query: Mapping[str, Any],
        *,
        units: int,
        write: bool,
        attempt: int = 1,
        reserved: float | None = None,
        leave_by: datetime | None = None,
    ) -> Row:
        waited = reserved or 0.0
        with watched(self._clock, method, query, writes=write, attempt=attempt, waited=waited) as watch:
            if bucket is not Bucket.PUBLIC:
                await self._ready_to_sign(write)
            await self._wait_for_budget(bucket, units, reserved=reserved is not None, leave_by=leave_by)
            body, headers = await self._exchange(
                bucket, method, query, write=write, watch=watch, leave_by=leave_by
            )
        self._notice_clock_step(body)
        await self._learn_limit(bucket, headers)
        return body

    async def _exchange(
        self,
        bucket: Bucket,
        method: str,
        query: Mapping[str, Any],
        *,
        write: bool,
        watch: Watch,
        leave_by: datetime | None,
    ) -> tuple[Row, Mapping[str, str]]:
        watch.leaves()
        answer = await self._in_thread(method, query, write=write, leave_by=leave_by)
        if isinstance(answer, _Failure):
            watch.comes_back()
            await self.learn_from(answer.error, bucket)
            raise answer.error
        watch.comes_back(answer[0])
        return answer

    async def _ready_to_sign(self, write: bool) -> None:
        try:
            await self._agree_on_time()
        except Unreachable as error:
            if not write:
                raise
            raise RateLimited(
                f"Nothing was sent: {error}", until=self._clock.now() + timedelta(seconds=1), code=error.code
            ) from None

    async def _wait_for_budget(
        self, bucket: Bucket, units: int, *, reserved: bool = False, leave_by: datetime | None = None
    ) -> None:
        """Its turn by the key, then by the address. Where one made it wait, its turn by the other has passed,
        and it takes another: the venue counts requests when they arrive."""
        if not reserved:
            await self._wait_for_turn(bucket, units, leave_by)
        for _ in range(_ADDRESS_TRIES):
            if not await self._wait_for_address(self._patience(leave_by)):
                return
            if await self._wait_for_turn(bucket, units, leave_by) <= MARGIN_SECONDS:
                return
        raise _limited(BudgetSpent(self._clock.now()))

    async def _wait_for_turn(self, bucket: Bucket, units: int, leave_by: datetime | None) -> float:
        """The seconds it took."""
        if bucket is Bucket.PUBLIC:
            return 0.0
        wait = await self.reserve(bucket, units, patience=self._patience(leave_by))
        await asyncio.sleep(wait)
        return wait

    async def _wait_for_address(self, patience: float) -> float:
        """The seconds it took. Onlookers take no moment far ahead, since whoever trades would come after it:
        they ask again when one may be left."""
        once = min(patience, _ONLOOKERS_SECONDS) if self._onlooker else patience
        waited = 0.0
        while True:
            try:
                wait = await self._budget.reserve_address(patience=once, onlooker=self._onlooker)
                await asyncio.sleep(wait)
                return waited + wait
            except BudgetSpent as spent:
                wait = max((spent.until - self._clock.now()).total_seconds(), _ONLOOKERS_SECONDS)
                if not self._onlooker or waited + wait > patience:
                    raise _limited(spent) from None
            await asyncio.sleep(wait)
            waited += wait

    def _patience(self, leave_by: datetime | None) -> float:
        """Seconds. What cannot leave in time any more takes no turn from others."""
        if leave_by is None:
            return _READ_PATIENCE.total_seconds()
        left = min(leave_by - self._clock.now(), _READ_PATIENCE)
        return max(left.total_seconds(), 0.0)

    async def _in_thread(
        self, method: str, query: Mapping[str, Any], *, write: bool, leave_by: datetime | None = None
    ) -> tuple[Row, Mapping[str, str]] | _Failure:
        loop = asyncio.get_running_loop()
        left = loop.time()
        call = loop.run_in_executor(self._threads, self._call, method, dict(query), write, leave_by)
        try:
            return await asyncio.wait_for(call, CALL_SECONDS)
        except TimeoutError:
            return _Failure(errors.silence(f"no answer within {CALL_SECONDS:g} s", write=write))
        finally:
            if write:
                self._journeys.append(loop.time() - left)

    def _journey_spread(self) -> float:
        """Seconds by which one request may arrive later than another that left with it."""
        return min(max(self._journeys, default=0.0) + MARGIN_SECONDS, _LONGEST_SPREAD)

    def _call(
        self, method: str, query: dict[str, Any], write: bool, leave_by: datetime | None
    ) -> tuple[Row, Mapping[str, str]] | _Failure:
        """Runs in a thread. Exceptions become values here, so that nothing that holds request headers
        travels further as a context or a traceback."""
        self._departure.leave_by = leave_by
        try:
            return self._judge(getattr(self._pybit, method)(**query), write)
        except RateLimited as late:
            return _Failure(late)
        except Exception as error:
            return _Failure(
                errors.from_exception(
                    error, write=write, now=self._clock.now(), offset=self._offset, secrets=self._secrets
                )
            )

    def _judge(self, answer: Any, write: bool) -> tuple[Row, Mapping[str, str]] | _Failure:
        """pybit takes any JSON object without a retCode for a success; an answer must say 0 itself."""
        body, _elapsed, headers = answer
        code = body.get("retCode") if isinstance(body, Mapping) else None
        clear = (code == 0 or code in errors.ALREADY_SO) and isinstance(body.get("result"), Mapping)
        return (body, headers) if clear else _Failure(errors.silence("an unreadable answer", write=write))

    def _notice_clock_step(self, body: Row) -> None:
        """Every answer carries the venue's time: if a clock was set meanwhile, measure again."""
        with suppress(Malformed):
            stamp = moment_or_none(body, "time")
            if stamp and abs(stamp - self.venue_now()) > _CLOCK_STEP:
                self._synced_at = None

    async def _learn_limit(self, bucket: Bucket, headers: Mapping[str, str]) -> None:
        limit = str(headers.get("X-Bapi-Limit", ""))
        if bucket is not Bucket.PUBLIC and limit.isdigit() and int(limit) > 0:
            await self._budget.learn(self._account, bucket, int(limit))

    async def learn_from(self, error: VenueError, bucket: Bucket) -> None:
        """Keep the other requests from running into the same wall."""
        if error.code == errors.CLOCK_CODE:
            self._synced_at = None
        elif isinstance(error, RateLimited) and error.code in errors.IP_LIMIT_CODES:
            await self._budget.silence_address(error.until)
        elif isinstance(error, RateLimited) and error.code in errors.RATE_CODES:
            await self._budget.block(self._account, bucket, error.until)

    def _pause(self, error: Unreachable | RateLimited, attempt: int) -> float:
        """Seconds until the next try of a read."""
        if isinstance(error, RateLimited):
            return max((error.until - self._clock.now()).total_seconds(), 0.0) + 0.05 * self._jitter()
        return _BACKOFF_SECONDS * attempt * (1 + self._jitter())

    async def _agree_on_time(self) -> None:
        """All who wait share one measurement: with a dead venue they fail together, not one by one."""
        if self._synced_at and timedelta(0) <= self._clock.now() - self._synced_at < _CLOCK_LIFE:
            return
        if self._measuring is None or self._measuring.done():
            self._measuring = asyncio.create_task(self._measure_offset())
        await asyncio.shield(self._measuring)

    async def _measure_offset(self) -> None:
        """Cristian's algorithm: the venue's stamp belongs to the middle of the round trip."""
        best: tuple[timedelta, timedelta] | None = None
        for _ in range(_CLOCK_SAMPLES):
            sample = await self._sample_offset()
            best = min(best, sample) if best else sample
            if best[0] <= _GOOD_UNCERTAINTY:
                break
        if best is None or best[0] > _WORST_UNCERTAINTY:
            raise Unreachable("Bybit answers too slowly to agree on the time with it.")
        (self._uncertainty, self._offset), self._synced_at = best, self._clock.now()

    async def _sample_offset(self) -> tuple[timedelta, timedelta]:
        """(uncertainty, venue's clock minus ours)."""
        await self._wait_for_budget(Bucket.PUBLIC, 1)
        asked = self._clock.now()
        answer = await self._in_thread("get_server_time", {}, write=False)
        answered = self._clock.now()
        if isinstance(answer, _Failure):
            raise answer.error
        half = (answered - asked) / 2
        return half, _parsed(server_time, answer[0]) - (asked + half)


def _credentials(api_key: str, api_secret: str) -> tuple[str, ...]:
    given = [value for value in (api_key, api_secret) if value]
    if not all(_CREDENTIAL.fullmatch(value) for value in given):
        raise KeyRefused(
            "The API key or secret holds characters that cannot be part of one: copy both again."
        )
    return tuple(given)


def _parsed(read: Callable[[Row], Parsed], body: Row) -> Parsed:
    try:
        return read({"time": body.get("time"), **body["result"]})
    except Malformed as error:
        raise Unreachable(f"Bybit's answer could not be read: {error}") from None


def _limited(spent: BudgetSpent) -> RateLimited:
    return RateLimited("Nothing was sent: the rate budget for Bybit is used up.", until=spent.until)
