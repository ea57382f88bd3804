"""The portfolio's routes in front of a real database, with a market of the test's own making."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI, Header

from holdfast.accounts.access import current_user
from holdfast.accounts.models import User
from holdfast.core.instruments import Instrument
from holdfast.core.targets import Target, TargetSet
from holdfast.indices.catalogue import definition_of
from holdfast.indices.schemas import LevelTick, MinimumSize
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.web import SessionDep, install_problem_handlers
from holdfast.portfolio.routes import router
from holdfast.venues.protocol import Book, PriceLimit

from .markets import instrument, market
from .people import NOW, add_connection, add_user, balance
from .simulated import house, simulator

__all__ = ["house", "simulator"]

GRIDS = {
    "BTCUSDT": ("0.1", "0.001", 1_000_000),
    "ETHUSDT": ("0.01", "0.01", 400_000),
    "SOLUSDT": ("0.01", "0.1", 20_000),
}
WEIGHTS = {"BTCUSDT": 0.4, "ETHUSDT": -0.25, "SOLUSDT": -0.15}


@dataclass
class ManualClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment


class Indices:
    """What the index board answers, set by the test."""

    def __init__(self) -> None:
        self.stale_reason = ""
        self.weights = dict(WEIGHTS)
        self.least: MinimumSize | None = MinimumSize(
            size=Decimal(270), full_size=Decimal(270), reason="Bitcoin decides."
        )

    def targets(self, index_id: str, now: datetime) -> TargetSet:
        definition_of(index_id)
        prices = {symbol: tick_price(symbol) for symbol in self.weights}
        found = tuple(
            Target(s.removesuffix("USDT").lower(), s, weight, float(prices[s]))
            for s, weight in self.weights.items()
        )
        return TargetSet(index_id, "1/2026-03-01", now, 58.0, found, self.stale_reason)

    def level(self, index_id: str, now: datetime) -> LevelTick:
        return LevelTick(
            index_id=index_id, level=58.0, change_24h=None, as_of=now, stale_reason="", members={}
        )

    def minimum(self, index_id: str) -> MinimumSize | None:
        return self.least

    def asset(self, asset_id: str) -> tuple[str, str]:
        return f"Coin {asset_id}", asset_id.upper()


def tick_price(symbol: str) -> Decimal:
    tick, _, ticks = GRIDS[symbol]
    return Decimal(tick) * ticks


class Venue:
    """Public order books; ``fails`` is raised instead by symbol ("" for all). ``closed`` have just closed."""

    def __init__(self, clock: ManualClock, instruments: InstrumentBook) -> None:
        self._clock = clock
        self._instruments = instruments
        self.closed: set[str] = set()
        self.fails: dict[str, Exception] = {}
        self.depth = "1000000000"
        self.asked: list[str] = []

    async def book(self, symbol: str, *, depth: int = 50) -> Book:
        self.asked.append(symbol)
        failure = self.fails.get(symbol) or self.fails.get("")
        if failure:
            raise failure
        tick, lot, ticks = GRIDS[symbol]
        of = market(instrument(symbol, tick=tick, lot=lot), ticks, depth=self.depth)
        return Book(symbol, of.bids, of.asks, self._clock.now())

    async def instrument(self, symbol: str) -> Instrument | None:
        return None if symbol in self.closed else self._instruments.get(symbol)

    async def price_limit(self, symbol: str) -> PriceLimit:
        middle = tick_price(symbol)
        return PriceLimit(symbol, middle * Decimal("1.05"), middle * Decimal("0.95"))


@dataclass
class Desk:
    """Everything a test turns and looks at."""

    app: FastAPI
    http: httpx2.AsyncClient
    database: Database
    clock: ManualClock
    indices: Indices
    venue: Venue
    instruments: InstrumentBook
    quotes: QuoteBoard
    user_id: UUID
    connection_id: UUID
    headers: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **params: Any) -> httpx2.Response:
        return await self.http.get(f"/api{path}", params=params, headers=self.headers)

    async def post(self, path: str, body: Any) -> httpx2.Response:
        return await self.http.post(f"/api{path}", json=body, headers=self.headers)

    async def preview(self, **changes: Any) -> httpx2.Response:
        body = {
            "connection_id": str(self.connection_id),
            "index_id": "btc-d",
            "direction": "long",
            "size": "10000",
        }
        return await self.post("/previews", {"kind": "open", **body, **changes})

    def list_as(self, symbol: str, **changes: Any) -> None:
        """Change what the venue says of one instrument."""
        self.instruments.replace(
            [replace(i, **changes) if i.symbol == symbol else i for i in self.instruments.all()]
        )

    def mark(self, symbol: str, price: str) -> None:
        value = Decimal(price)
        self.quotes.put(
            LiveQuote(symbol, value, value, value, value, value, value, value, Decimal(0), self.clock.now())
        )

    async def stranger(self) -> "Desk":
        """Somebody else, with the same view of the market."""
        async with self.database.transaction() as session:
            user_id = await add_user(session)
            connection_id = await add_connection(session, user_id)
        return replace(self, user_id=user_id, connection_id=connection_id, headers={"x-user": str(user_id)})


async def _user_named_in_header(session: SessionDep, x_user: Annotated[UUID, Header()]) -> User:
    return await session.get_one(User, x_user)


@pytest.fixture
async def desk(database: Database) -> AsyncIterator[Desk]:
    clock = ManualClock()
    app = FastAPI()
    install_problem_handlers(app)
    app.include_router(router)
    app.dependency_overrides[current_user] = _user_named_in_header
    async with database.transaction() as session:
        user_id = await add_user(session)
        connection_id = await add_connection(session, user_id)
        session.add(balance(connection_id))
    instruments = InstrumentBook()
    instruments.replace(
        [instrument(symbol, tick=tick, lot=lot, least=lot) for symbol, (tick, lot, _) in GRIDS.items()]
    )
    app.state.settings = Settings()
    app.state.database = database
    app.state.clock = clock
    app.state.quotes = QuoteBoard()
    app.state.instruments = instruments
    app.state.indices = Indices()
    app.state.venue = Venue(clock, instruments)
    app.state.plan_judge = None
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as http:
        yield Desk(
            app=app,
            http=http,
            database=database,
            clock=clock,
            indices=app.state.indices,
            venue=app.state.venue,
            instruments=instruments,
            quotes=app.state.quotes,
            user_id=user_id,
            connection_id=connection_id,
            headers={"x-user": str(user_id)},
        )
