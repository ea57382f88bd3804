"""Background: reading uploaded files."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts.datasets import reading, service
from holdfast.platform.tasks import Handler, Work


async def read_dataset(work: Work) -> None:
    """Check a kept file and write what is in it. Subject: the dataset's id."""
    await reading.carry_out(work.database, work.clock, UUID(work.lease.subject))


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """Nothing recurs: every file has its job from the moment it is kept."""


HANDLERS: dict[str, Handler] = {service.JOB: read_dataset}
