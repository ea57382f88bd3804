"""Puts the rooms behind a chart together: whose bars are read where, and who is looking."""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from holdfast.accounts.access import current_caller, user_from_token
from holdfast.charts.datasets.reader import OwnReader
from holdfast.charts.datasets.repository import SOURCE as OWN
from holdfast.core.errors import NotSignedIn
from holdfast.core.time import Clock
from holdfast.indices.candles import SOURCE as INDEX
from holdfast.indices.candles import IndexReader
from holdfast.market.candles import feeds
from holdfast.market.candles.readers import SeriesReader
from holdfast.market.candles.service import Candles
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.web import database_of
from holdfast.venues.protocol import HistoryVenue

READERS: Final[Mapping[str, SeriesReader]] = {INDEX: IndexReader(), OWN: OwnReader()}
"""Sources whose bars come from elsewhere than venues and imports."""


def open_venues(settings: Settings, redis: Redis, clock: Clock) -> dict[str, HistoryVenue]:
    return {name: opener(settings, redis, clock) for name, opener in feeds.OPENERS.items()}


def open_candles(database: Database, clock: Clock, venues: Mapping[str, HistoryVenue]) -> Candles:
    return Candles(database, clock, venues, READERS)


async def viewer(connection: HTTPConnection) -> UUID | None:
    """The user whose access token came along; nobody if it is not valid any more."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        async with database_of(connection).transaction() as session:
            return (await user_from_token(connection, session, token.strip())).user.id
    except NotSignedIn:
        return None


async def remember_user(connection: HTTPConnection) -> None:
    """For rooms below the accounts: who is asking, as ``state.user_id``; 401 if nobody is signed in.

    Looked up in a transaction of its own: an upload may take half an hour, and must not hold a connection to
    the database for so long.
    """
    async with database_of(connection).transaction() as session:
        connection.state.user_id = (await current_caller(connection, session)).user.id
