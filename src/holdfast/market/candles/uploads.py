"""Uploaded files: taken in piece by piece, kept in the database until a worker has imported them."""

import asyncio
import hashlib
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import DoesNotFit
from holdfast.core.errors import Conflict, HoldfastError, InvalidInput, NotFound, TooManyRequests
from holdfast.core.identity import new_id
from holdfast.core.time import Clock, utc_minute
from holdfast.core.timeframes import HOUR, MINUTE
from holdfast.market.candles import importing, repository
from holdfast.market.candles.comparison import Hours, disagreement
from holdfast.market.candles.importing import Found, Target
from holdfast.market.candles.models import CandleImport, CandleImportPart
from holdfast.market.candles.parsing import MOST_PROBLEMS
from holdfast.market.candles.store import Written
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.venues.protocol import HistoryVenue, Rejected, VenueError

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
MOST_FILES: Final = 100
MOST_ROWS: Final = 20_000_000
MOST_BYTES_TOGETHER: Final = 2 * 1024**3
"""Of one user within ``KEEP``, as the two before it."""
MOST_ROWS_OF_ONE: Final = 5_000_000
ABANDONED: Final = timedelta(hours=1)
KEEP: Final = timedelta(days=30)
_PART_BYTES: Final = 1024 * 1024
_OPEN: Final = (RECEIVING, WAITING, CHECKING, WRITING)
_REMOVABLE: Final = (WAITING, CHECKING, FAILED)
"""Unless a worker has written some of it before."""
_ENOUGH: Final = "Wait until your oldest are 30 days old, or ask whoever runs Holdfast to import it."


class Removed(Exception):
    """Its owner has removed the import meanwhile."""


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
        Conflict: this user has imported enough lately.
        InvalidInput: the file is empty or too large, or does not come any more.
    """
    made = new_id()
    async with database.transaction() as session:
        await _lock_owner(session, owner_id)
        await _check_open(session, owner_id)
        await _check_quota(session, owner_id)
        session.add(_new(made, owner_id, target, file_name, clock.now()))
    try:
        size, sha256 = await _keep_in_time(database, made, stream)
        await _hand_over(database, clock, made, size, sha256)
    except BaseException:
        await _forget(database, made)
        raise
    return made


async def _keep_in_time(database: Database, import_id: UUID, stream: AsyncIterator[bytes]) -> tuple[int, str]:
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            return await _keep(database, import_id, stream)
    except TimeoutError:
        raise InvalidInput("The upload takes too long.", advice="Pack it, or split it.") from None


async def _hand_over(database: Database, clock: Clock, import_id: UUID, size: int, sha256: str) -> None:
    """Have it imported, unless it is too much together with what else came from this user meanwhile."""
    async with database.transaction() as session:
        row = await session.get_one(CandleImport, import_id)
        await _lock_owner(session, row.owner_id)
        _, used, _ = await _used(session, row.owner_id)
        if used + size > MOST_BYTES_TOGETHER:
            raise Conflict(
                f"With this file you would import over {MOST_BYTES_TOGETHER // 1024**2:,} MiB in 30 days.",
                advice=_ENOUGH,
            )
        row.size, row.sha256, row.state, row.updated_at = size, sha256, WAITING, clock.now()
        await enqueue(session, JOB, str(import_id), now=clock.now())


async def _forget(database: Database, import_id: UUID) -> None:
    """What was handed over stays."""
    unfinished = (CandleImport.id == import_id) & (CandleImport.state == RECEIVING)
    async with database.transaction() as session:
        await session.execute(delete(CandleImport).where(unfinished))


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


async def _lock_owner(session: AsyncSession, owner_id: UUID) -> None:
    """One at a time is counted, so that two together do not pass what this user may import."""
    name = f"imports:{owner_id}"
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


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


async def _check_quota(session: AsyncSession, owner_id: UUID) -> None:
    files, size, rows = await _used(session, owner_id)
    if files >= MOST_FILES or size >= MOST_BYTES_TOGETHER or rows >= MOST_ROWS:
        raise Conflict(
            f"You have imported {files} files with {rows:,} rows in 30 days, which is enough.", advice=_ENOUGH
        )


async def _used(session: AsyncSession, owner_id: UUID) -> tuple[int, int, int]:
    """Files and bytes of this user's imports, and rows of those that are written or being written. Those that
    failed before anything was written hold nothing."""
    begun = CandleImport.state.in_((WRITING, DONE)) | (CandleImport.rows_done > 0)
    found = await session.execute(
        select(
            func.count(),
            func.coalesce(func.sum(CandleImport.size), 0),
            func.coalesce(func.sum(CandleImport.rows).filter(begun), 0),
        ).where(CandleImport.owner_id == owner_id, begun | (CandleImport.state != FAILED))
    )
    files, size, rows = found.one()
    return int(files), int(size), int(rows)


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
    with tempfile.TemporaryDirectory(prefix="holdfast-import-") as place, suppress(Removed):
        path = Path(place) / "file"
        await _gather(database, import_id, path)
        try:
            await _import(database, clock, row, path, venues(row.source))
        except HoldfastError as refused:
            await end(database, clock, import_id, FAILED, f"{refused.detail} {refused.advice}")
        except VenueError:
            await _enter(database, clock, import_id, WAITING)
            raise


async def _import(
    database: Database, clock: Clock, row: CandleImport, path: Path, venue: HistoryVenue | None
) -> None:
    await _enter(database, clock, row.id, WRITING if row.rows_done else CHECKING)
    async with database.transaction() as session:
        known = await repository.series_of(session, row.source, row.symbol)
    scale = (known.price_decimals, known.volume_decimals) if known else (0, 0)
    found = await _checked(row, path, venue, scale, clock)
    async with database.transaction() as session:
        noted = await _locked(session, row.id)
        noted.rows = found.rows
        noted.problems = [{"row": one.row, "message": one.message} for one in found.problems[:MOST_PROBLEMS]]
    if found.problems:
        await end(database, clock, row.id, FAILED, "Rows of this file cannot be read; nothing was imported.")
        return
    async with database.transaction() as session:
        one = await importing.begin(session, Target(row.source, row.symbol), found, None)
    await _begin_writing(database, clock, row)

    async def progress(session: AsyncSession, rows: int, part: Written) -> None:
        noted = await _locked(session, row.id)
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
    await end(database, clock, row.id, DONE, "")


async def _checked(
    row: CandleImport, path: Path, venue: HistoryVenue | None, scale: tuple[int, int], clock: Clock
) -> Found:
    """What the file holds; if it is a venue's, that is what the venue itself tells, and what it leaves out
    says nothing. The venue was asked before the first row was written, and is not asked again."""
    hours = Hours() if venue is not None and not row.rows_done else None
    try:
        found = await asyncio.to_thread(
            importing.check, path, shown_name=row.file_name, most_rows=MOST_ROWS_OF_ONE, hours=hours
        )
        if venue is not None and hours is not None and not found.problems:
            await _compare(venue, row, found, hours, clock, scale)
        found.complete &= venue is None
    except DoesNotFit as error:
        raise InvalidInput(
            f"The numbers of this file cannot be those of {row.source}: {error}.", advice="Check the file."
        ) from error
    return found


async def _compare(
    venue: HistoryVenue, row: CandleImport, found: Found, bars: Hours, clock: Clock, scale: tuple[int, int]
) -> None:
    """Everybody here sees this history, so nobody's word is taken for what is in the file."""
    hours, whole = bars.told(MINUTE)
    over = int(clock.now().timestamp()) // HOUR * HOUR
    if found.last is not None and found.last >= over:
        raise InvalidInput(
            f"The hour of {utc_minute(over)} is not over, so its bars cannot be compared with the venue's.",
            advice="Leave out what opens from then on.",
        )
    try:
        wrong = await disagreement(venue, row.symbol, hours, whole, clock.now(), scale=scale)
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


