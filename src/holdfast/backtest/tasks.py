"""Background: running back-tests."""

import asyncio
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from holdfast.accounts.repository import lock_user
from holdfast.backtest import repository, service
from holdfast.backtest.carrying import Carrying, Stopped
from holdfast.backtest.models import Backtest
from holdfast.backtest.repository import FAILED, QUEUED, RUNNING, UNDER_WAY
from holdfast.core.errors import HoldfastError, Unavailable
from holdfast.platform import jobs
from holdfast.platform.tasks import Handler, RetryAt, Work
from holdfast.scripts.running import Runner, ScriptFailed
from holdfast.scripts.sandbox import Sandbox

RUNNER: Final = "backtest.runner"
"""The service that runs scripts, if it is not to be the sandbox."""
MOST_ATTEMPTS: Final = 4
LONGEST_GO_SECONDS: Final = 540.0
"""What one go may take: less than a worker lets any job go on, who would begin it again and again."""
_TURN_SECONDS: Final = 1.0
_AWAY_SECONDS: Final = 5.0
_LONGEST_AWAY: Final = timedelta(minutes=10)


async def run_backtest(work: Work) -> None:
    """Run one from its beginning, also if a worker died on it before. Subject: its id."""
    row = await _begin(work, UUID(work.lease.subject))
    if row is None:
        return
    try:
        async with asyncio.timeout(LONGEST_GO_SECONDS) as limit:
            await Carrying(work, row, _runner(work)).carry_out()
    except TimeoutError:
        if not limit.expired():
            raise
        told = "This takes too long, or the machine is too busy. Try a shorter time or longer bars."
        await _fail(work, row, told, "worker")
    except Stopped:
        return
    except ScriptFailed as failed:
        fault = failed.fault
        await _fail(work, row, fault.message, fault.kind, fault.line)
    except Unavailable as away:
        now = work.clock.now()
        if now - (row.started_at or now) > _LONGEST_AWAY:
            await _fail(work, row, f"{away.detail} {away.advice}".strip(), "worker")
            return
        raise RetryAt(_AWAY_SECONDS, away.detail) from away
    except HoldfastError as refused:
        await _fail(work, row, f"{refused.detail} {refused.advice}".strip(), "data")


async def _begin(work: Work, backtest_id: UUID) -> Backtest | None:
    """Enter it as running; ``None`` if it is over or gone. Raises ``RetryAt``: enough of its user run,
    or it is another user's turn."""
    now = work.clock.now()
    async with work.database.transaction() as session:
        found = await session.get(Backtest, backtest_id)
        if found is None:
            return None
        await lock_user(session, found.user_id)
        row = await repository.backtest_of(session, found.user_id, backtest_id, lock=True)
        if row is None or row.state not in UNDER_WAY:
            return None
        if row.state == QUEUED:
            if await repository.count(session, row.user_id, [RUNNING]) >= service.MOST_AT_ONCE:
                raise RetryAt(_TURN_SECONDS, "this user has enough of them running")
            if await repository.others_turn(session, row.user_id, service.JOB, service.MOST_AT_ONCE):
                raise RetryAt(_TURN_SECONDS, "it is another user's turn")
            row.state, row.started_at = RUNNING, now
        await session.flush()
    if work.lease.attempts > MOST_ATTEMPTS:
        await _fail(work, row, "Something went wrong again and again while it ran.", "worker")
        return None
    return row


async def _fail(work: Work, row: Backtest, message: str, kind: str, line: int | None = None) -> None:
    now = work.clock.now()
    error: dict[str, Any] = {"kind": kind, "message": message, "line": line}
    async with work.database.transaction() as session:
        await jobs.renew(session, work.lease, now=now)
        await repository.note(session, row.id, state=FAILED, error=error, finished_at=now)


def _runner(work: Work) -> Runner:
    found: Runner = work.services.get(RUNNER) or Sandbox.of(work.settings)
    return found


HANDLERS: dict[str, Handler] = {service.JOB: run_backtest}
