"""Executions, their orders, and every event an order has seen."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Execution(Base):
    """One plan being carried out.

    ``state``: pending | running | unwinding | complete | complete_with_residual | unwound | needs_attention.
    ``fence`` is the fencing number of the worker that last wrote.
    """

    __tablename__ = "executions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    plan_id: Mapped[UUID] = mapped_column(ForeignKey("plans.id"), unique=True)
    sleeve_id: Mapped[UUID] = mapped_column(ForeignKey("sleeves.id"), index=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), index=True)
    kind: Mapped[str]
    state: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    fence: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class Order(Base):
    """One order. Its row, with its client id, is committed before the venue hears of it.

    ``role``: open | close | rebalance | unwind. ``attempt`` counts the orders of one leg and role from 0.
    ``style``: ioc | post_only | market. ``due_at``: not to be sent before.
    """

    __tablename__ = "orders"
    __table_args__ = (
        UniqueConstraint("connection_id", "client_id", name="uq_orders_client_id"),
        UniqueConstraint("execution_id", "leg", "role", "attempt", name="uq_orders_leg_attempt"),
        Index(
            "ix_orders_working",
            "sleeve_id",
            postgresql_where=text("state IN ('accepted', 'partially_filled')"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    execution_id: Mapped[UUID] = mapped_column(ForeignKey("executions.id"), index=True)
    sleeve_id: Mapped[UUID] = mapped_column(ForeignKey("sleeves.id"), index=True)
    connection_id: Mapped[UUID] = mapped_column(ForeignKey("connections.id"), index=True)
    leg: Mapped[int]
    role: Mapped[str]
    attempt: Mapped[int]
    client_id: Mapped[str]
    venue_order_id: Mapped[str] = mapped_column(default="")
    symbol: Mapped[str]
    side: Mapped[str]
    quantity: Mapped[Decimal]
    limit_price: Mapped[Decimal]
    reduce_only: Mapped[bool]
    style: Mapped[str] = mapped_column(default="ioc")
    due_at: Mapped[datetime | None]
    state: Mapped[str]
    filled_quantity: Mapped[Decimal] = mapped_column(default=Decimal(0))
    average_price: Mapped[Decimal | None]
    reject_code: Mapped[str] = mapped_column(default="")
    reject_reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]


class OrderEvent(Base):
    """Append-only trail of one order: requests, answers, and state changes. Never a secret."""

    __tablename__ = "order_events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("orders.id"), index=True)
    event: Mapped[str]
    from_state: Mapped[str]
    to_state: Mapped[str]
    detail: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class TrailRow(Base):
    """What happened around the orders of an execution: requests to the venue, decisions, jobs, waits.

    For people: nothing is ever decided from it. Never a secret. ``times``: the same again and again, up to
    ``until``, is one row. Goes when its execution goes.
    """

    __tablename__ = "trail"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    execution_id: Mapped[UUID] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), index=True)
    order_id: Mapped[UUID | None]
    kind: Mapped[str]
    title: Mapped[str]
    symbol: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]
    took_ms: Mapped[int | None]
    times: Mapped[int] = mapped_column(default=1)
    until: Mapped[datetime | None]
    detail: Mapped[dict[str, Any]]
