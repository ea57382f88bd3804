"""A listed coin, and a user who runs strategies on it."""

import pytest
from tests.charts.conftest import key, owner, stranger, user_id
from tests.scripts.local import LocalRunner
from tests.strategies.world import World

from holdfast.platform.database import Database

__all__ = ["key", "owner", "stranger", "user_id"]


@pytest.fixture
async def world(database: Database, user_id: object) -> World:
    made = World(database, user_id, LocalRunner())  # type: ignore[arg-type]
    await made.list_coin()
    return made
