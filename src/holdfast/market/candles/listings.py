"""What a chart can show, found by a few letters."""

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import InstrumentKind, InstrumentStatus
from holdfast.market.candles import repository
from holdfast.market.candles.readers import SeriesReader
from holdfast.market.candles.schemas import SymbolView
from holdfast.market.instruments import InstrumentBook

KINDS: Final = {"binance": InstrumentKind.SPOT, "bybit": InstrumentKind.LINEAR}
"""What is charted of each venue."""
RESERVED: Final = frozenset({"index", "own"})
"""Sources that no file can be imported into."""

Turnover = Callable[[str, str], Decimal | None]
"""Source and symbol → quote coin traded in the last 24 hours, if it is known."""


def instrument_books() -> dict[str, InstrumentBook]:
    """What the venues list, to be kept for the life of a process."""
    return {venue: InstrumentBook(venue=venue, kind=kind) for venue, kind in KINDS.items()}


async def listed(
    session: AsyncSession,
    books: Mapping[str, InstrumentBook],
    readers: Mapping[str, SeriesReader],
    turnover: Turnover,
    viewer: UUID | None,
) -> list[SymbolView]:
    """Everything this viewer can choose from: the venues' instruments, other rooms' series, imported ones."""
    found: list[SymbolView] = []
    for venue, book in books.items():
        await book.refresh(session)
        found += [
            SymbolView.of_instrument(venue, one, turnover(venue, one.symbol))
            for one in book.all()
            if one.status is not InstrumentStatus.CLOSED
        ]
    for reader in readers.values():
        found += await reader.listed(session, viewer)
    known = {one.series for one in found}
    stored = [one for one in await repository.all_series(session) if one.source not in RESERVED]
    return found + [view for view in map(SymbolView.of_stored, stored) if view.series not in known]


async def own(session: AsyncSession, readers: Mapping[str, SeriesReader], viewer: UUID) -> list[SymbolView]:
    """What this viewer can choose from and others cannot."""
    found: list[SymbolView] = []
    for reader in readers.values():
        public = {one.series for one in await reader.listed(session, None)}
        found += [one for one in await reader.listed(session, viewer) if one.series not in public]
    return found


def ranked(symbols: Sequence[SymbolView], query: str, limit: int) -> list[SymbolView]:
    """Those that match, best first: the whole symbol or coin, then its beginning, then anywhere, then in the
    name; among equals the most traded."""
    wanted = query.strip().casefold()
    scored = [(rank, one) for one in symbols if (rank := _rank(one, wanted)) is not None]
    scored.sort(key=lambda pair: (pair[0], -(pair[1].volume_24h or 0), pair[1].series))
    return [one for _, one in scored[:limit]]


def _rank(one: SymbolView, wanted: str) -> int | None:
    symbol, base = one.symbol.casefold(), one.base.casefold()
    if wanted in (symbol, one.series.casefold()):
        return 0
    if wanted == base or not wanted:
        return 1
    if symbol.startswith(wanted):
        return 2
    if wanted in symbol:
        return 3
    return 4 if wanted in one.name.casefold() else None
