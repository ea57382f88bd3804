"""What users keep on charts."""

from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Identity, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base

_THIS_TRANSACTION: Final = text("pg_current_xact_id()::text::bigint")


class ChartLayout(Base):
    """One to four charts under a name. The page chooses ``id``; it is the user's own, whoever else uses it.
    ``version`` counts the writes."""

    __tablename__ = "chart_layouts"
    __table_args__ = (
        Index("uq_chart_layouts_default", "user_id", unique=True, postgresql_where=text("is_default")),
    )

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    is_default: Mapped[bool]
    version: Mapped[int]
    active: Mapped[int]
    cells: Mapped[list[Any]]
    updated_at: Mapped[datetime]


class ChartDrawings(Base):
    """All drawings of a user on a series. ``version`` counts the writes."""

    __tablename__ = "chart_drawings"

    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    series: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int]
    drawings: Mapped[list[Any]]
    updated_at: Mapped[datetime]


class PriceAlert(Base):
    """Tells when the price of a series reaches ``price``.

    ``direction``: above | below | either; ``repeat``: once | every. ``side`` is where the price was when it
    was last seen, above | below, NULL at the price itself or before anything was seen. Prices before
    ``watched_from`` do not count. ``changed_in`` is the number of the transaction that wrote it last.
    """

    __tablename__ = "price_alerts"
    __table_args__ = (
        Index("ix_price_alerts_reached", "series", "side", "price", postgresql_where=text("active")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    series: Mapped[str]
    direction: Mapped[str]
    price: Mapped[Decimal]
    repeat: Mapped[str]
    note: Mapped[str]
    active: Mapped[bool]
    side: Mapped[str | None]
    watched_from: Mapped[datetime]
    created_at: Mapped[datetime]
    fired_at: Mapped[datetime | None]
    changed_in: Mapped[int] = mapped_column(
        BigInteger, server_default=_THIS_TRANSACTION, onupdate=_THIS_TRANSACTION, index=True
    )


class FiredAlert(Base):
    """One crossing, with what the alert said then. ``seen_price`` is the price that was seen at ``at``.
    ``number`` grows from one that is noted to the next; what is crossed during a halt is noted late."""

    __tablename__ = "fired_alerts"
    __table_args__ = (Index("ix_fired_alerts_user_id", "user_id", "at", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    alert_id: Mapped[UUID]
    series: Mapped[str]
    direction: Mapped[str]
    price: Mapped[Decimal]
    seen_price: Mapped[Decimal]
    number: Mapped[int] = mapped_column(BigInteger, Identity())
    note: Mapped[str]
    at: Mapped[datetime]


class AlertWatch(Base):
    """How far the prices of a series were looked at: the minute that opens at ``minute`` (UTC seconds) and
    its highest, lowest and last price then. Written together with every change of an alert on it."""

    __tablename__ = "alert_watches"

    series: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[int] = mapped_column(BigInteger)
    high: Mapped[Decimal]
    low: Mapped[Decimal]
    close: Mapped[Decimal]
