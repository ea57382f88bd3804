"""Previews that close a position."""

from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import Conflict
from holdfast.execution.models import Execution, Order
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.service import take_plan

from .conftest import Desk
from .people import NOW
from .story import Book, a_position, new_sleeve


async def execute(session: AsyncSession, desk: Desk, plan_id: str, sleeve_id: UUID, kind: str) -> UUID:
    """The rows an execution leaves, as far as positions look at them."""
    execution_id = uuid4()
    session.add(
        Execution(
            id=execution_id,
            plan_id=UUID(plan_id),
            sleeve_id=sleeve_id,
            user_id=desk.user_id,
            connection_id=desk.connection_id,
            kind=kind,
            state="complete",
            created_at=NOW,
        )
    )
    await session.flush()
    return execution_id


async def test_a_close_preview_reverses_the_sleeve_and_leaves_the_users_own(desk: Desk) -> None:
    opened = (await desk.preview()).json()
    sleeve, book = await a_position(desk)
    async with desk.database.transaction() as session:
        await execute(session, desk, opened["id"], sleeve, "open")
    await book.fill("BTCUSDT", "0.5", "100000")
    answer = await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})
    assert answer.status_code == 201, answer.text
    plan = answer.json()

    assert (plan["kind"], plan["position_id"], plan["executable"]) == ("close", str(sleeve), True)
    assert [(leg["symbol"], leg["side"], leg["quantity"], leg["name"]) for leg in plan["legs"]] == [
        ("BTCUSDT", "sell", "0.04", "Coin btc"),
        ("ETHUSDT", "buy", "1", "Coin eth"),
    ]
    assert plan["totals"]["margin_needed"] == "0"
    assert plan["size"] == "1000"


async def test_a_close_preview_books_what_was_closed_by_hand(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    await book.fill("BTCUSDT", "-0.01", "102000")
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert [(leg["action"], leg["side"], leg["quantity"]) for leg in plan["legs"]] == [
        ("by_hand", "sell", "0.01"),
        ("trade", "sell", "0.03"),
        ("trade", "buy", "1"),
    ]
    assert plan["legs"][0]["expected_price"] == "102000"
    assert any("outside Holdfast" in warning for warning in plan["warnings"])


async def test_a_position_everything_of_which_was_closed_by_hand_can_be_ended(desk: Desk) -> None:
    sleeve, book = await new_sleeve(desk), Book(desk)
    await book.fill("BTCUSDT", "0.01", "100000", by=sleeve)
    await book.fill("BTCUSDT", "-0.01", "102000")
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert [leg["action"] for leg in plan["legs"]] == ["by_hand"]
    assert plan["executable"] is True


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("closed", "closed already"),
        ("unwound", "closed already"),
        ("opening", "opening"),
        ("closing", "closing"),
    ],
)
async def test_only_an_open_and_quiet_position_can_be_closed(desk: Desk, state: str, words: str) -> None:
    sleeve = await new_sleeve(desk, state=state)
    answer = await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})

    assert answer.status_code == 409
    assert words in answer.json()["detail"]


async def test_an_order_of_unknown_outcome_blocks_the_close(desk: Desk) -> None:
    opened = (await desk.preview()).json()
    sleeve, _ = await a_position(desk)
    async with desk.database.transaction() as session:
        execution_id = await execute(session, desk, opened["id"], sleeve, "open")
        (await session.get_one(Sleeve, sleeve)).state = "needs_attention"
        session.add(
            Order(
                id=uuid4(),
                execution_id=execution_id,
                sleeve_id=sleeve,
                connection_id=desk.connection_id,
                leg=0,
                role="open",
                attempt=0,
                client_id="c",
                symbol="SOLUSDT",
                side="sell",
                quantity=Decimal(1),
                limit_price=Decimal(1),
                reduce_only=False,
                state="unknown",
                created_at=NOW,
            )
        )
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert plan["executable"] is False
    assert "SOLUSDT" in plan["blocked_reason"]
    other = await new_sleeve(desk)
    free = (await desk.post("/previews", {"kind": "close", "position_id": str(other)})).json()
    assert free["executable"] is True


async def test_closing_is_possible_while_the_index_is_stale(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    desk.indices.stale_reason = "CoinGecko is silent."
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert plan["executable"] is True


async def test_a_plan_is_carried_out_once(desk: Desk) -> None:
    opened = (await desk.preview()).json()
    sleeve = await new_sleeve(desk)
    async with desk.database.transaction() as session:
        await execute(session, desk, opened["id"], sleeve, "open")
        with pytest.raises(Conflict, match="already"):
            await take_plan(session, desk.user_id, UUID(opened["id"]), opened["digest"], NOW)
