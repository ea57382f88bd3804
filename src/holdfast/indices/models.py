"""Assets, their market caps, and the recorded levels of the indices."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Asset(Base):
    """A coin by internal id. ``kind``: coin | stable | wrapped | staked | unknown."""

    __tablename__ = "assets"

    id: Mapped[str] = mapped_column(primary_key=True)
    coingecko_id: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]


class AssetAlias(Base):
    """A ticker an asset has had, and when. Tickers are reused; ids are not."""

    __tablename__ = "asset_aliases"

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    ticker: Mapped[str] = mapped_column(primary_key=True)
    valid_from: Mapped[datetime] = mapped_column(primary_key=True)
    valid_to: Mapped[datetime | None]


class MarketCap(Base):
    """The last known supply and market cap of an asset. Weights, never money."""

    __tablename__ = "market_caps"

    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    rank: Mapped[int | None]
    supply: Mapped[Decimal | None]
    price: Mapped[Decimal | None]
    market_cap: Mapped[Decimal | None]
    volume: Mapped[Decimal | None]
    source_at: Mapped[datetime]
    fetched_at: Mapped[datetime]


class MarketCapDay(Base):
    """A point-in-time snapshot a day, so that later back-tests know the members of the time."""

    __tablename__ = "market_cap_days"

    day: Mapped[date] = mapped_column(primary_key=True)
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), primary_key=True)
    rank: Mapped[int | None]
    supply: Mapped[Decimal | None]
    price: Mapped[Decimal | None]
    market_cap: Mapped[Decimal | None]


class IndexLevel(Base):
    """A recorded level. ``source``: live | backfill (from CoinGecko's history)."""

    __tablename__ = "index_levels"

    index_id: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    level: Mapped[float]
    source: Mapped[str]


class IndexComposition(Base):
    """The members of an index from ``effective_at`` on, as a reconstitution chose them.

    ``members``: asset id → {symbol, multiplier, quantity}; ``quantity`` is the frozen number of coins of a
    basket (0 for a ratio, whose quantities are the current supplies). ``divisor`` makes a basket's level
    continuous over reconstitutions.
    """

    __tablename__ = "index_compositions"

    index_id: Mapped[str] = mapped_column(primary_key=True)
    effective_at: Mapped[datetime] = mapped_column(primary_key=True)
    version: Mapped[str]
    members: Mapped[dict[str, Any]]
    divisor: Mapped[float]
