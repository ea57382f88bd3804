"""What users do with their own data: keep a file, look, rename, attach, delete."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import PurePath
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.charts.datasets import repository
from holdfast.charts.datasets.models import Dataset, DatasetPart, Signal
from holdfast.charts.datasets.schemas import (
    DatasetChange,
    DatasetsView,
    DatasetView,
    NewDataset,
    QuotaView,
    SignalsView,
    SignalView,
    Upload,
)
from holdfast.core.errors import Conflict, InvalidInput, NotFound, TooManyRequests
from holdfast.core.identity import new_id
from holdfast.core.time import from_seconds
from holdfast.core.timeframes import DAY, Timeframe, timeframe_of
from holdfast.platform.jobs import enqueue

JOB: Final = "charts.read_dataset"
WAITING, CHECKING, WRITING, READY, FAILED = "waiting", "checking", "writing", "ready", "failed"
UNDER_WAY: Final = (WAITING, CHECKING, WRITING)

MOST_BYTES: Final = 200 * 1024 * 1024
MOST_DATASETS: Final = 100
MOST_ROWS: Final = 20_000_000
"""Of one user altogether."""
MOST_ROWS_OF_ONE: Final = 5_000_000
MOST_SIGNALS: Final = 100_000
"""Of one file."""
MOST_UNDER_WAY: Final = 3
MOST_MARKS: Final = 2000


async def check_room(session: AsyncSession, user_id: UUID) -> None:
    """Whether this user may bring one more file.

    Raises:
        Conflict: they keep as many as they may.
        TooManyRequests: too many of theirs are being read.
    """
    kept = await repository.count(session, user_id)
    if kept >= MOST_DATASETS:
        raise Conflict(f"You keep {kept} datasets, which is the most.", advice="Delete one of them first.")
    busy = await repository.count(session, user_id, UNDER_WAY)
    if busy >= MOST_UNDER_WAY:
        raise TooManyRequests(
            f"{busy} of your files are being read.", advice="Wait until one of them is done.", retry_after=5
        )


async def keep(
    session: AsyncSession, user_id: UUID, upload: Upload, pieces: AsyncIterator[bytes], *, now: datetime
) -> DatasetView:
    """Keep the file and have it read. All of it commits with the caller. Raises as ``check_room``."""
    await lock_user(session, user_id)
    await check_room(session, user_id)
    made = new_id()
    row = Dataset(
        id=made,
        user_id=user_id,
        kind=upload.kind,
        name=upload.name,
        series=upload.series or repository.series_of(made),
        file_name=upload.file_name,
        size=upload.size,
        wanted_step=step_of(upload.timeframe),
        state=WAITING,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    await session.flush()
    number = 0
    async for piece in pieces:
        await session.execute(insert(DatasetPart).values(dataset_id=made, part=number, content=piece))
        number += 1
    await enqueue(session, JOB, str(made), now=now)
    return view(row)


def check_form(form: NewDataset) -> None:
    """Raises ``InvalidInput``: signals without a series, bars with one, or no such timeframe."""
    if form.kind == "signals" and form.series is None:
        raise InvalidInput(
            "Signals need a series to be shown on.", advice="Name it as source:symbol, as bybit:BTCUSDT."
        )
    if form.kind == "bars" and form.series is not None:
        raise InvalidInput("Bars become a series of their own.", advice="Leave series out.")
    step_of(form.timeframe)


def step_of(timeframe: str | None) -> int | None:
    """Seconds of a bar. Raises ``InvalidInput`` for what bars cannot be kept as."""
    if not timeframe:
        return None
    known = [one for one in Timeframe if one.seconds is not None and one.seconds <= DAY]
    if timeframe not in known:
        raise InvalidInput(
            f"{timeframe!r} is no timeframe bars can be kept in.", advice=f"Choose one of {', '.join(known)}."
        )
    return Timeframe(timeframe).seconds


def name_from(file_name: str) -> str:
    """What a dataset is called if nobody says."""
    return PurePath(file_name).name.split(".")[0].strip()[:80] or "Dataset"


# --- looking ------------------------------------------------------------------------------------------------


async def overview(session: AsyncSession, user_id: UUID) -> DatasetsView:
    rows = await repository.datasets(session, user_id)
    _, used = await repository.usage(session, user_id)
    quota = QuotaView(
        datasets=len(rows),
        most_datasets=MOST_DATASETS,
        rows=used,
        most_rows=MOST_ROWS,
        most_bytes=MOST_BYTES,
        most_rows_of_one=MOST_ROWS_OF_ONE,
        most_signals=MOST_SIGNALS,
    )
    return DatasetsView(datasets=[view(row, problems=False) for row in rows], quota=quota)


async def owned(session: AsyncSession, user_id: UUID, dataset_id: UUID, *, lock: bool = False) -> Dataset:
    """Raises ``NotFound``, also for somebody else's."""
    row = await repository.dataset_of(session, user_id, dataset_id, lock=lock)
    if row is None:
        raise NotFound("There is no such dataset.", advice="GET /api/datasets lists yours.")
    return row


