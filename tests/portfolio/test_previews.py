"""Previews over HTTP: what a user is shown, and what bad input gets."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select

from holdfast.accounts.models import Connection
from holdfast.core.errors import Conflict, Gone, NotFound
from holdfast.core.instruments import InstrumentStatus
from holdfast.platform.models import Job
from holdfast.portfolio import preview_inputs
from holdfast.portfolio.models import BalanceSnapshot, Halt, Plan
from holdfast.portfolio.plan import digest
from holdfast.portfolio.schemas import PlanView
from holdfast.portfolio.service import PlanBlocked, take_plan
from holdfast.venues.protocol import Rejected, Unreachable

from .conftest import Desk
from .people import NOW, add_connection, balance


async def test_a_preview_names_every_order(desk: Desk) -> None:
    answer = await desk.preview()
    assert answer.status_code == 201, answer.text
    plan = answer.json()

    assert plan["executable"] is True
    assert plan["blocked_reason"] == ""
    assert [(leg["symbol"], leg["side"], leg["quantity"]) for leg in plan["legs"]] == [
        ("BTCUSDT", "buy", "0.04"),
        ("ETHUSDT", "sell", "0.62"),
        ("SOLUSDT", "sell", "7.5"),
    ]
    assert plan["legs"][0]["name"] == "Coin btc"
    assert plan["legs"][0]["limit_price"] == "100500.1"
    assert plan["index_name"] == "Bitcoin dominance"
    assert plan["totals"]["available"] == "25000"
    assert Decimal(plan["totals"]["margin_needed"]) > Decimal(plan["totals"]["gross"])
    assert any("liquidated" in warning for warning in plan["warnings"])
    assert any("funding" in warning for warning in plan["warnings"])
    assert sorted(desk.venue.asked) == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]


async def test_a_short_reverses_every_side(desk: Desk) -> None:
    plan = (await desk.preview(direction="short")).json()

    assert [leg["side"] for leg in plan["legs"]] == ["sell", "buy", "buy"]


async def test_a_preview_is_kept_exactly_as_shown_and_named_by_its_digest(desk: Desk) -> None:
    plan = (await desk.preview()).json()

    assert (await desk.get(f"/previews/{plan['id']}")).json() == plan
    async with desk.database.transaction() as session:
        row = await session.get_one(Plan, plan["id"])
        assert row.digest == plan["digest"] == digest(row.body)
        assert PlanView.model_validate(row.body).model_dump(mode="json") == plan


@pytest.mark.parametrize(("age", "asked"), [(5, False), (60, True)])
async def test_a_balance_that_has_grown_old_is_read_again(desk: Desk, age: int, asked: bool) -> None:
    async with desk.database.transaction() as session:
        snapshot = await session.get_one(BalanceSnapshot, desk.connection_id)
        snapshot.taken_at = desk.clock.now() - timedelta(seconds=age)
    await desk.preview()
    async with desk.database.transaction() as session:
        jobs = [(job.kind, job.subject) for job in await session.scalars(select(Job))]
    assert jobs == ([("execution.reconcile", str(desk.connection_id))] if asked else [])


NO_SIZES: list[Any] = [
    "-1", "0", "0.00", "NaN", "Infinity", "-Infinity", "1e400", "10.001", "1000000000000000", "ten",
    "", None, [], True,
]  # fmt: skip


async def test_a_size_that_is_not_one_is_refused_with_a_sentence(desk: Desk) -> None:
    for size in NO_SIZES:
        answer = await desk.preview(size=size)

        assert answer.status_code == 422, (size, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert "size" in answer.json()["detail"]
        assert answer.json()["advice"]


async def test_sizes_that_json_can_write_and_money_cannot_be(desk: Desk) -> None:
    body = '{"kind":"open","connection_id":"%s","index_id":"btc-d","direction":"long","size":%s}'
    for size in ("NaN", "Infinity", "-5", "1e30", "0.001"):
        answer = await desk.http.post(
            "/api/previews",
            content=body % (desk.connection_id, size),
            headers={**desk.headers, "content-type": "application/json"},
        )
        assert answer.status_code == 422, size
        assert answer.json()["advice"]


async def test_an_absurd_size_says_the_most_there_is(desk: Desk) -> None:
    answer = await desk.preview(size="5000000.01")

    assert answer.status_code == 422
    assert "5,000,000" in answer.json()["advice"]


NONSENSE: list[dict[str, Any]] = [
    {"direction": "up"},
    {"kind": "swap"},
    {"leverage": 5},
    {"connection_id": "mine"},
    {"index_id": "x" * 41},
]


async def test_a_body_that_makes_no_sense(desk: Desk) -> None:
    for changes in NONSENSE:
        answer = await desk.preview(**changes)

        assert answer.status_code == 422, changes
        assert answer.json()["detail"]


async def test_an_index_that_does_not_exist(desk: Desk) -> None:
    answer = await desk.preview(index_id="doge-d")

    assert answer.status_code == 404
    assert "btc-d" in answer.json()["advice"]


async def test_below_the_minimum_says_the_minimum_and_why(desk: Desk) -> None:
    answer = await desk.preview(size="100")

    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "/problems/below-minimum"
    assert "270 USDT" in problem["advice"]
    assert "Bitcoin decides" in problem["advice"]
    assert problem["minimum"] == "270"


async def test_a_basket_cannot_be_sold_short(desk: Desk) -> None:
    answer = await desk.preview(index_id="top-10", direction="short")

    assert answer.status_code == 422
    assert "long" in answer.json()["advice"]


async def test_above_the_balance_shows_how_much_is_missing(desk: Desk) -> None:
    plan = (await desk.preview(size="100000")).json()

    assert plan["executable"] is False
    assert "are missing" in plan["blocked_reason"]
    assert len(plan["legs"]) == 3


async def test_a_preview_waits_for_the_first_balance_of_a_new_connection(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_inputs, "FIRST_READING_SECONDS", 60.0)
    async with desk.database.transaction() as session:
        desk.connection_id = await add_connection(session, desk.user_id)
    asking = asyncio.create_task(desk.preview())
    await asyncio.sleep(0.5)
    assert not asking.done()
    async with desk.database.transaction() as session:
        session.add(balance(desk.connection_id))
    plan = (await asking).json()

    assert plan["executable"] is True
    assert plan["totals"]["available"] == "25000"


async def test_without_a_known_balance_nothing_is_executable(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(preview_inputs, "FIRST_READING_SECONDS", 0.2)
    async with desk.database.transaction() as session:
        desk.connection_id = await add_connection(session, desk.user_id)
    plan = (await desk.preview()).json()

    assert plan["executable"] is False
    assert "not known yet" in plan["blocked_reason"]
    assert plan["totals"]["available"] is None


async def test_an_old_balance_is_a_warning(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        await session.merge(balance(desk.connection_id, age=timedelta(minutes=7)))
    plan = (await desk.preview()).json()

    assert plan["executable"] is True
    assert any("7 minutes old" in warning for warning in plan["warnings"])


async def test_an_account_close_to_liquidation_opens_nothing(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        (await session.get_one(BalanceSnapshot, desk.connection_id)).maintenance_rate = Decimal("0.85")
    plan = (await desk.preview()).json()

    assert "85%" in plan["blocked_reason"]


async def test_a_watching_connection_says_what_keeps_it_from_trading(desk: Desk) -> None:
    purpose = {"check": "purpose", "level": "refused", "message": "It lacks Order.", "advice": "Tick Orders."}
    async with desk.database.transaction() as session:
        connection = await session.get_one(Connection, desk.connection_id)
        connection.state, connection.checks = "watch_only", [purpose]
        connection.state_reason = "The last check could not be done: silence"
    assert (await desk.preview()).json()["blocked_reason"] == "It lacks Order. Tick Orders."


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("watch_only", "only watches"),
        ("checking", "being checked"),
        ("refused", "the key was withdrawn"),
        ("failing", ""),
    ],
)
async def test_a_connection_that_cannot_trade_blocks(desk: Desk, state: str, words: str) -> None:
    async with desk.database.transaction() as session:
        desk.connection_id = await add_connection(session, desk.user_id, state=state)
        session.add(balance(desk.connection_id))
    plan = (await desk.preview()).json()

    assert plan["executable"] is False
    assert words in plan["blocked_reason"]


async def test_stale_inputs_block_with_their_reason(desk: Desk) -> None:
    desk.indices.stale_reason = "CoinGecko's market caps are more than 15 minutes old."
    plan = (await desk.preview()).json()
    assert plan["executable"] is False
    assert "15 minutes" in plan["blocked_reason"]

    desk.indices.weights = {}
    answer = await desk.preview()
    assert answer.status_code == 503
    assert "15 minutes" in answer.json()["detail"]


async def test_a_halted_a_closed_and_a_delisted_leg_block(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        session.add(
            Halt(connection_id=desk.connection_id, symbol="BTCUSDT", reason="The books differ.", since=NOW)
        )
    assert "The books differ" in (await desk.preview()).json()["blocked_reason"]

    desk.list_as("ETHUSDT", status=InstrumentStatus.REDUCE_ONLY)
    assert "ETHUSDT: it is being delisted" in (await desk.preview()).json()["blocked_reason"]

    desk.list_as("SOLUSDT", status=InstrumentStatus.CLOSED)
    assert "SOLUSDT: it is not open for trading" in (await desk.preview()).json()["blocked_reason"]

    desk.instruments.replace([i for i in desk.instruments.all() if i.symbol != "ETHUSDT"])
    assert "ETHUSDT: the venue does not list it" in (await desk.preview()).json()["blocked_reason"]


async def test_a_market_that_closed_since_the_list_was_read_blocks(desk: Desk) -> None:
    desk.venue.closed.add("SOLUSDT")
    plan = (await desk.preview()).json()

    assert plan["executable"] is False
    assert plan["blocked_reason"] == "SOLUSDT: it is not open for trading."


async def test_a_thin_book_blocks_with_its_reason(desk: Desk) -> None:
    desk.venue.depth = "0.001"
    plan = (await desk.preview()).json()

    assert plan["executable"] is False
    assert "order book" in plan["blocked_reason"]


async def test_a_venue_that_is_down_is_said_and_nothing_is_kept(desk: Desk) -> None:
    desk.venue.fails[""] = Unreachable("timeout")
    answer = await desk.preview()

    assert answer.status_code == 503
    assert "does not answer" in answer.json()["detail"]
    async with desk.database.transaction() as session:
        assert (await session.scalars(select(Plan))).all() == []


async def test_one_symbol_the_venue_refuses_blocks_that_leg(desk: Desk) -> None:
    desk.venue.fails["SOLUSDT"] = Rejected("symbol invalid")

    assert "SOLUSDT" in (await desk.preview()).json()["blocked_reason"]


async def test_somebody_elses_connection_and_preview_are_not_there(desk: Desk) -> None:
    other = await desk.stranger()
    theirs = (await other.preview(connection_id=str(other.connection_id))).json()

    assert (await desk.preview(connection_id=str(other.connection_id))).status_code == 404
    assert (await desk.get(f"/previews/{theirs['id']}")).status_code == 404
    assert (await desk.get(f"/previews/{uuid4()}")).status_code == 404
    assert (await desk.post("/previews", {"kind": "close", "position_id": str(uuid4())})).status_code == 404


async def test_taking_a_plan(desk: Desk) -> None:
    plan = (await desk.preview()).json()
    other = await desk.stranger()
    expires = NOW + timedelta(seconds=30)
    async with desk.database.transaction() as session:
        taken = await take_plan(
            session, desk.user_id, plan["id"], plan["digest"], expires - timedelta(seconds=1)
        )
        assert str(taken.id) == plan["id"]
        with pytest.raises(NotFound):
            await take_plan(session, other.user_id, plan["id"], plan["digest"], NOW)
        with pytest.raises(Conflict, match="not the plan you were shown"):
            await take_plan(session, desk.user_id, plan["id"], "0" * 64, NOW)
        with pytest.raises(Gone, match="expired"):
            await take_plan(session, desk.user_id, plan["id"], plan["digest"], expires)


async def test_a_blocked_plan_is_never_taken(desk: Desk) -> None:
    plan = (await desk.preview(size="100000")).json()
    async with desk.database.transaction() as session:
        with pytest.raises(PlanBlocked, match="are missing"):
            await take_plan(session, desk.user_id, plan["id"], plan["digest"], NOW)


async def test_previews_nobody_used_are_forgotten_in_time(desk: Desk) -> None:
    first = (await desk.preview()).json()
    desk.clock.moment += timedelta(hours=1)
    second = (await desk.preview()).json()
    assert (await desk.get(f"/previews/{first['id']}")).status_code == 200

    desk.clock.moment += timedelta(hours=23, minutes=30)
    await desk.preview()
    assert (await desk.get(f"/previews/{first['id']}")).status_code == 404
    assert (await desk.get(f"/previews/{second['id']}")).status_code == 200
