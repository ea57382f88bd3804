"""Once an hour: what was deleted a day ago is forgotten for good, and pictures that no entry came to show."""

from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.journal import repository
from holdfast.journal.pictures import UNUSED_FOR
from holdfast.journal.service import KEPT_AFTER_DELETION
from holdfast.platform.jobs import enqueue
from holdfast.platform.tasks import Handler, RunAgainIn, Work

SWEEP: Final = "journal.sweep"
_INTERVAL: Final = 3600.0


async def sweep(work: Work) -> None:
    now = work.clock.now()
    async with work.database.transaction() as session:
        await repository.forget_deleted(session, now - KEPT_AFTER_DELETION)
        await repository.forget_unused_images(session, now - UNUSED_FOR)
    raise RunAgainIn(_INTERVAL)


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    await enqueue(session, SWEEP, "", now=now)


HANDLERS: dict[str, Handler] = {SWEEP: sweep}
