"""The pictures of a journal: kept without metadata, within bounds, and shown to nobody else."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect

from holdfast.accounts.repository import lock_user
from holdfast.core.errors import Conflict, InvalidInput, NotFound
from holdfast.core.identity import new_id
from holdfast.journal import images, repository
from holdfast.journal.images import MOST_BYTES, Picture
from holdfast.journal.models import JournalImage
from holdfast.journal.schemas import ImageView
from holdfast.platform.schemas import Schema

MOST_KEPT: Final = 2000
MOST_KEPT_BYTES: Final = 250 * 1024 * 1024
"""Of one user altogether."""
UNUSED_FOR: Final = timedelta(days=1)
"""How long a picture waits for the entry that shows it."""
STALLED_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 300.0
"""For one picture, however steadily it trickles: the largest at 17 kB/s, which a phone may have."""


class SentPicture(Schema):
    """What makes two requests the same."""

    size: int
    sha256: str


async def receive(stream: AsyncIterator[bytes]) -> bytes:
    """The body of a request.

    Raises:
        InvalidInput: it is empty, too large, broken off, or does not come.
    """
    content = bytearray()
    try:
        async with asyncio.timeout(LONGEST_SECONDS), asyncio.timeout(STALLED_SECONDS) as stalled:
            async for piece in stream:
                stalled.reschedule(asyncio.get_running_loop().time() + STALLED_SECONDS)
                content += piece
                if len(content) > MOST_BYTES:
                    raise images.too_large()
    except ClientDisconnect:
        raise InvalidInput("The picture was broken off.", advice="Send it again.") from None
    except TimeoutError:
        raise InvalidInput("The picture takes too long to arrive.", advice="Send it again.") from None
    if not content:
        raise InvalidInput("The request holds no picture.", advice="Send its bytes as the body.")
    return bytes(content)


async def read(content: bytes) -> Picture:
    """Raises as ``images.read``. In a thread: it looks at every byte."""
    return await asyncio.to_thread(images.read, content)


def sent(content: bytes) -> SentPicture:
    return SentPicture(size=len(content), sha256=sha256(content).hexdigest())


async def keep(session: AsyncSession, user_id: UUID, picture: Picture, *, now: datetime) -> ImageView:
    """Raises ``Conflict``: this user keeps as much as they may."""
    await lock_user(session, user_id)
    await _check_room(session, user_id, len(picture.content), now)
    row = JournalImage(
        id=new_id(),
        user_id=user_id,
        place=0,
        content_type=picture.content_type,
        width=picture.width,
        height=picture.height,
        size=len(picture.content),
        content=picture.content,
        created_at=now,
    )
    session.add(row)
    await session.flush()
    return ImageView.model_validate(row)


async def owned(session: AsyncSession, user_id: UUID, image_id: UUID) -> JournalImage:
    """Raises ``NotFound``, also for somebody else's."""
    row = await repository.image_of(session, user_id, image_id)
    if row is None:
        raise NotFound("There is no such picture.", advice="It may have been deleted with its entry.")
    return row


async def discard(session: AsyncSession, user_id: UUID, image_id: UUID) -> None:
    """Forget a picture that no entry shows.

    Raises:
        NotFound: it is not this user's.
        Conflict: an entry shows it.
    """
    await owned(session, user_id, image_id)
    if not await repository.forget_unused_image(session, user_id, image_id):
        raise Conflict("An entry shows this picture.", advice="Save the entry without it.")


async def _check_room(session: AsyncSession, user_id: UUID, size: int, now: datetime) -> None:
    if await _reached(session, user_id, size) is None:
        return
    await repository.forget_unused_images(session, now - timedelta(hours=1), user_id=user_id)
    await repository.forget_deleted(session, now, user_id=user_id)
    reached = await _reached(session, user_id, size)
    if reached is not None:
        raise reached


async def _reached(session: AsyncSession, user_id: UUID, size: int) -> Conflict | None:
    """The limit that one more picture would exceed."""
    kept, used = await repository.image_usage(session, user_id)
    if kept >= MOST_KEPT:
        return Conflict(
            f"You keep {MOST_KEPT} pictures, which is the most.",
            advice="Delete some first.",
        )
    if used + size > MOST_KEPT_BYTES:
        return Conflict(
            f"Your pictures take up the {MOST_KEPT_BYTES // 1024**2} MiB there are for them.",
            advice="Delete some, or send smaller ones.",
        )
    return None
