"""What series are called: own data as its owner named it, an index as the catalogue does, else the symbol."""

from collections.abc import Collection
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts.datasets import repository as data
from holdfast.indices.candles import SOURCE as INDEX
from holdfast.portfolio.positions import index_name

DELETED: Final = "Your data"


async def names_of(session: AsyncSession, user_id: UUID, wanted: Collection[str]) -> dict[str, str]:
    """By series. Own data that was deleted keeps no name; its id would tell nobody anything."""
    own: dict[str, str] = {}
    if any(_is_own(series) for series in wanted):
        own = {
            each.series: each.name for each in await data.datasets(session, user_id) if each.kind == "bars"
        }
    return {series: own.get(series, DELETED) if _is_own(series) else _name(series) for series in wanted}


def _is_own(series: str) -> bool:
    return series.startswith(f"{data.SOURCE}:")


def _name(series: str) -> str:
    source, _, symbol = series.partition(":")
    return index_name(symbol) if source == INDEX else symbol
