"""Own bars as a source of charts: their owner's, once all of a file is written."""

from uuid import UUID

from sqlalchemy import String, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.charts.datasets.models import Dataset
from holdfast.charts.datasets.repository import SOURCE
from holdfast.charts.datasets.service import READY
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.readers import Series, StoredReader, series_of_row
from holdfast.market.candles.schemas import SymbolView


class OwnReader(StoredReader):
    """``own:<dataset id>``."""

    def __init__(self) -> None:
        super().__init__(SOURCE)

    async def find(self, session: AsyncSession, symbol: str, viewer: UUID | None) -> Series | None:
        if viewer is None:
            return None
        rows = await self._stored(session, viewer, symbol)
        return series_of_row(rows[0][1]) if rows else None

    async def listed(self, session: AsyncSession, viewer: UUID | None) -> list[SymbolView]:
        if viewer is None:
            return []
        return [
            SymbolView(
                series=dataset.series,
                source=SOURCE,
                symbol=stored.symbol,
                name=dataset.name,
                base=dataset.name,
                quote="",
                kind="own",
                price_decimals=stored.price_decimals,
            )
            for dataset, stored in await self._stored(session, viewer)
        ]

    async def _stored(
        self, session: AsyncSession, viewer: UUID, symbol: str | None = None
    ) -> list[tuple[Dataset, CandleSeries]]:
        query = (
            select(Dataset, CandleSeries)
            .join(CandleSeries, CandleSeries.symbol == func.lower(cast(Dataset.id, String)))
            .where(CandleSeries.source == SOURCE, Dataset.user_id == viewer, Dataset.state == READY)
            .execution_options(populate_existing=True)
        )
        if symbol is not None:
            query = query.where(CandleSeries.symbol == symbol)
        return list((await session.execute(query)).tuples())
