"""``Idempotency-Key``: key, effect and stored answer commit in one transaction.

The draft-ietf-httpapi-idempotency-key-header idea, with our own mapping: no key 400, the same key with
another body 422, a twin still under way 409, a repeat gets the stored answer.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Annotated, Any
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import Conflict, HoldfastError, InvalidInput
from holdfast.platform.models import IdempotencyKey
from holdfast.platform.web import NowDep

REPLAYED_HEADER = "Idempotent-Replayed"


class MissingIdempotencyKey(HoldfastError):
    status = 400
    code = "idempotency-key-missing"
    title = "This request needs an Idempotency-Key header."


def require_key(
    idempotency_key: Annotated[str | None, Header(max_length=200, description="One key per intent")] = None,
) -> str:
    if not idempotency_key or not idempotency_key.strip():
        raise MissingIdempotencyKey(
            "No Idempotency-Key header was sent.",
            advice="Send one random key per intent and keep it for retries.",
        )
    return idempotency_key


@dataclass(frozen=True, slots=True)
class Intent:
    """One change that somebody wants once. ``route``: the method and the address it was sent to, in the one
    spelling that stands for all that a route cannot tell apart."""

    key: str
    route: str
    now: datetime


def intent_of(request: Request, now: NowDep, key: Annotated[str, Depends(require_key)]) -> Intent:
    return Intent(key, f"{request.method} {_address(request)}", now)


def _address(request: Request) -> str:
    """Parameters by name; those of one name stay in their order, which says which one counts."""
    query = sorted(request.query_params.multi_items(), key=itemgetter(0))
    return quote(request.scope["path"]) + (f"?{urlencode(query)}" if query else "")


IntentDep = Annotated[Intent, Depends(intent_of)]
"""400 without a key."""


def request_hash(route: str, body: BaseModel | None) -> bytes:
    content = body.model_dump_json() if body else ""
    return hashlib.sha256(f"{route}\n{content}".encode()).digest()


async def run_once(
    session: AsyncSession,
    user_id: UUID,
    intent: Intent,
    body: BaseModel | None,
    effect: Callable[[], Awaitable[tuple[int, BaseModel | None]]],
) -> JSONResponse:
    """Run ``effect`` (which writes through ``session``) once for this user and intent.

    Never hold the surrounding transaction over a call to a venue.

    Raises:
        Conflict: a twin of this request is under way.
        InvalidInput: the key was used for another request.
    """
    locked = await session.scalar(
        text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"idempotency:{user_id}:{intent.key}"},
    )
    if not locked:
        raise Conflict(
            "The same request is being carried out.",
            advice="Wait a moment, then ask again with the same key.",
        )
    wanted = request_hash(intent.route, body)
    stored = await session.get(IdempotencyKey, (user_id, intent.key))
    if stored:
        if stored.request_hash != wanted:
            raise InvalidInput(
                "This Idempotency-Key was already used for a different request.",
                advice="Use a new key for a new intent.",
            )
        return JSONResponse(stored.response["body"], stored.status, headers={REPLAYED_HEADER: "true"})
    status, answer = await effect()
    content: Any = answer.model_dump(mode="json") if answer else None
    session.add(
        IdempotencyKey(
            user_id=user_id,
            key=intent.key,
            request_hash=wanted,
            status=status,
            response={"body": content},
            created_at=intent.now,
        )
    )
    return JSONResponse(content, status)


async def remove_once(
    session: AsyncSession, user_id: UUID, intent: Intent, removal: Callable[[], Awaitable[None]]
) -> Response:
    """``run_once`` for what is deleted: 204, and no content. Raises as that, and as ``removal``."""

    async def effect() -> tuple[int, None]:
        await removal()
        return 204, None

    await run_once(session, user_id, intent, None, effect)
    return Response(status_code=204)
