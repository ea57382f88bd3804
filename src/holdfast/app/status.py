"""How well the parts keep up, read from PostgreSQL and Redis."""

import asyncio
from datetime import datetime, timedelta
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.app.handlers import BACKTESTS, HANDLERS, HISTORY, ORDERS, POLLING, QUEUES, STRATEGIES, kinds_of
from holdfast.app.hub import Hub
from holdfast.app.schemas import CacheView, KeptView, QueueView, SandboxView, StatusView, StreamLoad
from holdfast.core.errors import Unavailable
from holdfast.indices.models import MarketCap
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.cache import Cache
from holdfast.platform.models import Job
from holdfast.scripts.sandbox import Sandbox

OVERDUE: Final = {
    ORDERS: timedelta(seconds=30),
    POLLING: timedelta(minutes=1),
    HISTORY: timedelta(minutes=15),
    BACKTESTS: timedelta(minutes=30),
    STRATEGIES: timedelta(minutes=5),
}
"""History and back-tests wait their turn: years of bars are read for one after the other."""
_PATIENCE: Final = 3.0


async def read_status(session: AsyncSession, redis: Redis, now: datetime) -> StatusView:
    """What every process can tell; the stream and the kept answers are of one process, and added by it."""
    return StatusView(
        feed_age_seconds=await _feed_age(redis, now),
        last_caps_poll_at=await session.scalar(select(func.max(MarketCap.fetched_at))),
        queues={queue: await read_queue(session, queue, now) for queue in QUEUES},
        unknown_jobs=await count_unknown(session),
    )


async def read_queue(session: AsyncSession, queue: str, now: datetime) -> QueueView:
    """How many jobs of a queue wait at ``now``, and for how long."""
    waits = (Job.run_at <= now) & (Job.lease_until.is_(None) | (Job.lease_until < now))
    row = (
        await session.execute(
            select(
                func.count().filter(waits).label("waiting"),
                func.count().filter(waits, Job.run_at < now - OVERDUE[queue]).label("overdue"),
                func.count().filter(Job.last_error != "").label("failing"),
                func.min(Job.run_at).filter(waits).label("oldest"),
            ).where(Job.finished_at.is_(None), Job.kind.in_(kinds_of(queue)))
        )
    ).one()
    return QueueView(
        waiting=row.waiting,
        overdue=row.overdue,
        failing=row.failing,
        oldest_waiting_seconds=(now - row.oldest).total_seconds() if row.oldest else None,
    )


async def count_unknown(session: AsyncSession) -> dict[str, int]:
    """Open jobs that nothing in this version does, by kind. No queue carries them: they wait in their rows
    for the version that asked for them."""
    rows = await session.execute(
        select(Job.kind, func.count())
        .where(Job.finished_at.is_(None), Job.kind.not_in(HANDLERS))
        .group_by(Job.kind)
        .order_by(Job.kind)
    )
    return dict(rows.tuples().all())


def load_of(hub: Hub) -> StreamLoad:
    """What the stream of this process carries now."""
    clients = hub.clients
    return StreamLoad(
        connections=len(clients),
        signed_in=sum(client.user_id is not None for client in clients),
        stalled=sum(client.stalled_since is not None for client in clients),
        topics=len({channel for client in clients for channel in client.channels.values()}),
        subscriptions=sum(len(client.channels) for client in clients),
        frames_waiting=sum(len(client.pending) + len(client.replies) for client in clients),
    )


def cache_view(cache: Cache) -> CacheView:
    """What this process found, and what it had to make."""
    kinds = {what: KeptView.model_validate(counts) for what, counts in sorted(cache.counts.items())}
    return CacheView(without_redis=cache.without_redis, kinds=kinds)


async def sandbox_view(sandbox: Sandbox) -> SandboxView | None:
    """``None`` while it does not answer."""
    try:
        return SandboxView.model_validate(await sandbox.status(), from_attributes=True)
    except Unavailable:
        return None


async def _feed_age(redis: Redis, now: datetime) -> float | None:
    board = QuoteBoard()
    try:
        async with asyncio.timeout(_PATIENCE):
            await board.load(redis)
    except (RedisError, OSError, TimeoutError):
        return None
    newest = max((quote.at for quote in board.all()), default=None)
    return max((now - newest).total_seconds(), 0.0) if newest else None
