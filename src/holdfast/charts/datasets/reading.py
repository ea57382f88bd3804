"""A kept file into the store: all of it is checked first, and nothing of it is seen before all of it is
written."""

import asyncio
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.charts.datasets import repository, signals
from holdfast.charts.datasets.models import Dataset
from holdfast.charts.datasets.service import (
    CHECKING,
    FAILED,
    MOST_ROWS,
    MOST_ROWS_OF_ONE,
    MOST_SIGNALS,
    READY,
    UNDER_WAY,
    WRITING,
)
from holdfast.core.errors import Conflict, HoldfastError, InvalidInput
from holdfast.core.time import Clock
from holdfast.market.candles import archive, importing, store
from holdfast.market.candles.parsing import Bounds, Problem
from holdfast.market.candles.repository import NoSeries
from holdfast.market.candles.store import Written
from holdfast.platform.database import Database

MOST_TOLD: Final = 200
MOST_COUNTED: Final = 100_000
"""Wrong rows after which nobody reads on."""
_AT_ONCE: Final = 2000


class Deleted(Exception):
    """Its owner has deleted the dataset meanwhile."""


class WrongRows(Exception):
    """Some rows cannot be read."""

    def __init__(self, count: int, problems: list[Problem]) -> None:
        super().__init__(str(count))
        self.count = count
        self.problems = problems


async def carry_out(database: Database, clock: Clock, dataset_id: UUID) -> None:
    """Read a kept file. Safe to repeat: bars that are written already are left out."""
    async with database.transaction() as session:
        row = await session.get(Dataset, dataset_id)
        if row is None:
            await repository.forget_bars(session, dataset_id)
    if row is None or row.state not in UNDER_WAY:
        return
    try:
        with tempfile.TemporaryDirectory(prefix="holdfast-dataset-") as place:
            path = Path(place) / "file"
            await _gather(database, dataset_id, path)
            await _enter(database, clock, dataset_id, CHECKING)
            await (_bars if row.kind == "bars" else _signals)(database, clock, row, path)
    except WrongRows as wrong:
        told = f"{wrong.count:,} rows" if wrong.count > 1 else "One row"
        await fail(database, clock, dataset_id, f"{told} cannot be read; nothing was imported.", wrong)
    except HoldfastError as refused:
        await fail(database, clock, dataset_id, f"{refused.detail} {refused.advice}".strip())
    except (Deleted, NoSeries):
        async with database.transaction() as session:
            await repository.forget_bars(session, dataset_id)


async def _bars(database: Database, clock: Clock, row: Dataset, path: Path) -> None:
    found = await asyncio.to_thread(
        importing.check,
        path,
        shown_name=row.file_name,
        bounds=_bounds(clock.now()),
        most_rows=MOST_ROWS_OF_ONE,
    )
    if found.wrong:
        raise WrongRows(found.wrong, found.problems)
    length = importing.length_of(found, row.wanted_step)
    found.complete = True
    async with database.transaction() as session:
        noted = await _begin_writing(session, row, found.rows, clock.now())
        noted.step = length
        one = await store.series(
            session,
            repository.SOURCE,
            str(row.id),
            base_seconds=length,
            price_decimals=found.price_decimals,
            volume_decimals=found.volume_decimals,
        )

    async def progress(session: AsyncSession, rows: int, _: Written) -> None:
        noted = await _locked(session, row.id)
        noted.rows_done, noted.updated_at = rows, clock.now()

    await importing.write(
        database,
        one,
        path,
        found,
        origin="upload",
        now=clock.now(),
        shown_name=row.file_name,
        done=row.rows_done,
        progress=progress,
    )
    async with database.transaction() as session:
        noted = await _locked(session, row.id)
        _end(noted, clock.now(), found.first, found.last)
        await repository.forget_parts(session, row.id)


async def _signals(database: Database, clock: Clock, row: Dataset, path: Path) -> None:
    bounds = _bounds(clock.now())
    found = await asyncio.to_thread(_read_signals, path, row.file_name, bounds)
    if found.wrong:
        raise WrongRows(found.wrong, found.problems)
    async with database.transaction() as session:
        noted = await _begin_writing(session, row, len(found.marks), clock.now())
        await repository.forget_signals(session, row.id)
        for start in range(0, len(found.marks), _AT_ONCE):
            part = found.marks[start : start + _AT_ONCE]
            await repository.add_signals(session, row.id, part, start + 1)
        _end(noted, clock.now(), found.marks[0].time, found.marks[-1].time)
        await repository.forget_parts(session, row.id)


def _read_signals(path: Path, file_name: str, bounds: Bounds) -> signals.Read:
    found = archive.members(path, file_name)
    if len(found) != 1:
        raise InvalidInput(f"{file_name} holds {len(found)} files.", advice="Send one file of signals.")
    return signals.read(archive.content(found[0]), found[0].name, most=MOST_SIGNALS, bounds=bounds)


def _bounds(now: datetime) -> Bounds:
    return Bounds(latest=int(now.timestamp()), most_told=MOST_TOLD, most_counted=MOST_COUNTED)


async def _begin_writing(session: AsyncSession, row: Dataset, rows: int, now: datetime) -> Dataset:
    """One file of a user at a time is counted, so that two together cannot exceed what they may keep."""
    await lock_user(session, row.user_id)
    noted = await _locked(session, row.id)
    _, used = await repository.usage(session, row.user_id)
    if used - noted.rows + rows > MOST_ROWS:
        raise Conflict(
            f"With these {rows:,} rows you would keep more than {MOST_ROWS:,}.",
            advice="Delete a dataset first.",
        )
    noted.state, noted.rows, noted.updated_at = WRITING, rows, now
    return noted


def _end(row: Dataset, now: datetime, first: int | None, last: int | None) -> None:
    row.state, row.error, row.updated_at = READY, "", now
    row.first_time, row.last_time, row.rows_done = first, last, row.rows


async def _locked(session: AsyncSession, dataset_id: UUID) -> Dataset:
    row = await repository.locked(session, dataset_id)
    if row is None:
        raise Deleted(str(dataset_id))
    return row


async def _enter(database: Database, clock: Clock, dataset_id: UUID, state: str) -> None:
    async with database.transaction() as session:
        row = await _locked(session, dataset_id)
        row.state, row.updated_at = state, clock.now()


async def fail(
    database: Database, clock: Clock, dataset_id: UUID, error: str, wrong: WrongRows | None = None
) -> None:
    """Say why, and leave nothing of the file behind."""
    async with database.transaction() as session:
        await repository.forget_bars(session, dataset_id)
        row = await repository.locked(session, dataset_id)
        if row is None:
            return
        row.state, row.error, row.updated_at = FAILED, error, clock.now()
        row.rows = row.rows_done = 0
        if wrong is not None:
            row.wrong_rows = wrong.count
            row.problems = [{"row": one.row, "message": one.message} for one in wrong.problems[:MOST_TOLD]]
        await repository.forget_parts(session, dataset_id)


async def _gather(database: Database, dataset_id: UUID, path: Path) -> None:
    with path.open("wb") as file:
        number = 0
        while True:
            async with database.transaction() as session:
                content = await repository.part(session, dataset_id, number)
            if content is None:
                return
            await asyncio.to_thread(file.write, content)
            number += 1