async def ready(session: AsyncSession, user_id: UUID, dataset_id: UUID) -> Dataset:
    """Raises ``NotFound``; ``Conflict``: it is not read yet, or never will be."""
    row = await owned(session, user_id, dataset_id)
    if row.state != READY:
        raise Conflict("This dataset holds nothing yet.", advice="Wait until it is read, or see its errors.")
    return row


async def signals(
    session: AsyncSession, user_id: UUID, series: str, start: int, until: int, limit: int
) -> SignalsView:
    rows = await repository.signals_on(session, user_id, series, start, until, limit + 1)
    shown = [SignalView.model_validate(row) for row in rows[:limit]]
    return SignalsView(series=series, signals=shown, more=len(rows) > limit)


def view(row: Dataset, *, problems: bool = True) -> DatasetView:
    computed = {"timeframe", "first_at", "last_at", "problems"}
    plain: dict[str, Any] = {name: getattr(row, name) for name in DatasetView.model_fields.keys() - computed}
    timeframe = timeframe_of(row.step) if row.step else None
    return DatasetView(
        **plain,
        problems=row.problems if problems else [],
        timeframe=timeframe.value if timeframe else None,
        first_at=from_seconds(row.first_time),
        last_at=from_seconds(row.last_time),
    )


# --- changing -----------------------------------------------------------------------------------------------


async def change(
    session: AsyncSession, user_id: UUID, dataset_id: UUID, wanted: DatasetChange, *, now: datetime
) -> DatasetView:
    """Rename, or attach signals elsewhere.

    Raises:
        NotFound: it is not this user's.
        InvalidInput: bars are their own series.
    """
    row = await owned(session, user_id, dataset_id, lock=True)
    if wanted.series is not None and row.kind != "signals":
        raise InvalidInput("Bars are a series of their own.", advice="Leave series out.")
    row.name = wanted.name or row.name
    row.series = wanted.series or row.series
    row.updated_at = now
    await session.flush()
    return view(row)


async def remove(session: AsyncSession, user_id: UUID, dataset_id: UUID) -> None:
    """Delete it with everything stored of it, what is drawn on it, and the signals attached to it.

    Raises:
        NotFound: it is not this user's.
    """
    row = await owned(session, user_id, dataset_id)
    if row.kind == "bars":
        # The store's row first: whoever writes bars holds it before this dataset's.
        await repository.forget_bars(session, dataset_id)
        await repository.forget_drawings(session, user_id, row.series)
        for one in await repository.attached(session, user_id, row.series):
            await session.delete(one)
    await session.delete(row)
    await session.flush()


async def signal_rows(session: AsyncSession, dataset_id: UUID, page: int) -> AsyncIterator[Signal]:
    """All signals of a file in its order, ``page`` at a time."""
    last = 0
    while rows := await repository.signals_after(session, dataset_id, last, page):
        for row in rows:
            yield row
        last = rows[-1].number
