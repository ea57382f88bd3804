import asyncio
from collections.abc import Coroutine
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from tests.execution.conftest import Desk, opposite
from tests.execution.test_executor import WHOLE, opened
from tests.execution.test_rebalancing import LESS_BTC_MORE_ETH
from tests.execution.test_reconcile import late, reconciled

from holdfast.core.instruments import Side
from holdfast.execution import repository
from holdfast.execution.locks import connection_lock
from holdfast.execution.models import Execution
from holdfast.execution.risk import gate_books
from holdfast.platform.database import Database
from holdfast.portfolio.repository import lock_ledger

CUT = text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'")
WAITING = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")


async def waits(database: Database, task: asyncio.Task[Any]) -> None:
    """Until ``task`` waits for somebody's lock."""
    async with database.engine.connect() as looking:
        while not await looking.scalar(WAITING):
            assert not task.done()
            await asyncio.sleep(0.02)


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
        await waits(desk.database, confirming)
        order = (await repository.orders_of(sending, execution_id))[0]
        order.limit_price += 1
        await sending.flush()
        order.sent_at = desk.clock.now()
        await sending.flush()
    assert await confirming


async def waits_for_the_ledger_only(desk: Desk, doing: Coroutine[Any, Any, Any], execution_id: UUID) -> None:
    """Its holder can have the execution meanwhile: otherwise both would wait for each other."""
    async with desk.database.transaction() as other:
        await lock_ledger(other, desk.connection_id)
        task = asyncio.create_task(doing)
        await waits(desk.database, task)
        await other.get_one(Execution, execution_id, with_for_update={"nowait": True})
    await task


async def test_an_end_takes_the_ledger_before_its_execution(desk: Desk):
    first = await opened(desk)
    plan = await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite())
    execution_id = await desk.confirm(plan)
    await waits_for_the_ledger_only(desk, desk.run(execution_id), execution_id)
    assert (await desk.execution(execution_id)).state == "complete"


async def test_a_rebalance_takes_the_ledger_before_its_execution(desk: Desk):
    first = await opened(desk)
    plan = await desk.plan(kind="rebalance", sleeve_id=first.sleeve_id, legs=LESS_BTC_MORE_ETH, held=WHOLE)
    execution_id = await desk.confirm(plan)
    await waits_for_the_ledger_only(desk, desk.run(execution_id), execution_id)
    assert (await desk.execution(execution_id)).state == "complete"


async def test_a_reconciliation_takes_the_ledger_before_the_executions_of_fills(desk: Desk):
    first = await opened(desk)
    await desk.clock.sleep(1)
    desk.venue.fills.append(late(desk.venue.fills[0], desk))
    desk.venue.trade_by_hand("ETHUSDT", Side.SELL, "0.3")
    await waits_for_the_ledger_only(desk, reconciled(desk), first.id)
