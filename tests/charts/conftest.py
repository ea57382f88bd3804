"""Two signed-in users at the API's door, and a history to look at."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from tests.scripts.bars import ordinary_bars

from holdfast.accounts.models import SignIn, User
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.accounts.vault import ensure_key_pair
from holdfast.core.bars import Bars
from holdfast.market.candles import store
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

Headers = dict[str, str]


async def add_user(database: Database) -> UUID:
    user = User(id=uuid4(), is_demo=True, created_at=SystemClock().now())
    async with database.transaction() as session:
        session.add(user)
    return user.id


async def sign_in(database: Database, settings: Settings, user_id: UUID) -> Headers:
    sign_in_id, now = uuid4(), SystemClock().now()
    async with database.transaction() as session:
        session.add(
            SignIn(id=sign_in_id, user_id=user_id, user_agent="", ip="", created_at=now, last_used_at=now)
        )
    ensure_key_pair(settings.secrets_dir)
    tokens = Tokens(ensure_signing_key(settings.secrets_dir), access_lifetime=timedelta(minutes=10))
    return {"Authorization": f"Bearer {tokens.issue_access(user_id, sign_in_id, now=now)}"}


@pytest.fixture
async def user_id(database: Database) -> UUID:
    return await add_user(database)


@pytest.fixture
async def owner(database: Database, settings: Settings, user_id: UUID) -> Headers:
    return await sign_in(database, settings, user_id)


@pytest.fixture
async def stranger(database: Database, settings: Settings) -> Headers:
    return await sign_in(database, settings, await add_user(database))


@pytest.fixture
def key() -> Callable[[], Headers]:
    return lambda: {"Idempotency-Key": uuid4().hex}


@pytest.fixture
async def history(database: Database) -> Bars:
    """Five-minute bars of forty days, with a hole of two, sealed."""
    whole = ordinary_bars(40 * 288, 11)
    hole = whole.time[0] + 20 * 86_400
    bars = whole.take((whole.time < hole) | (whole.time >= hole + 2 * 86_400))
    async with database.transaction() as session:
        one = await store.series(
            session, "made", "COIN", base_seconds=300, price_decimals=2, volume_decimals=3
        )
        await store.write(session, one.id, bars, origin="test")
        await store.seal(session, one.id, int(bars.time[-1]) // 86_400)
    return bars
