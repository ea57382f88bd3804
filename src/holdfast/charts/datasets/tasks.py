"""Background: reading uploaded files."""

from uuid import UUID

from holdfast.charts.datasets import reading, service
from holdfast.platform.tasks import Handler, Work


async def read_dataset(work: Work) -> None:
    """Check a kept file and write what is in it. Subject: the dataset's id."""
    await reading.carry_out(work.database, work.clock, UUID(work.lease.subject))


HANDLERS: dict[str, Handler] = {service.JOB: read_dataset}
