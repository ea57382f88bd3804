"""Two signed-in users at the API's door, one of them with a ledger."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from tests.charts.conftest import Headers, add_user, key, owner, sign_in, stranger, user_id
from tests.portfolio.people import add_connection, add_sleeve
from tests.portfolio.story import Book

from holdfast.market.quotes import LiveQuote
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database

__all__ = ["add_user", "key", "owner", "sign_in", "stranger", "user_id"]

Key = Callable[[], Headers]


@dataclass
class Trader:
    """The owner with an account: what happens on it is written into the real ledger."""

    app: FastAPI
    database: Database
    client: httpx2.AsyncClient
    headers: Headers
    user_id: UUID
    connection_id: UUID
    key: Key

    def book(self) -> Book:
        return Book(self)  # type: ignore[arg-type]

    async def sleeve(self, *, state: str = "active", index_id: str = "btc-d") -> UUID:
        async with self.database.transaction() as session:
            return await add_sleeve(session, self.user_id, self.connection_id, state=state, index_id=index_id)

    def mark(self, symbol: str, price: str) -> None:
        value = Decimal(price)
        now = SystemClock().now()
        self.app.state.quotes.put(
            LiveQuote(symbol, value, value, value, value, value, value, value, Decimal(0), now)
        )

    async def write(self, **entry: object) -> httpx2.Response:
        body = {"title": "A note", "happened_at": "2026-03-01T12:00:00Z"} | entry
        return await self.client.post("/api/journal/entries", json=body, headers=self.headers | self.key())

    async def get(self, path: str, **params: object) -> httpx2.Response:
        return await self.client.get(f"/api{path}", params=params, headers=self.headers)  # type: ignore[arg-type]


@pytest.fixture
async def trader(
    app: FastAPI,
    client: httpx2.AsyncClient,
    database: Database,
    owner: Headers,
    user_id: UUID,
    key: Key,
) -> Trader:
    async with database.transaction() as session:
        connection_id = await add_connection(session, user_id)
    return Trader(app, database, client, owner, user_id, connection_id, key)
