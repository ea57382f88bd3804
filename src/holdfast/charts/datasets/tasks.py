"""Background: reading uploaded files."""

from uuid import UUID

from holdfast.charts.datasets import reading, service
from holdfast.market.candles.perseverance import GIVEN_UP, persevere
from holdfast.platform.tasks import Handler, Work


async def read_dataset(work: Work) -> None:
    """Check a kept file and write what is in it. Subject: the dataset's id."""
    at = work.database, work.clock, UUID(work.lease.subject)
    await persevere(work, lambda: reading.carry_out(*at), lambda: reading.fail(*at, GIVEN_UP))


HANDLERS: dict[str, Handler] = {service.JOB: read_dataset}
