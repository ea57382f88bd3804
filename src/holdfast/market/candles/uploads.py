"""Uploaded files: taken in piece by piece, kept in the database until a worker has imported them."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import HoldfastError, InvalidInput, TooManyRequests
from holdfast.core.identity import new_id
from holdfast.core.time import Clock
from holdfast.core.timeframes import MINUTE
from holdfast.market.candles import importing
from holdfast.market.candles.comparison import disagreement
from holdfast.market.candles.importing import Found, Target
from holdfast.market.candles.models import CandleImport, CandleImportPart
from holdfast.market.candles.parsing import MOST_PROBLEMS
from holdfast.market.candles.store import Written
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.venues.protocol import HistoryVenue, Rejected

JOB: Final = "market.import_candles"
RECEIVING, WAITING, CHECKING, WRITING, DONE, FAILED = (
    "receiving", "waiting", "checking", "writing", "done", "failed"
)  # fmt: skip
MOST_BYTES: Final = 256 * 1024 * 1024
MOST_OPEN: Final = 3
"""Imports of one user that are not finished."""
STALLED_SECONDS: Final = 30.0
LONGEST_SECONDS: Final = 1800.0
"""For one upload, however steadily it trickles."""
ABANDONED: Final = timedelta(hours=1)
KEEP: Final = timedelta(days=30)
_PART_BYTES: Final = 1024 * 1024
_OPEN: Final = (RECEIVING, WAITING, CHECKING, WRITING)


async def receive(
    database: Database,
    clock: Clock,
    owner_id: UUID,
    target: Target,
    file_name: str,
    stream: AsyncIterator[bytes],
) -> UUID:
    """Keep the uploaded bytes and have them imported; the id to ask about it.

    Raises:
        TooManyRequests: this user has enough imports under way.
        InvalidInput: the file is empty or too large, or does not come any more.
    """
    made = new_id()
    async with database.transaction() as session:
        await _check_open(session, owner_id)
        session.add(_new(made, owner_id, target, file_name, clock.now()))
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            size, sha256 = await _keep(database, made, stream)
    except TimeoutError:
        await _forget(database, made)
        raise InvalidInput("The upload takes too long.", advice="Pack it, or split it.") from None
    except BaseException:
        await _forget(database, made)
        raise
    async with database.transaction() as session:
        row = await session.get_one(CandleImport, made)
        row.size, row.sha256, row.state, row.updated_at = size, sha256, WAITING, clock.now()
        await enqueue(session, JOB, str(made), now=clock.now())
    return made


async def _forget(database: Database, import_id: UUID) -> None:
    async with database.transaction() as session:
        await session.execute(delete(CandleImport).where(CandleImport.id == import_id))


def _new(made: UUID, owner_id: UUID, target: Target, file_name: str, now: datetime) -> CandleImport:
    return CandleImport(
        id=made,
        owner_id=owner_id,
        source=target.source,
        symbol=target.symbol,
        file_name=Path(file_name).name,
        size=0,
        sha256="",
        state=RECEIVING,
        created_at=now,
        updated_at=now,
    )


async def _check_open(session: AsyncSession, owner_id: UUID) -> None:
    open_ones = await session.scalar(
        select(func.count())
        .select_from(CandleImport)
        .where(CandleImport.owner_id == owner_id, CandleImport.state.in_(_OPEN))
    )
    if (open_ones or 0) >= MOST_OPEN:
        raise TooManyRequests(
            f"{open_ones} of your imports are under way.",
            advice="Wait until one of them is done.",
            retry_after=5,
        )


async def as_it_comes(stream: AsyncIterator[bytes], patience: float) -> AsyncGenerator[bytes, None]:
    """The pieces of an upload. Raises ``InvalidInput``: the next does not come for so many seconds."""
    pieces = aiter(stream)
    while True:
        try:
            async with asyncio.timeout(patience):  # ``wait_for`` may lose a deadline that is around this one
                piece = await anext(pieces)
        except StopAsyncIteration:
            return
        except TimeoutError:
            raise InvalidInput("The upload does not go on.", advice="Send it again.") from None
        yield piece


async def _keep(database: Database, import_id: UUID, stream: AsyncIterator[bytes]) -> tuple[int, str]:
    """Write the pieces as they come; the size and the fingerprint of all of them."""
    digest, size, part, held = hashlib.sha256(), 0, 0, bytearray()

    async def flush() -> None:
        nonlocal part
        async with database.transaction() as session:
            session.add(CandleImportPart(import_id=import_id, part=part, content=bytes(held)))
        held.clear()
        part += 1

    async for piece in as_it_comes(stream, STALLED_SECONDS):
        size += len(piece)
        if size > MOST_BYTES:
            raise InvalidInput(
                f"A file may have at most {MOST_BYTES // 1024**2} MiB.",
                advice="Pack it, split it, or use `holdfast data import` on the machine itself.",
            )
        digest.update(piece)
        held += piece
        if len(held) >= _PART_BYTES:
            await flush()
    if held:
        await flush()
    if not size:
        raise InvalidInput("The file is empty.", advice="Check that it is the right one.")
    return size, digest.hexdigest()


async def carry_out(
    database: Database, clock: Clock, import_id: UUID, venues: Callable[[str], HistoryVenue | None]
) -> None:
    """Import the kept file. May be broken off anywhere and called again. ``venues``: who can be asked about
    the bars of a source.

    Raises:
        VenueError: the venue that these bars are said to be of does not answer.
    """
    async with database.transaction() as session:
        row = await session.get(CandleImport, import_id)
    if row is None or row.state not in _OPEN:
        return
    with tempfile.TemporaryDirectory(prefix="holdfast-import-") as place:
        path = Path(place) / "file"
        await _gather(database, import_id, path)
        try:
            await _import(database, clock, row, path, venues(row.source))
        except HoldfastError as refused:
            await _end(database, clock, import_id, FAILED, f"{refused.detail} {refused.advice}")


async def _import(
    database: Database, clock: Clock, row: CandleImport, path: Path, venue: HistoryVenue | None
) -> None:
    await _enter(database, clock, row.id, CHECKING)
    found = await asyncio.to_thread(importing.check, path, shown_name=row.file_name)
    async with database.transaction() as session:
        noted = await session.get_one(CandleImport, row.id)
        noted.rows = found.rows
        noted.problems = [{"row": one.row, "message": one.message} for one in found.problems[:MOST_PROBLEMS]]
    if found.problems:
        await _end(database, clock, row.id, FAILED, "Rows of this file cannot be read; nothing was imported.")
        return
    if venue is not None:
        await _compare(venue, row, found, clock)
    async with database.transaction() as session:
        one = await importing.begin(session, Target(row.source, row.symbol), found, None)
    await _enter(database, clock, row.id, WRITING)

    async def progress(session: AsyncSession, rows: int, part: Written) -> None:
        noted = await session.get_one(CandleImport, row.id, with_for_update=True)
        noted.rows_done, noted.updated_at = rows, clock.now()
        noted.new, noted.same = noted.new + part.new, noted.same + part.same
        noted.conflicting += part.conflicting

    await importing.write(
        database,
        one,
        path,
        found,
        origin=f"upload {row.file_name}"[:100],
        now=clock.now(),
        shown_name=row.file_name,
        done=row.rows_done,
        progress=progress,
    )
    await _end(database, clock, row.id, DONE, "")


async def _compare(venue: HistoryVenue, row: CandleImport, found: Found, clock: Clock) -> None:
    """Everybody here sees this history, so an upload has to be what the venue itself tells."""
    hours, whole = found.hours.told(MINUTE)
    try:
        wrong = await disagreement(venue, row.symbol, hours, whole, clock.now())
    except Rejected as refused:
        raise InvalidInput(
            f"{row.source} knows no {row.symbol}: {refused}", advice="Import it under another source."
        ) from refused
    if wrong:
        raise InvalidInput(
            f"This is not {row.source}:{row.symbol}: {wrong}.",
            advice="Check its symbol, market and clock, or import it under another source.",
        )


async def _gather(database: Database, import_id: UUID, path: Path) -> None:
    with path.open("wb") as file:
        part = 0
        while True:
            async with database.transaction() as session:
                kept = await session.get(CandleImportPart, (import_id, part))
            if kept is None:
                return
            await asyncio.to_thread(file.write, kept.content)
            part += 1


async def _enter(database: Database, clock: Clock, import_id: UUID, state: str) -> None:
    async with database.transaction() as session:
        row = await session.get_one(CandleImport, import_id)
        row.state, row.updated_at = state, clock.now()


async def _end(database: Database, clock: Clock, import_id: UUID, state: str, error: str) -> None:
    """Say how it ended, and forget the bytes."""
    async with database.transaction() as session:
        row = await session.get_one(CandleImport, import_id)
        row.state, row.error, row.updated_at = state, error.strip(), clock.now()
        await session.execute(delete(CandleImportPart).where(CandleImportPart.import_id == import_id))


async def tidy(session: AsyncSession, now: datetime) -> None:
    """Forget uploads that never came to an end, and what was imported long ago."""
    abandoned = (CandleImport.state == RECEIVING) & (CandleImport.created_at < now - ABANDONED)
    old = CandleImport.state.in_((DONE, FAILED)) & (CandleImport.updated_at < now - KEEP)
    await session.execute(delete(CandleImport).where(abandoned | old))


async def of_owner(session: AsyncSession, owner_id: UUID, limit: int) -> list[CandleImport]:
    rows = await session.scalars(
        select(CandleImport)
        .where(CandleImport.owner_id == owner_id)
        .order_by(CandleImport.created_at.desc(), CandleImport.id)
        .limit(limit)
    )
    return list(rows)