async def _begin_writing(database: Database, clock: Clock, row: CandleImport) -> None:
    async with database.transaction() as session:
        await _lock_owner(session, row.owner_id)
        noted = await _locked(session, row.id)
        noted.state, noted.updated_at = WRITING, clock.now()
        await session.flush()
        _, _, rows = await _used(session, row.owner_id)
        if rows > MOST_ROWS and not noted.rows_done:
            raise Conflict(
                f"With these {noted.rows:,} rows you would import more than {MOST_ROWS:,} in 30 days.",
                advice=_ENOUGH,
            )


async def _locked(session: AsyncSession, import_id: UUID) -> CandleImport:
    """To be changed by nobody else. Raises ``Removed``."""
    row = await session.get(CandleImport, import_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise Removed(str(import_id))
    return row


async def _enter(database: Database, clock: Clock, import_id: UUID, state: str) -> None:
    async with database.transaction() as session:
        row = await _locked(session, import_id)
        row.state, row.updated_at = state, clock.now()


async def end(database: Database, clock: Clock, import_id: UUID, state: str, error: str) -> None:
    """Say how it ended, and forget the bytes. What was removed meanwhile stays so."""
    async with database.transaction() as session:
        row = await session.get(CandleImport, import_id, with_for_update=True, populate_existing=True)
        if row is None:
            return
        if row.rows_done and state == FAILED:
            error = f"{error.strip()} {row.rows_done:,} rows of it are imported and stay."
        row.state, row.error, row.updated_at = state, error.strip(), clock.now()
        await session.execute(delete(CandleImportPart).where(CandleImportPart.import_id == import_id))


async def tidy(session: AsyncSession, now: datetime) -> None:
    """Forget uploads that never came to an end, and what was imported long ago."""
    abandoned = (CandleImport.state == RECEIVING) & (CandleImport.created_at < now - ABANDONED)
    old = CandleImport.state.in_((DONE, FAILED)) & (CandleImport.updated_at < now - KEEP)
    await session.execute(delete(CandleImport).where(abandoned | old))


async def remove(session: AsyncSession, owner_id: UUID, import_id: UUID) -> None:
    """Forget an import of which nothing is written: one that waits, is checked or has failed.

    Raises:
        NotFound: it is not this user's.
        Conflict: it is being received or written, some of it is written, or all.
    """
    row = await owned(session, owner_id, import_id, lock=True)
    if row.rows_done:
        raise Conflict(
            "This import is done." if row.state == DONE else "A part of this file is imported.",
            advice="What is imported stays; the entry goes by itself after 30 days.",
        )
    if row.state not in _REMOVABLE:
        raise Conflict("This import is under way.", advice="Try again when it waits, or has ended.")
    await session.delete(row)


async def owned(
    session: AsyncSession, owner_id: UUID, import_id: UUID, *, lock: bool = False
) -> CandleImport:
    """Raises ``NotFound``, also for somebody else's."""
    row = await session.get(CandleImport, import_id, with_for_update=lock or None)
    if row is None or row.owner_id != owner_id:
        raise NotFound("There is no such import.", advice="GET /api/data/imports lists yours.")
    return row


async def of_owner(session: AsyncSession, owner_id: UUID, limit: int) -> list[CandleImport]:
    rows = await session.scalars(
        select(CandleImport)
        .where(CandleImport.owner_id == owner_id)
        .order_by(CandleImport.created_at.desc(), CandleImport.id)
        .limit(limit)
    )
    return list(rows)
