"""Tables of the platform itself: its mode, jobs (the outbox), idempotency keys, stamps for the cache."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Installation(Base):
    """One row: the mode in which everything here was stored."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    mode: Mapped[str]


class Job(Base):
    """Work to be done at least once. Written in the transaction that needs it, dispatched by the scheduler
    through Celery, claimed by a worker with a lease and a fencing number.

    ``attempts``: runs in a row that ended in an accident or in silence. ``rerun_at``: asked for again while
    it was running.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index(
            "uq_jobs_open_kind_subject",
            "kind",
            "subject",
            unique=True,
            postgresql_where=text("finished_at IS NULL"),
        ),
        Index("ix_jobs_open_run_at", "run_at", postgresql_where=text("finished_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    subject: Mapped[str]
    run_at: Mapped[datetime]
    rerun_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    dispatched_at: Mapped[datetime | None]
    lease_until: Mapped[datetime | None]
    fence: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    last_error: Mapped[str] = mapped_column(default="")
    finished_at: Mapped[datetime | None]


class IdempotencyKey(Base):
    """One request, one effect: the key, the effect and the stored answer commit together."""

    __tablename__ = "idempotency_keys"

    user_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes] = mapped_column(LargeBinary)
    status: Mapped[int]
    response: Mapped[dict[str, Any]]
    created_at: Mapped[datetime]


class CacheTag(Base):
    """When what ``tag`` stands for was last changed, as a random stamp: answers made of it are kept under it.
    Written in the transaction of the change."""

    __tablename__ = "cache_tags"

    tag: Mapped[str] = mapped_column(primary_key=True)
    stamp: Mapped[UUID]
