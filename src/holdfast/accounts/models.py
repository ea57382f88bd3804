"""Users, their sign-ins, and their venue connections."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class User(Base):
    """A person. Demo users have neither address nor password."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(unique=True)
    password_hash: Mapped[str | None]
    is_demo: Mapped[bool]
    created_at: Mapped[datetime]


class SignIn(Base):
    """One device that is signed in: a family of rotating refresh tokens."""

    __tablename__ = "sign_ins"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    user_agent: Mapped[str]
    ip: Mapped[str]
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    revoked_reason: Mapped[str] = mapped_column(default="")


class RefreshToken(Base):
    """Only the hash is kept. A token used twice revokes its whole family."""

    __tablename__ = "refresh_tokens"

    token_hash: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    sign_in_id: Mapped[UUID] = mapped_column(ForeignKey("sign_ins.id"), index=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Connection(Base):
    """A user's credentials for one venue. ``sealed`` is opened only by the worker and is NULL once deleted.

    ``state``: checking | active | watch_only | refused | failing | deleted; ``checks`` is the list of
    findings shown to the user. ``begun_at`` is the venue's moment from which our books begin;
    ``fills_since`` and ``funding_since`` are how far reconciliation has read. ``unsure_since``: at that
    moment something may have happened that nobody told us, so reconcile before trading. ``fence`` counts the
    holders of the connection's lock. ``margin_mode`` is the account's when the books began,
    ``could_trade_at`` when the key was last found good for trading.
    """

    __tablename__ = "connections"
    __table_args__ = (
        Index("ix_connections_open_user", "user_id", postgresql_where=text("deleted_at IS NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    venue: Mapped[str]
    environment: Mapped[str]
    label: Mapped[str]
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    key_hint: Mapped[str]
    state: Mapped[str]
    state_reason: Mapped[str] = mapped_column(default="")
    checks: Mapped[list[Any]] = mapped_column(default=list)
    venue_uid: Mapped[str] = mapped_column(default="")
    key_expires_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    reconciled_at: Mapped[datetime | None]
    begun_at: Mapped[datetime | None]
    fills_since: Mapped[datetime | None]
    funding_since: Mapped[datetime | None]
    unsure_since: Mapped[datetime | None]
    could_trade_at: Mapped[datetime | None]
    margin_mode: Mapped[str] = mapped_column(default="")
    fence: Mapped[int] = mapped_column(BigInteger, default=0)
    deleted_at: Mapped[datetime | None]
