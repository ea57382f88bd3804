from uuid import uuid4

import pytest
from sqlalchemy import text

from holdfast.execution.locks import connection_lock
from holdfast.platform.database import Database

CUT = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")


class Interrupted(Exception):
    pass


async def test_a_lock_that_went_with_its_session_hides_nothing_and_blocks_nobody(database: Database) -> None:
    async def interrupted() -> None:
        async with connection_lock(database, uuid4()):
            async with database.engine.connect() as other:
                await other.execute(CUT)
            raise Interrupted

    with pytest.raises(Interrupted):
        await interrupted()
    async with database.engine.connect() as other:
        held = await other.scalar(text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"))
    assert held == 0
