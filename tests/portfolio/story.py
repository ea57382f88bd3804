"""What happened on a desk: fills, funding, and the position most tests begin with."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from holdfast.core.instruments import Side
from holdfast.portfolio.booking import book_fill, book_funding
from holdfast.venues.protocol import FillReport, FundingReport

from .conftest import Desk
from .people import NOW, add_sleeve


@dataclass
class Book:
    """Writes what happened into the ledger of a desk, one second after the other."""

    desk: Desk
    count: int = 0

    async def fill(
        self,
        symbol: str,
        signed: str,
        price: str,
        *,
        by: UUID | None = None,
        fee: str = "0.5",
        asset: str = "USDT",
    ) -> None:
        self.count += 1
        report = FillReport(
            exec_id=f"e{self.count:03}",
            venue_order_id="v",
            client_id="",
            symbol=symbol,
            side=Side.of(Decimal(signed)),
            exec_type="Trade",
            quantity=abs(Decimal(signed)),
            price=Decimal(price),
            fee=Decimal(fee),
            fee_asset=asset,
            is_maker=False,
            executed_at=NOW + self.count * timedelta(seconds=1),
        )
        order = (uuid4(), by) if by else None
        async with self.desk.database.transaction() as session:
            await book_fill(
                session, connection_id=self.desk.connection_id, report=report, order=order, now=NOW
            )

    async def funding(self, symbol: str, amount: str, position: str) -> None:
        report = FundingReport(
            reference=f"f-{symbol}",
            symbol=symbol,
            amount=Decimal(amount),
            asset="USDT",
            rate=Decimal("0.0001"),
            position=Decimal(position),
            at=NOW + timedelta(hours=1),
        )
        async with self.desk.database.transaction() as session:
            await book_funding(session, connection_id=self.desk.connection_id, report=report, now=NOW)


async def new_sleeve(desk: Desk, *, state: str = "active", index_id: str = "btc-d") -> UUID:
    async with desk.database.transaction() as session:
        return await add_sleeve(session, desk.user_id, desk.connection_id, state=state, index_id=index_id)


async def a_position(desk: Desk) -> tuple[UUID, Book]:
    """Long 0.04 BTC at 100,000 and short 1 ETH at 4,000, fees 1, funding 0.3."""
    sleeve, book = await new_sleeve(desk), Book(desk)
    await book.fill("BTCUSDT", "0.04", "100000", by=sleeve)
    await book.fill("ETHUSDT", "-1", "4000", by=sleeve)
    await book.funding("BTCUSDT", "0.3", "0.04")
    return sleeve, book
