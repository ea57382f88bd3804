"""One interface to every kind of series: stored bars of venues and imports here, others from rooms above."""

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.market.candles import repository, store
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.schemas import SymbolView


@dataclass(frozen=True, slots=True)
class Series:
    """What can be read. ``store_id`` and ``revision`` are of the store, ``None`` for what is computed."""

    source: str
    symbol: str
    base_seconds: int
    price_decimals: int
    volume_decimals: int
    first_time: int | None
    last_time: int | None
    store_id: int | None = None
    revision: int | None = None

    @property
    def name(self) -> str:
        return f"{self.source}:{self.symbol}"


class SeriesReader(Protocol):
    """All series of one source."""

    async def find(self, session: AsyncSession, symbol: str, viewer: UUID | None) -> Series | None:
        """``None`` if there is none, or none that this user (nobody, if ``None``) may see."""
        ...

    async def read(
        self, session: AsyncSession, series: Series, start: int, end: int, *, hours: bool = False
    ) -> Bars:
        """Bars that open in [start, end), oldest first; with ``hours`` resampled to hours, which their length
        must divide."""
        ...

    async def listed(self, session: AsyncSession, viewer: UUID | None) -> list[SymbolView]:
        """What this user can choose from."""
        ...


class StoredReader:
    """A source whose bars lie in the store."""

    def __init__(self, source: str) -> None:
        self._source = source

    async def find(self, session: AsyncSession, symbol: str, viewer: UUID | None) -> Series | None:  # noqa: ARG002
        one = await repository.series_of(session, self._source, symbol)
        return series_of_row(one) if one else None

    async def read(
        self, session: AsyncSession, series: Series, start: int, end: int, *, hours: bool = False
    ) -> Bars:
        assert series.store_id is not None
        read = store.read_hours if hours else store.read
        return await read(session, series.store_id, start, end)

    async def listed(self, session: AsyncSession, viewer: UUID | None) -> list[SymbolView]:  # noqa: ARG002
        return [
            SymbolView.of_stored(one)
            for one in await repository.all_series(session)
            if one.source == self._source
        ]


def series_of_row(one: CandleSeries) -> Series:
    return Series(
        one.source,
        one.symbol,
        one.base_seconds,
        one.price_decimals,
        one.volume_decimals,
        one.first_time,
        one.last_time,
        one.id,
        one.revision,
    )


LONGEST_NAME: Final = 60


def split_name(name: str) -> tuple[str, str]:
    """``source:symbol`` in two.

    Raises:
        InvalidInput: it has not this form.
    """
    source, colon, symbol = name.partition(":")
    if not colon or not source or not symbol or len(name) > LONGEST_NAME or not name.isprintable():
        raise InvalidInput(
            f"{name[:LONGEST_NAME]!r} names no series.", advice="Write source:symbol, as bybit:BTCUSDT."
        )
    return source, symbol


def no_series(name: str) -> NotFound:
    return NotFound(f"There are no bars of {name!r}.", advice="GET /api/symbols lists what there is.")
