"""What mode this is, whether it is well, and whether it keeps up."""

import asyncio
from typing import Final

from fastapi import APIRouter, Depends, Request, Response
from redis.exceptions import RedisError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from holdfast.app.hub import Hub
from holdfast.app.middleware import stream_address
from holdfast.app.moderation import moderate_status
from holdfast.app.schemas import HealthView, StatusView, SystemView
from holdfast.app.status import cache_view, load_of, read_status, sandbox_view
from holdfast.app.version import version
from holdfast.platform.cache import Cache
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep
from holdfast.scripts.sandbox import Sandbox

router = APIRouter(prefix="/api", tags=["system"])

OWN_STREAM: Final = "/api/stream"
_PATIENCE: Final = 3.0


@router.get("/system")
async def system(request: Request, settings: SettingsDep) -> SystemView:
    return SystemView(
        mode=settings.mode,
        simulated=settings.simulated,
        version=version(),
        started_at=request.app.state.started_at,
        stream_url=stream_address(settings.hub_at, request.scope) or OWN_STREAM,
    )


@router.get("/health/live")
async def live() -> HealthView:
    """This process answers."""
    return HealthView(status="ok")


@router.get("/health/ready", responses={503: {"model": HealthView}})
async def ready(request: Request, response: Response, database: DatabaseDep) -> HealthView:
    """This process can serve: PostgreSQL answers. Redis may be away; prices are stale then, and shown so."""
    checks = {"postgres": "ok", "redis": "ok"}
    try:
        async with asyncio.timeout(_PATIENCE), database.sessions() as session:
            await session.execute(text("SELECT 1 FROM alembic_version"))
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        checks["postgres"] = type(error).__name__
        response.status_code = 503
    try:
        async with asyncio.timeout(_PATIENCE):
            await request.app.state.redis.ping()
    except (RedisError, OSError, TimeoutError) as error:
        checks["redis"] = type(error).__name__
    return HealthView(status="ok" if response.status_code != 503 else "unavailable", checks=checks)


@router.get("/status", dependencies=[Depends(moderate_status)])
async def status(request: Request, session: SessionDep, now: NowDep) -> StatusView:
    """Freshness of the feed, depth of the queue, last poll of market caps, who hears the stream, and how
    often the cache was of use, and what stands around scripts."""
    state = request.app.state
    view = await read_status(session, state.redis, now)
    hub: Hub | None = getattr(state, "hub", None)
    cache: Cache | None = getattr(state, "cache", None)
    sandbox: Sandbox | None = getattr(state, "sandbox", None)
    shown = {
        "stream": load_of(hub) if hub else None,
        "cache": cache_view(cache) if cache else None,
        "sandbox": await sandbox_view(sandbox) if sandbox else None,
    }
    return view.model_copy(update=shown)
