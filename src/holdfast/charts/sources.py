"""Everything that bars come from: venues, what is stored, indices, own data."""

from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis

from holdfast.charts.datasets.reader import OwnReader
from holdfast.charts.datasets.repository import SOURCE as OWN
from holdfast.core.time import Clock
from holdfast.indices.candles import SOURCE as INDEX
from holdfast.indices.candles import IndexReader
from holdfast.market.candles import feeds
from holdfast.market.candles.readers import SeriesReader
from holdfast.market.candles.service import Candles
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.venues.protocol import HistoryVenue

READERS: Final[Mapping[str, SeriesReader]] = {INDEX: IndexReader(), OWN: OwnReader()}
"""Sources whose bars come from elsewhere than venues and imports."""


def open_venues(settings: Settings, redis: Redis, clock: Clock) -> dict[str, HistoryVenue]:
    """Every venue that can be asked, by its name. Close them when done."""
    return {name: opener(settings, redis, clock) for name, opener in feeds.OPENERS.items()}


def open_candles(database: Database, clock: Clock, venues: Mapping[str, HistoryVenue]) -> Candles:
    """Bars of every source. Without a venue, what is stored of it is all there is."""
    return Candles(database, clock, venues, READERS)
