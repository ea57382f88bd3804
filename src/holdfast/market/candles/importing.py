"""A file into a series: first all of it is checked, then it is written, block by block.

Each block is one transaction, and writing is idempotent: an import that was broken off goes on, and one that
is done again changes nothing.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import numpy as np
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, DoesNotFit
from holdfast.core.errors import Conflict, InvalidInput
from holdfast.core.timeframes import DAY, MINUTE, timeframe_of
from holdfast.market.candles import archive, coverage, feeds, repository, store
from holdfast.market.candles.comparison import Hours
from holdfast.market.candles.gaps import reason_for
from holdfast.market.candles.listings import RESERVED
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.parsing import Bounds, Parser, Problem
from holdfast.market.candles.store import Written
from holdfast.platform.database import Database

_SOURCE: Final = re.compile(r"[a-z0-9-]{1,20}")
_SYMBOL: Final = re.compile(r"[A-Za-z0-9._-]{1,40}")


@dataclass(slots=True)
class Found:
    """What a file holds. ``step``: seconds of a bar, ``None`` if there are too few to tell. ``complete``:
    what is missing between its first and last bar was never there. ``grid``: every bar opens at a multiple of
    so many seconds since 1970. ``wrong``: how many rows cannot be read, ``problems`` the first of them."""

    rows: int = 0
    first: int | None = None
    last: int | None = None
    step: int | None = None
    grid: int = 0
    layouts: set[str] = field(default_factory=set)
    complete: bool = True
    price_decimals: int = 0
    volume_decimals: int = 0
    problems: list[Problem] = field(default_factory=list)
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Target:
    source: str
    symbol: str

    def __post_init__(self) -> None:
        if (
            self.source in RESERVED
            or not _SOURCE.fullmatch(self.source)
            or not _SYMBOL.fullmatch(self.symbol)
        ):
            raise InvalidInput(
                f"Nothing can be imported as {self.source[:40]}:{self.symbol[:60]}.",
                advice="Write source:symbol, as binance:BTCUSDT; index and own are not for imports.",
            )


Progress = Callable[[AsyncSession, int, Written], Awaitable[None]]
"""Told within the transaction of every block: rows written so far, and what came of those of this block."""


def check(
    path: Path,
    *,
    shown_name: str = "",
    utc_offset: timedelta | None = None,
    bounds: Bounds | None = None,
    most_rows: int | None = None,
    hours: Hours | None = None,
) -> Found:
    """Read all of the file without writing anything. ``hours`` takes the bars, to be compared.

    Raises:
        InvalidInput: it holds no bars of a known layout, or more than ``most_rows``.
        DoesNotFit: ``hours`` cannot be made of its numbers.
    """
    found, bounds = Found(), bounds or Bounds()
    for member in archive.members(path, shown_name):
        left = replace(
            bounds,
            most_told=max(bounds.most_told - len(found.problems), 0),
            most_counted=bounds.most_counted - found.wrong,
        )
        parser = Parser(member.name, utc_offset=utc_offset, bounds=left)
        for block in parser.blocks(archive.content(member)):
            found.problems += [
                Problem(one.row, f"{member.name}: {one.message}" if member.place else one.message)
                for one in block.problems
            ]
            found.wrong += block.wrong
            _note(found, block.bars, member.name)
            if hours is not None and not found.wrong:
                hours.take(block.bars)
            if most_rows is not None and found.rows > most_rows:
                raise _too_many(most_rows)
        if parser.layout is not None:
            found.layouts.add(parser.layout.name)
            found.complete &= parser.layout.complete
            _note_step(found, parser.layout.step, member.name)
        if found.wrong >= bounds.most_counted:
            break
    if not found.rows and not found.wrong:
        raise InvalidInput(
            f"{shown_name or path.name} holds no bars.", advice="Check that this is the right file."
        )
    return found


def _note(found: Found, bars: Bars, name: str) -> None:
    if not len(bars):
        return
    if found.last is not None and int(bars.time[0]) <= found.last:
        _refuse(found, f"{name}: begins before the file before it ends")
        return
    joined = np.concatenate((np.array([found.last] if found.last is not None else [], np.int64), bars.time))
    if len(joined) > 1:
        smallest = int(np.diff(joined).min())
        found.step = smallest if found.step is None else min(found.step, smallest)
    found.grid = int(np.gcd(found.grid, np.gcd.reduce(bars.time)))
    found.rows += len(bars)
    found.first = int(bars.time[0]) if found.first is None else found.first
    found.last = int(bars.time[-1])
    found.price_decimals = max(found.price_decimals, bars.price_decimals)
    found.volume_decimals = max(found.volume_decimals, bars.volume_decimals)


def _refuse(found: Found, message: str) -> None:
    found.problems.append(Problem(1, message))
    found.wrong += 1


def _too_many(most: int) -> InvalidInput:
    return InvalidInput(f"The file holds more than {most:,} rows.", advice="Split it, or use longer bars.")


def _note_step(found: Found, told: int | None, name: str) -> None:
    """The name of an archive is worth more than the gaps between its bars."""
    if told is None:
        return
    if found.step is not None and found.step % told:
        _refuse(found, f"{name}: bars are closer together than its name says")
    found.step = told


async def begin(session: AsyncSession, target: Target, found: Found, step: int | None) -> CandleSeries:
    """The series the file goes into, made if need be.

    Raises:
        InvalidInput: nobody can tell how long its bars are, or no chart shows such.
        Conflict: the series has bars of another length.
    """
    length = length_of(found, step)
    if target.source in feeds.OPENERS and length != MINUTE:
        raise Conflict(
            f"Of {target.source} minutes are kept, and these bars are of {length} s.",
            advice="Import them under another source.",
        )
    one = await store.series(
        session,
        target.source,
        target.symbol,
        base_seconds=length,
        price_decimals=found.price_decimals,
        volume_decimals=found.volume_decimals,
    )
    if one.base_seconds != length:
        raise Conflict(
            f"{target.source}:{target.symbol} has bars of {one.base_seconds} s, and these are of {length} s.",
            advice="Import them under another source or symbol.",
        )
    return one


def length_of(found: Found, step: int | None = None) -> int:
    """The seconds of a bar: ``step`` if it is told, or else what the file shows.

    Raises:
        InvalidInput: nobody can tell how long its bars are, or no chart shows such.
    """
    length = step or found.step
    if length is None or timeframe_of(length) is None or length > DAY:
        told = "cannot be told" if length is None else f"are {length} s apart"
        raise InvalidInput(
            f"How long the bars of this file are {told}." if length is None else f"Its bars {told}.",
            advice="Name the timeframe, from 1m to 1d.",
        )
    if found.grid % length:
        raise InvalidInput(
            f"The bars of this file do not all open at whole multiples of {length} s, UTC.",
            advice="Check the clock of the file, and its timeframe.",
        )
    return length


async def write(
    database: Database,
    one: CandleSeries,
    path: Path,
    found: Found,
    *,
    origin: str,
    now: datetime,
    shown_name: str = "",
    utc_offset: timedelta | None = None,
    done: int = 0,
    progress: Progress | None = None,
) -> Written:
    """Write the checked file, leaving out the first ``done`` rows, which are written already.

    What comes of it is returned, for the rows of this run.

    Raises:
        InvalidInput: the bars cannot lie on the grid of the series, or their numbers are too large for it.
    """
    written, rows = Written(), 0
    await _widen(database, one, found)
    for member in archive.members(path, shown_name):
        blocks = Parser(member.name, utc_offset=utc_offset).blocks(archive.content(member))
        while (block := await asyncio.to_thread(next, blocks, None)) is not None:
            rows += len(block.bars)
            if rows <= done or not len(block.bars):
                continue
            async with database.transaction() as session:
                part = await _write_block(session, one, block.bars, member.name, origin, now)
                if progress is not None:
                    await progress(session, rows, part)
            written += part
    if found.complete and found.first is not None and found.last is not None:
        async with database.transaction() as session:
            await repository.locked(session, one.id)
            end = found.last + one.base_seconds
            await coverage.explain(session, one.id, found.first, end, reason_for(one.source))
    return written


async def _widen(database: Database, one: CandleSeries, found: Found) -> None:
    try:
        async with database.transaction() as session:
            await store.hold(session, one.id, found.price_decimals, found.volume_decimals)
    except DoesNotFit as error:
        raise InvalidInput(
            f"The numbers of this file are too large for as many decimals as there are: {error}.",
            advice="The largest number and the smallest share one scale: use fewer decimals.",
        ) from error


async def _write_block(
    session: AsyncSession, one: CandleSeries, bars: Bars, name: str, origin: str, now: datetime
) -> Written:
    try:
        return await store.write(session, one.id, bars, origin=origin, now=now)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}.", advice="Check its timeframe and its numbers.") from error
