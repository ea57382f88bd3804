"""Taking back what was opened, when others have closed part of it meanwhile."""

from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import update
from tests.execution.conftest import NOW, Desk, opposite
from tests.execution.test_executor import WHOLE, books, orders, sleeve_of, venue_net
from tests.execution.test_reconcile import reconciled

from holdfast.core.instruments import Side
from holdfast.execution.decide import Act
from holdfast.execution.executor import Executor
from holdfast.execution.facts import facts_of
from holdfast.execution.further import takes_back
from holdfast.execution.risk import flatten
from holdfast.execution.risk.schemas import NewFlatten
from holdfast.market.models import InstrumentRow
from holdfast.venues.protocol import Rejected


@pytest.mark.parametrize(
    ("how", "closed", "left"),
    [("AdlTrade", "0.8", []), ("BustTrade", "0.3", ["0.5"]), ("Trade", "0.8", []), ("Trade", "0.3", ["0.5"])],
)
async def test_what_others_have_closed_is_not_taken_back_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, how: str, closed: str, left: list[str]
):
    desk.venue.script = {"XRPUSDT": ["reject:110007"]}
    execution_id = await desk.confirm(await desk.plan())

    async def nobody(*_: object, **__: object):
        raise Rejected("nobody there")

    with monkeypatch.context() as patch:
        patch.setattr(desk.venue, "book", nobody)
        await desk.run(execution_id, rounds=3)
    assert (await books(desk))["ETHUSDT"] == Decimal("-0.8")
    desk.venue.trade_by_hand("ETHUSDT", Side.BUY, closed, exec_type=how)
    await reconciled(desk)

    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    taken_back = [o.quantity for o in await orders(desk) if (o.symbol, o.role) == ("ETHUSDT", "unwind")]
    assert taken_back == [Decimal(quantity) for quantity in left]
    assert await books(desk) == {} == venue_net(desk)
    assert (await sleeve_of(desk, execution)).state == "unwound"


async def test_a_fill_told_in_the_last_moment_is_taken_back_too(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    """The end was decided; before it is written the account stream tells of a trade."""
    desk.venue.script = {"XRPUSDT": ["reject:110007"], "ETHUSDT": ["none"] * 9}
    decide = Executor._decide
    late: list[str] = []

    async def surprised(self: Executor):
        decided = await decide(self)
        if decided[0].act is Act.FINISH and not late:
            late.append(next(o.client_id for o in decided[1] if o.symbol == "ETHUSDT"))
            desk.venue.script = {}
            desk.venue.fill_late(late[0], Decimal("0.8"))
            await reconciled(desk)
        return decided

    monkeypatch.setattr(Executor, "_decide", surprised)
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert late
    assert execution.state == "unwound"
    assert await books(desk) == {} == venue_net(desk)


@pytest.mark.parametrize("script", [{}, {"XRPUSDT": ["reject:110007"]}])
async def test_no_order_is_larger_than_the_venue_takes_in_one(desk: Desk, script: dict[str, list[str]]):
    async with desk.database.transaction() as session:
        await session.execute(update(InstrumentRow).values(max_limit_quantity=Decimal("0.55")))
    desk.venue.script = script
    execution = await desk.run(await desk.confirm(await desk.plan()))
    assert execution.state == ("unwound" if script else "complete")
    assert await books(desk) == venue_net(desk) == ({} if script else WHOLE)
    assert max(request.quantity for request in desk.venue.placed) == Decimal("0.5")


async def test_a_closing_that_goes_at_once_tries_again_though_everything_is_flattened(desk: Desk):
    """It is what a flattening is made of."""
    first = await desk.run(await desk.confirm(await desk.plan()))
    closing = await desk.confirm(await desk.plan(kind="close", sleeve_id=first.sleeve_id, legs=opposite()))
    async with desk.database.transaction() as session:
        await flatten.start(session, desk.user_id, NewFlatten(scope="user"), by="you", now=desk.clock.now())
    desk.venue.script = {"ETHUSDT": ["none", "half"]}
    assert (await desk.run(closing)).state == "complete"
    tries = [o for o in await orders(desk) if (o.symbol, o.role) == ("ETHUSDT", "close")]
    assert len(tries) == 3
    assert venue_net(desk) == {}


@pytest.mark.parametrize(("held", "lots"), [("1.0", 10), ("0.15", 1), ("0.05", 0), ("0", 0), ("-1", 0)])
def test_what_is_decided_and_what_may_be_sent_are_the_same_lots(held: str, lots: int):
    """The venue makes an instrument's step larger, and somebody closes a part: what is left is no whole
    number of lots. Were one lot decided that cannot be sent, the same would be decided again and again."""
    leg: Any = SimpleNamespace(
        index=0,
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal(1),
        limit_price=Decimal(100),
        closes=False,
        view=SimpleNamespace(slices=1, reduces=False),
    )
    order: Any = SimpleNamespace(
        id=None,
        leg=0,
        role="open",
        attempt=0,
        state="filled",
        quantity=Decimal(1),
        filled_quantity=Decimal(1),
        reject_code="",
        style="ioc",
        due_at=None,
    )
    tenths: Any = SimpleNamespace(
        floor_lots=lambda quantity: int(quantity // Decimal("0.1")), min_lots=lambda _: 1
    )
    owned = {"BTCUSDT": Decimal(held)}
    facts = facts_of(leg, [order], {}, tenths, now=NOW, owned=owned)
    assert facts.still_open == lots
    assert tenths.floor_lots(max(Decimal(0), takes_back(leg, [order], owned))) == lots
