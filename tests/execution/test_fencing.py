"""Who was thought dead, and wakes after somebody else has taken over, writes nothing more."""

from dataclasses import replace

import pytest
from sqlalchemy import select
from tests.execution.conftest import Desk
from tests.execution.test_executor import WHOLE, books, orders, venue_net

from holdfast.execution.executor import Executor
from holdfast.execution.models import OrderEvent
from holdfast.platform.jobs import LeaseLost


async def events(desk: Desk) -> list[tuple[str, int | None]]:
    """Every event of every order, with the number of its writer."""
    async with desk.database.sessions() as session:
        rows = await session.scalars(select(OrderEvent).order_by(OrderEvent.id))
        return [(row.event, row.detail.get("fence")) for row in rows]


async def test_a_holder_that_wakes_after_a_takeover_changes_nothing(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    place, known = desk.venue.place, []

    async def asleep(requests):
        """The orders arrive, and their sender stands still until another has asked about them in vain."""
        answers = await place(requests)
        desk.venue.place, desk.venue.down, desk.fence = place, True, 1
        await desk.run(execution_id, rounds=1)
        known.append((await events(desk), [order.state for order in await orders(desk)]))
        desk.venue.down = False
        return answers

    desk.venue.place = asleep  # type: ignore[method-assign]
    lease = replace(desk.work.lease, subject=str(execution_id), fence=1)
    with pytest.raises(LeaseLost):
        await Executor(replace(desk.work, lease=lease), execution_id, pause=desk.clock.sleep).run()
    assert [(await events(desk), [order.state for order in await orders(desk)])] == known
    assert (await desk.run(execution_id)).state == "complete"
    assert await books(desk) == WHOLE == venue_net(desk)


async def test_every_event_names_its_writer(desk: Desk):
    await desk.run(await desk.confirm(await desk.plan()))
    assert {fence for _, fence in await events(desk)} == {1}
