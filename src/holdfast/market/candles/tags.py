"""A series, with what is known of it, as the tag of answers made of it."""

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.market.candles.models import CandleSeries
from holdfast.platform.cache import touch


def tag_of(source: str, symbol: str) -> str:
    return f"series:{source}:{symbol}"


async def changed(session: AsyncSession, one: CandleSeries) -> None:
    """Pages of the series that end before the present are not what they were."""
    one.revision += 1
    await touch(session, tag_of(one.source, one.symbol))
