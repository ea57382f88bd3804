"""Tells the user's pages how an execution is getting on. A lost message loses nothing: rows are the truth."""

from typing import Any
from uuid import UUID

import orjson
import structlog
from pydantic import BaseModel
from redis.exceptions import RedisError

from holdfast.execution.models import Execution
from holdfast.execution.repository import STUCK_STATE
from holdfast.execution.views import execution_view
from holdfast.platform.tasks import Work

log = structlog.get_logger(__name__)


async def publish(work: Work, user_id: UUID, topic: str, data: BaseModel | dict[str, Any]) -> None:
    """Send one frame to every open page of a user."""
    content = data.model_dump(mode="json") if isinstance(data, BaseModel) else data
    try:
        await work.redis.publish(f"user:{user_id}", orjson.dumps({"topic": topic, "data": content}))
    except RedisError as error:
        log.warning("progress could not be published", topic=topic, error=str(error))


async def publish_execution(work: Work, execution_id: UUID) -> None:
    async with work.database.sessions() as session:
        execution = await session.get_one(Execution, execution_id)
        view = await execution_view(session, execution)
    await publish(work, execution.user_id, f"execution:{execution_id}", view)
    if view.state == STUCK_STATE or view.finished_at:
        await publish(work, execution.user_id, "incidents", {"changed": True})
    if view.finished_at:
        await publish(work, execution.user_id, "positions", {"changed": True})
