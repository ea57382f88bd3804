"""How a line gets into the ledger."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.portfolio.ledger import EXACT, QUOTE
from holdfast.portfolio.models import Posting

Owner = UUID | None
"""A sleeve, or ``None`` for the user's manual holding."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record to be posted: what every line of it shares."""

    connection_id: UUID
    kind: str
    symbol: str
    reference: str
    at: datetime
    now: datetime

    def line(self, owner: Owner, asset: str, amount: Decimal, kind: str = "") -> dict[str, object]:
        return {
            "connection_id": self.connection_id,
            "sleeve_id": owner,
            "kind": kind or self.kind,
            "asset": asset,
            "amount": amount,
            "symbol": self.symbol,
            "reference": self.reference,
            "at": self.at,
            "booked_at": self.now,
        }

    def trade(self, owner: Owner, quantity: Decimal, price: Decimal) -> list[dict[str, object]]:
        """The contract and its value at ``price``."""
        return self.move(owner, quantity, -EXACT.multiply(quantity, price))

    def move(self, owner: Owner, quantity: Decimal, value: Decimal) -> list[dict[str, object]]:
        """The contract into (+) or out of (-) a holding, and what that does to its cash in the quote coin."""
        return [self.line(owner, self.symbol, quantity), self.line(owner, QUOTE, value)]


async def post(session: AsyncSession, lines: list[dict[str, object]]) -> None:
    if lines:
        await session.execute(insert(Posting), lines)
