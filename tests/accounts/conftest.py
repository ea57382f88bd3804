"""The accounts room behind a real HTTP application, on a real database and a real Redis."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from argon2 import PasswordHasher
from fastapi import FastAPI
from httpx2 import ASGITransport, AsyncClient
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.limits import Limiter
from holdfast.accounts.passwords import Passwords
from holdfast.accounts.routes import router
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.accounts.tools import Tools
from holdfast.accounts.vault import ensure_key_pair
from holdfast.app.middleware import Exchange
from holdfast.platform.database import Database
from holdfast.platform.settings import Mode, Settings
from holdfast.platform.web import install_problem_handlers

ORIGIN = "http://holdfast.test"
EMAIL = "ada@example.com"
PASSWORD = "four unrelated words stay"


class ManualClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def forward(self, **step: float) -> None:
        self.moment += timedelta(**step)


class Holdings:
    """The answer of the floor above to "is anything open on this connection?"."""

    def __init__(self) -> None:
        self.open: dict[UUID, int] = {}

    async def __call__(self, session: AsyncSession, connection_id: UUID) -> int:
        return self.open.get(connection_id, 0)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def holdings() -> Holdings:
    return Holdings()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(mode=Mode.LIVE, home=tmp_path)
    ensure_key_pair(made.secrets_dir)
    return made


def quick_tools(settings: Settings, redis: Redis) -> Tools:
    """The real ones, save that hashing is cheap."""
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    tokens = Tokens(ensure_signing_key(settings.secrets_dir), access_lifetime=timedelta(minutes=10))
    return Tools(Passwords(cheap), tokens, Limiter(redis))


@pytest.fixture
def app(
    database: Database, redis: Redis, settings: Settings, clock: ManualClock, holdings: Holdings
) -> FastAPI:
    made = FastAPI()
    made.state.settings = settings
    made.state.database = database
    made.state.redis = redis
    made.state.clock = clock
    made.state.holdings_guard = holdings
    made.state.accounts = quick_tools(settings, redis)
    made.add_middleware(Exchange)
    install_problem_handlers(made)
    made.include_router(router)
    return made


@pytest.fixture
async def browser(app: FastAPI) -> AsyncIterator[Callable[..., AsyncClient]]:
    """Makes clients with a cookie jar each, as browsers have."""
    made: list[AsyncClient] = []

    def open_browser(ip: str = "192.0.2.1") -> AsyncClient:
        transport = ASGITransport(app=app, client=(ip, 50_000), raise_app_exceptions=False)
        client = AsyncClient(transport=transport, base_url=ORIGIN, headers={"Sec-Fetch-Site": "same-origin"})
        made.append(client)
        return client

    yield open_browser
    for client in made:
        await client.aclose()


@pytest.fixture
def client(browser: Callable[..., AsyncClient]) -> AsyncClient:
    return browser()


async def sign_up_and_in(client: AsyncClient, email: str = EMAIL, password: str = PASSWORD) -> dict[str, str]:
    """Returns the header that speaks for the new user."""
    body = {"email": email, "password": password}
    assert (await client.post("/api/auth/sign-up", json=body)).status_code == 202
    answer = await client.post("/api/auth/sign-in", json=body)
    assert answer.status_code == 200, answer.text
    return bearer(answer.json()["access_token"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
