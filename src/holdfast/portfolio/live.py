"""Positions for the stream: the ledger is read when something happened, prices are put in at every tick."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.time import Clock
from holdfast.indices.board import IndexBoard
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.pubsub import USER_PREFIX, listen
from holdfast.platform.readings import Readings
from holdfast.portfolio import positions
from holdfast.portfolio.positions import Prices, SleeveBooks
from holdfast.portfolio.schemas import PositionDetailTick, PositionTick

REREAD_AFTER = timedelta(seconds=5)
"""Also without a message: Redis may have lost one."""


@dataclass(frozen=True, slots=True)
class _Known:
    at: datetime
    books: list[SleeveBooks]


class LivePositions:
    """One per API process: topics ``positions`` and ``position:{id}``."""

    def __init__(self, quotes: QuoteBoard, indices: IndexBoard, clock: Clock) -> None:
        self._quotes = quotes
        self._indices = indices
        self._clock = clock
        self._known: dict[UUID, dict[str, _Known]] = {}
        """By user and position; "" is all that are open."""
        self._readings = Readings()
        self._pruned = clock.now()

    async def follow(self, redis: Redis) -> None:
        """Forget what is known of a user whenever something happened to them, until cancelled."""
        await listen(
            redis, patterns=(f"{USER_PREFIX}*",), on_message=self._on_message, on_connect=self._forget_all
        )

    async def may_hear(self, session: AsyncSession, user_id: UUID | None, key: str) -> bool:
        """A position is heard by its owner only."""
        return user_id is not None and bool(await self._one(session, user_id, key))

    async def positions_snapshots(
        self, session: AsyncSession, users: Sequence[UUID]
    ) -> dict[UUID, PositionTick]:
        """The open positions of each of the users at the latest prices."""
        books, prices = await self._open(session, users), self._prices()
        return {
            user_id: PositionTick(positions=[positions.summary(one, prices) for one in books[user_id]])
            for user_id in users
        }

    async def position_snapshot(
        self, session: AsyncSession, user_id: UUID | None, key: str
    ) -> PositionDetailTick | None:
        """One position at the latest prices; ``None`` if it is not this user's."""
        books = await self._one(session, user_id, key) if user_id and key else []
        return PositionDetailTick(position=positions.detail(books[0], self._prices())) if books else None

    async def _open(self, session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, list[SleeveBooks]]:
        found = {user_id: self._fresh(user_id, "") for user_id in users}
        unknown = [user_id for user_id, books in found.items() if books is None]
        with self._readings.of(unknown) as unchanged:
            read = await positions.load_open(session, unknown) if unknown else {}
        for user_id in unchanged:
            self._keep(user_id, "", read[user_id])
        return {user_id: read.get(user_id) or books or [] for user_id, books in found.items()}

    async def _one(self, session: AsyncSession, user_id: UUID, key: str) -> list[SleeveBooks]:
        """The position, if it is this user's."""
        known = self._fresh(user_id, key)
        if known is not None:
            return known
        try:
            position_id = UUID(key)
        except ValueError:
            return []
        with self._readings.of([user_id]) as unchanged:
            books = await positions.load(session, user_id, position_id=position_id)
        if books and unchanged:
            self._keep(user_id, key, books)
        return books

    def _fresh(self, user_id: UUID, key: str) -> list[SleeveBooks] | None:
        known = self._known.get(user_id, {}).get(key)
        return known.books if known and self._clock.now() - known.at < REREAD_AFTER else None

    def _keep(self, user_id: UUID, key: str, books: list[SleeveBooks]) -> None:
        now = self._clock.now()
        if now - self._pruned >= REREAD_AFTER:
            self._prune(now)
        self._known.setdefault(user_id, {})[key] = _Known(now, books)

    def _prune(self, now: datetime) -> None:
        """Forget what nobody listens to any more."""
        self._pruned = now
        for user_id, known in list(self._known.items()):
            fresh = {key: one for key, one in known.items() if now - one.at < REREAD_AFTER}
            if fresh:
                self._known[user_id] = fresh
            else:
                del self._known[user_id]

    def _prices(self) -> Prices:
        return Prices(self._quotes, self._indices, self._clock.now())

    def _on_message(self, channel: str, _: bytes) -> None:
        with suppress(ValueError):
            user_id = UUID(channel.removeprefix(USER_PREFIX))
            self._readings.note_changed(user_id)
            self._known.pop(user_id, None)

    async def _forget_all(self) -> None:
        self._readings.note_all_changed()
        self._known.clear()
