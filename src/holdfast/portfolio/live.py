"""Positions for the stream: the ledger is read when something happened, prices are put in at every tick."""

from datetime import datetime, timedelta
from uuid import UUID

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.time import Clock
from holdfast.indices.board import IndexBoard
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.pubsub import listen
from holdfast.portfolio import positions
from holdfast.portfolio.positions import OPEN_STATES, Prices, SleeveBooks
from holdfast.portfolio.schemas import PositionDetailTick, PositionTick

USER_PREFIX = "user:"
REREAD_AFTER = timedelta(seconds=5)
"""Also without a message: Redis may have lost one."""


class LivePositions:
    """One per API process: topics ``positions`` and ``position:{id}``."""

    def __init__(self, quotes: QuoteBoard, indices: IndexBoard, clock: Clock) -> None:
        self._quotes = quotes
        self._indices = indices
        self._clock = clock
        self._books: dict[tuple[UUID, str], tuple[datetime, list[SleeveBooks]]] = {}

    async def follow(self, redis: Redis) -> None:
        """Forget what is known of a user whenever something happened to them, until cancelled."""
        await listen(
            redis, patterns=(f"{USER_PREFIX}*",), on_message=self._on_message, on_connect=self._forget_all
        )

    async def may_hear(self, session: AsyncSession, user_id: UUID | None, key: str) -> bool:
        """Everybody hears their own positions, and one of them is heard by its owner only."""
        return user_id is not None and (not key or bool(await self._read(session, user_id, key)))

    async def positions_snapshot(
        self, session: AsyncSession, user_id: UUID | None, _: str
    ) -> PositionTick | None:
        """The user's open positions at the latest prices."""
        if user_id is None:
            return None
        books, prices = await self._read(session, user_id, ""), self._prices()
        return PositionTick(positions=[positions.summary(book, prices) for book in books])

    async def position_snapshot(
        self, session: AsyncSession, user_id: UUID | None, key: str
    ) -> PositionDetailTick | None:
        """One position at the latest prices; ``None`` if it is not this user's."""
        books = await self._read(session, user_id, key) if user_id and key else []
        return PositionDetailTick(position=positions.detail(books[0], self._prices())) if books else None

    async def _read(self, session: AsyncSession, user_id: UUID, key: str) -> list[SleeveBooks]:
        now = self._clock.now()
        known = self._books.get((user_id, key))
        if known and now - known[0] < REREAD_AFTER:
            return known[1]
        try:
            position_id = UUID(key) if key else None
        except ValueError:
            return []
        states = () if position_id else OPEN_STATES
        books = await positions.load(session, user_id, states=states, position_id=position_id)
        self._books = {k: entry for k, entry in self._books.items() if now - entry[0] < REREAD_AFTER}
        self._books[user_id, key] = (now, books)
        return books

    def _prices(self) -> Prices:
        return Prices(self._quotes, self._indices, self._clock.now())

    def _on_message(self, channel: str, _: bytes) -> None:
        name = channel.removeprefix(USER_PREFIX)
        self._books = {key: entry for key, entry in self._books.items() if str(key[0]) != name}

    async def _forget_all(self) -> None:
        self._books.clear()
