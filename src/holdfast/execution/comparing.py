"""Before something of a position is closed: the books against the account, and the lock against others."""

from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution import repository, sending
from holdfast.execution.asking import Asking
from holdfast.execution.decide import Decision
from holdfast.execution.hand import LONGEST_PAUSE
from holdfast.execution.models import Order
from holdfast.execution.orders import BOOKS_DIFFER, OrderEvent
from holdfast.execution.reconciliation.agreement import Agreement, agreement
from holdfast.platform.tasks import RetryAt
from holdfast.venues.protocol import VenueError

BOOKS_AGAIN: Final = timedelta(seconds=LONGEST_PAUSE + 1)
BOOKS_AGAIN_AT_MOST: Final = timedelta(seconds=30)
"""Until what differs from the books is looked at again, longer each time: the job is given back meanwhile,
and every look costs a whole reconciliation."""
GIVE_UP_AFTER: Final = timedelta(minutes=3)
GIVE_UP_TAKING_BACK_AFTER: Final = timedelta(minutes=5)
"""What others have traded is in the books within a reconciliation or two. What differs for longer needs
somebody's eyes, and everything about the position would wait with it."""
GIVEN_UP = (
    "its books have differed from the account for more than {minutes:.0f} minutes, and nothing is closed on "
    "such books: {difference}"
)


class Comparing(Asking):
    """A hand that closes only what the position still holds."""

    async def _compared(self, decision: Decision) -> Agreement | None:
        """The books against the account, before something of a position is closed; ``None`` where nothing is,
        or where the look before the first order has just been taken: that one serves a single sending.

        Raises:
            RetryAt: the venue does not say, or another worker has taken the connection's lock.
        """
        just_looked, self._just_looked = self._just_looked, False
        async with self._work.database.sessions() as session:
            orders = await repository.orders_of(session, self._id)
        due = [order for order in orders if order.leg in decision.legs and sending.is_due(order, self._now())]
        symbols = sorted({order.symbol for order in due if sending.closes(order, self._by_index)})
        if not symbols or just_looked:
            return None
        try:
            books = await agreement(
                self._work, self._door, self._plan.connection_id, symbols, lock=self._lock, pause=self._pause
            )
        except VenueError as error:
            said = f"What is still to be closed cannot be compared with the account: {error}"
            if any(order.sent_at for order in orders):
                await self.needs_attention(f"{said} Holdfast keeps trying.")
            raise RetryAt(3, said) from error
        if books.differences:
            said = " ".join(f"{symbol}: {text}" for symbol, text in sorted(books.differences.items()))
            await self.needs_attention(f"{said} Holdfast goes on closing it once they agree.")
        return books

    async def _put_off(self, session: AsyncSession, orders: list[Order], books: Agreement | None) -> None:
        """What would be closed where the books differ waits, without holding up the rest; it is given up
        after a while, counted from when it was put off first, whoever has restarted since."""
        now = self._now()
        for order in orders:
            closing = books and order.symbol in books.differences and sending.closes(order, self._by_index)
            if not books or not closing or not sending.is_due(order, now):
                continue
            difference = books.differences[order.symbol]
            since = await repository.differs_since(session, order.id)
            if since is None:
                since = now
                repository.record(session, order, OrderEvent.DIFFER, now=now, reason=difference)
            longest = GIVE_UP_TAKING_BACK_AFTER if order.role == "unwind" else GIVE_UP_AFTER
            if now - since > longest:
                said = GIVEN_UP.format(minutes=longest.total_seconds() / 60, difference=difference)
                sending.forbid(session, order, said, now=now, code=BOOKS_DIFFER)
                continue
            order.due_at = now + min(max(BOOKS_AGAIN, now - since), BOOKS_AGAIN_AT_MOST)

    async def _keep_the_lock(self, session: AsyncSession) -> None:
        """Nothing new is sent beside another holder of the connection's lock.

        Raises:
            RetryAt: there is one; this worker had lost the lock together with its place at PostgreSQL.
        """
        if await repository.lock_number(session, self._plan.connection_id) != self._lock:
            raise RetryAt(1, "somebody else has taken the connection's lock")
