"""Before more of a position is closed: the books against the account, and the lock against other holders."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution import repository, sending
from holdfast.execution.asking import Asking
from holdfast.execution.decide import Decision
from holdfast.execution.hand import LONGEST_PAUSE
from holdfast.execution.models import Order
from holdfast.execution.reconciliation.agreement import Agreement, agreement
from holdfast.platform.tasks import RetryAt
from holdfast.venues.protocol import VenueError

BOOKS_AGAIN = LONGEST_PAUSE + 1
"""Seconds until what differs from the books is looked at again: the job is given back meanwhile."""


class Comparing(Asking):
    """A hand that closes only what the position still holds."""

    async def _compared(self, decision: Decision) -> Agreement | None:
        """The books against the account, before more of a position is closed; ``None`` where nothing is, or
        where the last look before the first order has just been taken.

        Raises:
            RetryAt: the venue does not say, or another worker has taken the connection's lock.
        """
        async with self._work.database.sessions() as session:
            orders = await repository.orders_of(session, self._id)
        due = [order for order in orders if order.leg in decision.legs and sending.is_due(order, self._now())]
        symbols = sorted({order.symbol for order in due if sending.closes(order, self._by_index)})
        if not symbols or not any(order.sent_at for order in orders):
            return None
        try:
            books = await agreement(
                self._work, self._door, self._plan.connection_id, symbols, lock=self._lock, pause=self._pause
            )
        except VenueError as error:
            said = f"What is still to be closed cannot be compared with the account: {error}"
            await self.needs_attention(f"{said} Holdfast keeps trying.")
            raise RetryAt(3, said) from error
        if books.differences:
            said = " ".join(f"{symbol}: {text}" for symbol, text in sorted(books.differences.items()))
            await self.needs_attention(f"{said} Holdfast goes on closing it once they agree.")
        return books

    def _put_off(self, orders: list[Order], books: Agreement | None) -> None:
        """What would be closed where the books differ waits, without holding up the rest."""
        for order in orders:
            closing = books and order.symbol in books.differences and sending.closes(order, self._by_index)
            if closing and sending.is_due(order, self._now()):
                order.due_at = self._now() + timedelta(seconds=BOOKS_AGAIN)

    async def _keep_the_lock(self, session: AsyncSession) -> None:
        """Nothing new is sent beside another holder of the connection's lock.

        Raises:
            RetryAt: there is one; this worker had lost the lock together with its place at PostgreSQL.
        """
        if await repository.lock_number(session, self._plan.connection_id) != self._lock:
            raise RetryAt(1, "somebody else has taken the connection's lock")
