"""What users bring: files of bars and of signals."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from holdfast.platform.database import Base


class Dataset(Base):
    """An uploaded file and what came of it.

    ``kind``: bars | signals. ``series``: where it is charted, for bars ``own:<id>``, whose bars lie in the
    store; for signals whichever they are attached to. ``state``: waiting | checking | writing | ready |
    failed. ``wrong_rows`` counts the rows that cannot be read; ``problems``: [{row, message}] of the first.
    ``step``: seconds of a bar. Times are UTC seconds.
    """

    __tablename__ = "datasets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), index=True)
    kind: Mapped[str]
    name: Mapped[str]
    series: Mapped[str]
    file_name: Mapped[str]
    size: Mapped[int] = mapped_column(BigInteger)
    wanted_step: Mapped[int | None]
    state: Mapped[str]
    rows: Mapped[int] = mapped_column(BigInteger, default=0)
    rows_done: Mapped[int] = mapped_column(BigInteger, default=0)
    wrong_rows: Mapped[int] = mapped_column(BigInteger, default=0)
    problems: Mapped[list[Any]] = mapped_column(default=list)
    error: Mapped[str] = mapped_column(default="")
    step: Mapped[int | None]
    first_time: Mapped[int | None] = mapped_column(BigInteger)
    last_time: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class DatasetPart(Base):
    """A piece of the uploaded file, kept until it is read: whichever machine works on it finds it here."""

    __tablename__ = "dataset_parts"

    dataset_id: Mapped[UUID] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    part: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[bytes] = mapped_column(LargeBinary)


class Signal(Base):
    """One row of a file of signals; ``number`` counts them. ``type``: buy | sell | long | short | exit |
    info. ``time`` in UTC seconds."""

    __tablename__ = "signals"
    __table_args__ = (Index("ix_signals_dataset_id_time", "dataset_id", "time"),)

    dataset_id: Mapped[UUID] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    time: Mapped[int] = mapped_column(BigInteger)
    type: Mapped[str]
    price: Mapped[Decimal | None]
    label: Mapped[str]
    color: Mapped[str]
    icon: Mapped[str]
