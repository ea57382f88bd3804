"""What users wrote: scripts, and every version of each."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Script(Base):
    """``version``: the number of the newest one. Deleted, it stays as long as a version of it is needed by
    what refers to it; ``deleted_at`` says so, and nobody finds it in a list any more."""

    __tablename__ = "scripts"
    __table_args__ = (Index("ix_scripts_user_id", "user_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class ScriptVersion(Base):
    """One source, which never changes, and what its check found.

    ``sha256`` of the source, in hex. ``inputs``, ``title`` and ``pane`` are what a run told, ``error`` why
    none did ({kind, message, line}). ``causality``: what the check for looking ahead found; NULL if it was
    not made. Whoever needs a version for longer refers to (``script_id``, ``number``) with a foreign key that
    does nothing on deletion.
    """

    __tablename__ = "script_versions"

    script_id: Mapped[UUID] = mapped_column(ForeignKey("scripts.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    source: Mapped[str]
    sha256: Mapped[str]
    title: Mapped[str]
    pane: Mapped[str]
    overlay: Mapped[bool]
    inputs: Mapped[list[Any]]
    error: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    causality: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime]
