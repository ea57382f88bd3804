"""Levels as bars, so that an index is charted as anything else is: made of the live levels where the feed has
stored such bars, of the recorded levels, one a minute, elsewhere."""

from typing import Final
from uuid import UUID

import numpy as np
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.bars import Bars, same_scale
from holdfast.core.timeframes import HOUR, MINUTE
from holdfast.indices.catalogue import DEFINITIONS
from holdfast.market.candles import repository, store
from holdfast.market.candles.merging import interleaved
from holdfast.market.candles.readers import Series
from holdfast.market.candles.schemas import SymbolView

SOURCE: Final = "index"
DECIMALS: Final = 8
_SHOWN: Final = {"%": 2, "ratio": 5, "points": 2}

_BARS: Final = text(
    """SELECT CAST(floor(extract(epoch FROM at) / CAST(:step AS int)) AS bigint) * CAST(:step AS int) AS time,
              (array_agg(level ORDER BY at))[1] AS open, max(level) AS high, min(level) AS low,
              (array_agg(level ORDER BY at DESC))[1] AS close
         FROM index_levels
        WHERE index_id = :index AND at >= to_timestamp(:start) AND at < to_timestamp(:until)
        GROUP BY 1 ORDER BY 1"""
)
_EDGES: Final = text(
    """SELECT CAST(extract(epoch FROM min(at)) AS bigint), CAST(extract(epoch FROM max(at)) AS bigint)
         FROM index_levels WHERE index_id = :index"""
)


class IndexReader:
    """Bars of recorded levels; the volume of an index is 0."""

    async def find(self, session: AsyncSession, symbol: str, viewer: UUID | None) -> Series | None:  # noqa: ARG002
        if symbol not in DEFINITIONS:
            return None
        first, last = (await session.execute(_EDGES, {"index": symbol})).one()
        return Series(SOURCE, symbol, MINUTE, DECIMALS, 0, first, last)

    async def read(
        self, session: AsyncSession, series: Series, start: int, end: int, *, hours: bool = False
    ) -> Bars:
        recorded = await self._recorded(session, series, start, end, step=HOUR if hours else MINUTE)
        stored = await repository.series_of(session, SOURCE, series.symbol)
        if stored is None:
            return recorded
        read = store.read_hours if hours else store.read
        live = await read(session, stored.id, start, end)
        rest = recorded.take(~np.isin(recorded.time, live.time))
        return interleaved(*same_scale([rest, live]))

    async def _recorded(
        self, session: AsyncSession, series: Series, start: int, end: int, *, step: int
    ) -> Bars:
        rows = await session.execute(
            _BARS, {"step": step, "index": series.symbol, "start": start, "until": end}
        )
        table = [tuple(row) for row in rows]
        if not table:
            return Bars.empty(DECIMALS, 0)
        time, *levels = (np.array(column) for column in zip(*table, strict=True))
        opened, high, low, close = (np.rint(level * 10**DECIMALS).astype(np.int64) for level in levels)
        return Bars(time, opened, high, low, close, np.zeros(len(time), np.int64), DECIMALS, 0)

    async def listed(self, session: AsyncSession, viewer: UUID | None) -> list[SymbolView]:  # noqa: ARG002
        return [
            SymbolView(
                series=f"{SOURCE}:{one.id}",
                source=SOURCE,
                symbol=one.id,
                name=f"{one.name} ({one.symbol})",
                base=one.symbol,
                quote=one.unit,
                kind="index",
                price_decimals=_SHOWN[one.unit],
            )
            for one in DEFINITIONS.values()
        ]
