"""Limits, what they are measured from, stops, and flattening."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base

_NOBODY = "'00000000-0000-0000-0000-000000000000'::uuid"


class RiskLimit(Base):
    """A user's own limits (``sleeve_id`` NULL) or those of one position. NULL: none of their own."""

    __tablename__ = "risk_limits"
    __table_args__ = (
        Index("uq_risk_limits_owner", "user_id", text(f"coalesce(sleeve_id, {_NOBODY})"), unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"), index=True)
    order_notional: Mapped[Decimal | None]
    instrument_notional: Mapped[Decimal | None]
    sleeve_notional: Mapped[Decimal | None]
    gross_notional: Mapped[Decimal | None]
    daily_loss: Mapped[Decimal | None]
    drawdown: Mapped[Decimal | None]
    orders_per_minute: Mapped[int | None]
    price_band: Mapped[Decimal | None]
    updated_at: Mapped[datetime]


class RiskMark(Base):
    """What losses are measured from: of a user's account value (``sleeve_id`` NULL) or of one position.

    ``value`` is the last one seen: the account's equity, or the position's P&L since it was opened.
    ``day_value`` is the last one seen before the UTC day ``day`` began (0 for a position that is younger).
    ``peak`` is the highest since ``peak_since``, when the owner set the limit; ``operators_peak`` the highest
    since the operator had it counted anew, or ever: the installation's own limit is measured from that.
    """

    __tablename__ = "risk_marks"
    __table_args__ = (
        Index("uq_risk_marks_owner", "user_id", text(f"coalesce(sleeve_id, {_NOBODY})"), unique=True),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"), index=True)
    value: Mapped[Decimal]
    seen_at: Mapped[datetime]
    day: Mapped[date]
    day_value: Mapped[Decimal]
    peak: Mapped[Decimal]
    peak_since: Mapped[datetime]
    operators_peak: Mapped[Decimal]
    operators_peak_since: Mapped[datetime]


class Stop(Base):
    """No new risk for the instance, a user or a position, until it is lifted.

    ``scope``: instance | user | position. ``origin`` names the stop file an instance-wide stop came from
    (machine and path), so that only that machine's resume lifts it; "" for one made through the API.
    """

    __tablename__ = "stops"
    __table_args__ = (
        Index(
            "uq_stops_in_force",
            "scope",
            text(f"coalesce(user_id, {_NOBODY})"),
            text(f"coalesce(sleeve_id, {_NOBODY})"),
            "origin",
            unique=True,
            postgresql_where=text("lifted_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    scope: Mapped[str]
    user_id: Mapped[UUID | None] = mapped_column(ForeignKey("users.id"), index=True)
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"), index=True)
    reason: Mapped[str]
    by: Mapped[str]
    since: Mapped[datetime]
    origin: Mapped[str] = mapped_column(default="")
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str] = mapped_column(default="")


class Flatten(Base):
    """Closes what a user's positions (or one of them) own. ``state``: running | done | partly."""

    __tablename__ = "flattens"
    __table_args__ = (
        Index(
            "uq_flattens_running",
            "user_id",
            text(f"coalesce(sleeve_id, {_NOBODY})"),
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    sleeve_id: Mapped[UUID | None] = mapped_column(ForeignKey("sleeves.id"), index=True)
    scope: Mapped[str]
    stop_id: Mapped[UUID] = mapped_column(ForeignKey("stops.id"))
    state: Mapped[str]
    by: Mapped[str]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class FlattenPosition(Base):
    """One position of a flattening. ``state``: waiting | closing | done | partly. ``attempts`` counts the
    closings that were started for it."""

    __tablename__ = "flatten_positions"

    flatten_id: Mapped[UUID] = mapped_column(ForeignKey("flattens.id"), primary_key=True)
    sleeve_id: Mapped[UUID] = mapped_column(ForeignKey("sleeves.id"), primary_key=True)
    execution_id: Mapped[UUID | None] = mapped_column(ForeignKey("executions.id"))
    state: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    text: Mapped[str] = mapped_column(default="")
