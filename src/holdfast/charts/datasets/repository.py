"""Every query on own data."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Integer,
    Numeric,
    Text,
    Uuid,
    delete,
    func,
    insert,
    literal,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from sqlalchemy.types import TypeEngine

from holdfast.charts.datasets.models import Dataset, DatasetPart, Signal
from holdfast.charts.datasets.signals import Mark
from holdfast.charts.models import ChartDrawings
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.tags import tag_of
from holdfast.platform.cache import forget

SOURCE = "own"
_MARKED: Final[dict[str, TypeEngine[Any]]] = {
    "time": BigInteger(),
    "type": Text(),
    "price": Numeric(),
    "label": Text(),
    "color": Text(),
    "icon": Text(),
}
"""What a signal stores of a row of its file."""


def series_of(dataset_id: UUID) -> str:
    return f"{SOURCE}:{dataset_id}"


async def datasets(session: AsyncSession, user_id: UUID) -> list[Dataset]:
    """Newest first."""
    rows = await session.scalars(
        select(Dataset).where(Dataset.user_id == user_id).order_by(Dataset.created_at.desc(), Dataset.id)
    )
    return list(rows)


async def dataset_of(
    session: AsyncSession, user_id: UUID, dataset_id: UUID, *, lock: bool = False
) -> Dataset | None:
    query = select(Dataset).where(Dataset.id == dataset_id, Dataset.user_id == user_id)
    if lock:
        query = query.with_for_update()
    found: Dataset | None = await session.scalar(query)
    return found


async def locked(session: AsyncSession, dataset_id: UUID) -> Dataset | None:
    """To be changed by nobody else; ``None`` if it was deleted."""
    found: Dataset | None = await session.scalar(
        select(Dataset)
        .where(Dataset.id == dataset_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def usage(session: AsyncSession, user_id: UUID) -> tuple[int, int]:
    """How many datasets and rows this user keeps; files that failed hold none."""
    row = (
        await session.execute(
            select(func.count(), func.coalesce(func.sum(Dataset.rows), 0)).where(
                Dataset.user_id == user_id, Dataset.state != "failed"
            )
        )
    ).one()
    return int(row[0]), int(row[1])


async def count(session: AsyncSession, user_id: UUID, states: Sequence[str] = ()) -> int:
    query = select(func.count()).select_from(Dataset).where(Dataset.user_id == user_id)
    if states:
        query = query.where(Dataset.state.in_(states))
    return int(await session.scalar(query) or 0)


async def attached(session: AsyncSession, user_id: UUID, series: str) -> list[Dataset]:
    """The ready signals on a series, to be changed by nobody else."""
    rows = await session.scalars(
        select(Dataset)
        .where(Dataset.user_id == user_id, Dataset.kind == "signals", Dataset.series == series)
        .order_by(Dataset.id)
        .with_for_update()
    )
    return list(rows)


# --- the file on its way ------------------------------------------------------------------------------------


async def part(session: AsyncSession, dataset_id: UUID, number: int) -> bytes | None:
    found: bytes | None = await session.scalar(
        select(DatasetPart.content).where(DatasetPart.dataset_id == dataset_id, DatasetPart.part == number)
    )
    return found


async def forget_parts(session: AsyncSession, dataset_id: UUID) -> None:
    await session.execute(delete(DatasetPart).where(DatasetPart.dataset_id == dataset_id))


# --- signals ------------------------------------------------------------------------------------------------


async def add_signals(session: AsyncSession, dataset_id: UUID, marks: Sequence[Mark], first: int) -> None:
    """Signals numbered from ``first``, as one statement with an array for each column: a statement for each
    row takes several times as long."""
    columns = [
        literal([getattr(mark, name) for mark in marks], ARRAY(kind)) for name, kind in _MARKED.items()
    ]
    numbers = literal(list(range(first, first + len(marks))), ARRAY(Integer()))
    names = ("number", *_MARKED)
    rows = func.unnest(numbers, *columns).table_valued(*names, name="given").render_derived()
    given = select(literal(dataset_id, Uuid()), *(rows.c[name] for name in names))
    await session.execute(insert(Signal).from_select(["dataset_id", *names], given))


async def forget_signals(session: AsyncSession, dataset_id: UUID) -> None:
    await session.execute(delete(Signal).where(Signal.dataset_id == dataset_id))


async def signals_on(
    session: AsyncSession, user_id: UUID, series: str, start: int, until: int, limit: int
) -> list[Signal]:
    """This user's signals on a series in [start, until), oldest first. No more than ``limit`` are read of
    any dataset, along its index."""
    of_one = (
        select(Signal)
        .where(Signal.dataset_id == Dataset.id, Signal.time >= start, Signal.time < until)
        .order_by(Signal.time, Signal.number)
        .limit(limit)
        .correlate(Dataset)
        .lateral()
    )
    found = aliased(Signal, of_one)
    rows = await session.scalars(
        select(found)
        .select_from(Dataset)
        .join(of_one, true())
        .where(
            Dataset.user_id == user_id,
            Dataset.kind == "signals",
            Dataset.state == "ready",
            Dataset.series == series,
        )
        .order_by(found.time, found.dataset_id, found.number)
        .limit(limit)
    )
    return list(rows)


async def signals_after(session: AsyncSession, dataset_id: UUID, number: int, limit: int) -> list[Signal]:
    rows = await session.scalars(
        select(Signal)
        .where(Signal.dataset_id == dataset_id, Signal.number > number)
        .order_by(Signal.number)
        .limit(limit)
    )
    return list(rows)


# --- bars ---------------------------------------------------------------------------------------------------


async def forget_bars(session: AsyncSession, dataset_id: UUID) -> None:
    """Everything that is stored of the series goes with it."""
    await session.execute(
        delete(CandleSeries).where(CandleSeries.source == SOURCE, CandleSeries.symbol == str(dataset_id))
    )
    await forget(session, tag_of(SOURCE, str(dataset_id)))


async def forget_drawings(session: AsyncSession, user_id: UUID, series: str) -> None:
    await session.execute(
        delete(ChartDrawings).where(ChartDrawings.user_id == user_id, ChartDrawings.series == series)
    )
