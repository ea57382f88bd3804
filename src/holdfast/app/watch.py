"""The process ``holdfast watch``: hears at once what happens on every connected account.

Like the worker it opens keys; unlike it, it only listens.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from holdfast.accounts.doors import doors_of, open_stream
from holdfast.execution.reconciliation.watch import Watcher
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.venues.protocol import AccountEvent


async def run(settings: Settings) -> None:
    """Listen until cancelled."""
    database, redis, clock = (
        Database(settings.database_url, pool_size=2),
        open_redis(settings.redis_url),
        SystemClock(),
    )
    nobody = Lease(job_id=0, kind="watch", subject="", fence=0, attempts=0, until=clock.now())
    work = Work(nobody, database, redis, settings, clock, {})

    async def stream_of(connection_id: UUID) -> AsyncIterator[AccountEvent]:
        return aiter(await open_stream(work, connection_id))

    try:
        await Watcher(database, clock, stream_of).run()
    finally:
        await doors_of(work).close()
        await redis.aclose()
        await database.close()
