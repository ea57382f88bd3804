import asyncio
from uuid import uuid4

import pytest
from sqlalchemy import text
from tests.execution.conftest import Desk

from holdfast.execution import repository
from holdfast.execution.locks import connection_lock
from holdfast.execution.risk import gate_books
from holdfast.platform.database import Database

CUT = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


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


async def test_who_confirms_while_orders_are_sent_waits_for_them_and_does_not_hold_them_up(
    desk: Desk,
) -> None:
    """Sending writes an order twice in one transaction, and the second time PostgreSQL looks whether its
    connection is there: whoever confirms must not hold that and wait for the sending."""
    plan, other = await desk.plan(), await desk.plan()
    execution_id = await desk.confirm(plan)
    async with desk.database.transaction() as sending:
        await repository.fence_off(sending, execution_id, 1)
        await gate_books.lock_user(sending, desk.user_id)
        confirming = asyncio.create_task(desk.confirm(other))
        async with desk.database.engine.connect() as looking:
            while not await looking.scalar(WAITING):
                assert not confirming.done()
                await asyncio.sleep(0.02)
        order = (await repository.orders_of(sending, execution_id))[0]
        order.limit_price += 1
        await sending.flush()
        order.sent_at = desk.clock.now()
        await sending.flush()
    assert await confirming
