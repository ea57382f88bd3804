"""Instruments as the venue last described them."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class InstrumentRow(Base):
    """One row per venue and symbol; kept after the venue drops it, because somebody may still hold it."""

    __tablename__ = "instruments"

    venue: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    base: Mapped[str]
    quote: Mapped[str]
    tick: Mapped[Decimal]
    lot: Mapped[Decimal]
    min_quantity: Mapped[Decimal]
    min_notional: Mapped[Decimal]
    max_market_quantity: Mapped[Decimal]
    max_limit_quantity: Mapped[Decimal]
    status: Mapped[str]
    delivery_at: Mapped[datetime | None]
    funding_interval_minutes: Mapped[int]
    multiplier: Mapped[int] = mapped_column(default=1)
    seen_at: Mapped[datetime]
