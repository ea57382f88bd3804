"""Background: one job for each strategy that is at work, which runs again when its next bar is due."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts.sources import open_candles, open_venues
from holdfast.core.errors import HoldfastError, NotFound
from holdfast.core.timeframes import DAY
from holdfast.platform.jobs import enqueue
from holdfast.platform.pubsub import tell_changed
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.scripts.running import Runner
from holdfast.scripts.sandbox import Sandbox
from holdfast.strategies import repository
from holdfast.strategies.live import TOPIC
from holdfast.strategies.rechecking import recheck
from holdfast.strategies.service import RECHECK, REMOVE, STEP
from holdfast.strategies.stepping import Late, Stepper
from holdfast.strategies.thinning import thin_one

SANDBOX: Final = "strategies.sandbox"
_SERVICE: Final = "strategies.market"
_AWAY_SECONDS: Final = 600.0
THIN: Final = "strategies.thin"
MOST_PIECES: Final = 20
"""Of bars to thin, and"""
MOST_REMOVED: Final = 10_000
"""rows to delete in one job: then steps have their turn."""


class _Market:
    """Of one worker process."""

    def __init__(self, work: Work) -> None:
        self._venues = open_venues(work.settings, work.redis, work.clock)
        self.candles = open_candles(work.database, work.clock, self._venues)

    async def close(self) -> None:
        for venue in self._venues.values():
            await venue.close()


def _market(work: Work) -> _Market:
    if _SERVICE not in work.services:
        work.services[_SERVICE] = _Market(work)
    made: _Market = work.services[_SERVICE]
    return made


def _runner(work: Work) -> Runner:
    if SANDBOX not in work.services:
        work.services[SANDBOX] = Sandbox.of(work.settings)
    runner: Runner = work.services[SANDBOX]
    return runner


def _stepper(work: Work) -> Stepper:
    async def announce(user_id: UUID) -> None:
        await tell_changed(work.redis, user_id, TOPIC)

    return Stepper(work.database, _market(work).candles, _runner(work), work.clock, announce)


async def step(work: Work) -> None:
    """Bring a strategy up to date, and again when its next bar is due. Subject: its id."""
    try:
        seconds = await _stepper(work).bring_up_to_date(UUID(work.lease.subject))
    except Late as late:
        raise RetryAt(late.seconds, late.reason) from late
    if seconds is not None:
        raise RunAgainIn(seconds)


async def look_again(work: Work) -> None:
    """Once a day: whether a strategy's script repaints. Subject: its id."""
    try:
        goes_on = await recheck(_stepper(work), UUID(work.lease.subject))
    except NotFound:
        return  # it fails at its next step; who resumes it has it looked at again
    except HoldfastError as error:
        raise RetryAt(_AWAY_SECONDS, error.detail) from error
    if goes_on:
        raise RunAgainIn(DAY)


async def thin(work: Work) -> None:
    """Once a day: of old bars only those that shape the curves stay."""
    for _ in range(MOST_PIECES):
        async with work.database.transaction() as session:
            if not await thin_one(session, work.clock.now()):
                raise RunAgainIn(DAY)
    raise RunAgainIn(0)


async def remove(work: Work) -> None:
    """Delete what came of a strategy that its owner has deleted. Subject: its id."""
    async with work.database.transaction() as session:
        more = await repository.remove_some(session, UUID(work.lease.subject), MOST_REMOVED)
    if more:
        raise RunAgainIn(0)


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """Start-up is recovery: whatever was missed is caught up with. What looks back keeps out of its way, and
    comes spread over the day."""
    await enqueue(session, THIN, "", now=now)
    for strategy_id in await repository.at_work(session):
        await enqueue(session, STEP, str(strategy_id), now=now)
        later = now + timedelta(seconds=strategy_id.int % DAY)
        await enqueue(session, RECHECK, str(strategy_id), now=now, run_at=later)


HANDLERS: dict[str, Handler] = {STEP: step, RECHECK: look_again, REMOVE: remove, THIN: thin}
