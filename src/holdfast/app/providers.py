"""Where the topics of the stream come from."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.app.clients import Channel

Authorise = Callable[[AsyncSession, UUID | None, str], Awaitable[bool]]
"""(session, user or None, key) → may this user hear the topic? ``key`` is what follows the colon."""

Snapshot = Callable[[AsyncSession, UUID | None, str], Awaitable[BaseModel | None]]
"""(session, user or None, key) → the whole present state of the topic, or None while there is none."""

Snapshots = Callable[[AsyncSession, Sequence[UUID]], Awaitable[Mapping[UUID, BaseModel]]]
"""(session, users) → the whole present state of each one's topic."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Where a kind of topic comes from. ``private``: whether a key is heard by its owner only. ``every``: ask
    again after this many seconds while somebody listens; None when updates are pushed. ``snapshots``: where
    one question answers for many users."""

    authorise: Authorise
    snapshot: Snapshot
    private: Callable[[str], bool]
    every: float | None
    snapshots: Snapshots | None

    async def states(
        self, session: AsyncSession, channels: Sequence[Channel]
    ) -> list[tuple[Channel, BaseModel | None]]:
        """The present states of these topics."""
        if self.snapshots is None:
            return [(one, await self.snapshot(session, one.user_id, one.key)) for one in channels]
        found = await self.snapshots(session, [one.user_id for one in channels if one.user_id])
        return [(one, found.get(one.user_id)) for one in channels if one.user_id]


def for_users(snapshots: Snapshots, every: float) -> Provider:
    """Of a topic without keys that each signed-in user hears of their own."""

    async def may_hear(_session: AsyncSession, user_id: UUID | None, key: str) -> bool:
        return user_id is not None and not key

    async def snapshot(session: AsyncSession, user_id: UUID | None, _key: str) -> BaseModel | None:
        return (await snapshots(session, [user_id])).get(user_id) if user_id else None

    return Provider(may_hear, snapshot, lambda _key: True, every, snapshots)
