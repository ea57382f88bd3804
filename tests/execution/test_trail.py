"""The trail is bounded, folds what repeats, goes on after a crash, and never stands in an order's way."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import OperationalError
from tests.execution.conftest import Desk

from holdfast.execution.models import TrailRow
from holdfast.execution.trail import trail as trail_module
from holdfast.execution.trail.trace import trace
from holdfast.execution.trail.trail import Trail, decided, flush, following, note, waits
from holdfast.platform.jobs import Lease, LeaseLost
from holdfast.platform.tasks import RetryAt, Work
from holdfast.venues.recording import Exchange, OrderNote


def heard(desk: Desk, method: str = "get_open_orders", **changes: Any) -> Exchange:
    values: dict[str, Any] = {
        "method": method,
        "writes": False,
        "at": desk.clock.now(),
        "attempt": 1,
        "waited": 0.0,
        "took": 0.05,
        "outcome": "ok",
        "code": "",
        "text": "",
        "rows": 0,
        "symbol": "BTCUSDT",
        "orders": (OrderNote("BTCUSDT", "hf-1"),),
    }
    return Exchange(**(values | changes))


def held_by(desk: Desk, fence: int) -> Work:
    lease = Lease(1, "execution.run", "", fence, 1, desk.clock.now())
    return Work(lease, desk.work.database, desk.work.redis, desk.work.settings, desk.clock, {})


async def rows(desk: Desk) -> list[TrailRow]:
    async with desk.database.sessions() as session:
        return list(await session.scalars(select(TrailRow).order_by(TrailRow.id)))


@pytest.fixture
async def execution_id(desk: Desk) -> UUID:
    return await desk.confirm(await desk.plan())


async def write(desk: Desk, trail: Trail) -> None:
    async with desk.database.transaction() as session:
        await trail.write(session)


async def test_polls_are_one_row_until_something_else_happens(desk: Desk, execution_id: UUID):
    trail = Trail(execution_id, desk.clock)
    began = desk.clock.now()
    for _ in range(14):
        trail.heard(heard(desk))
        trail.heard(heard(desk, "get_order_history", symbol="ETHUSDT"))
        await write(desk, trail)
        await desk.clock.sleep(0.5)
    trail.tell("decision", "Send BTCUSDT", at=desk.clock.now())
    trail.heard(heard(desk))
    await write(desk, trail)
    kept = await rows(desk)
    assert [(row.title, row.times) for row in kept] == [
        ("Ask for the order", 14),
        ("Look for the order in the history", 14),
        ("Send BTCUSDT", 1),
        ("Ask for the order", 1),
    ]
    assert kept[0].at == began
    assert kept[0].until == began + timedelta(seconds=13 * 0.5, milliseconds=50)


async def test_one_poll_of_many_orders_names_them_in_one_row(desk: Desk, execution_id: UUID):
    trail = Trail(execution_id, desk.clock)
    for number in range(40):
        name = f"C{number:02}USDT"
        trail.heard(heard(desk, symbol=name, orders=(OrderNote(name, f"hf-{number}"),)))
    await write(desk, trail)
    [row] = await rows(desk)
    assert (row.times, row.symbol, len(row.detail["symbols"])) == (40, "", 25)
    async with desk.database.sessions() as session:
        shown = await trace(session, desk.user_id, execution_id)
    [item] = [item for item in shown.items if item.kind == "request"]
    assert item.title == "Ask for the order (C00USDT, C01USDT, C02USDT and 22 more), 40 times over 50 ms"


async def test_different_outcomes_and_orders_sent_are_never_folded(desk: Desk, execution_id: UUID):
    trail = Trail(execution_id, desk.clock)
    sent = {"method": "place_order", "writes": True, "rows": None}
    for outcome, code in (("ok", ""), ("silent", "502"), ("silent", ""), ("limited", "10006")):
        trail.heard(heard(desk, outcome=outcome, code=code))
    for name in ("hf-1", "hf-2"):
        trail.heard(heard(desk, **sent, orders=(OrderNote("BTCUSDT", name, "buy", "1", "100", "Limit IOC"),)))
    await write(desk, trail)
    assert [row.times for row in await rows(desk)] == [1] * 6


async def test_a_request_that_changes_something_is_told_with_its_answer_apart(desk: Desk):
    execution = await desk.run(await desk.confirm(await desk.plan()))
    async with desk.database.sessions() as session:
        shown = await trace(session, desk.user_id, execution.id)
    row = next(item for item in shown.items if item.kind == "row" and item.symbol == "ETHUSDT")
    order = OrderNote("ETHUSDT", str(row.detail["client_id"]), "sell", "0.8", "99.5", "Limit IOC")
    trail = Trail(execution.id, desk.clock)
    trail.heard(
        heard(
            desk,
            "place_order",
            writes=True,
            outcome="silent",
            code="502",
            text="Bybit gave no clear answer.",
            took=8.0,
            waited=1.5,
            symbol="ETHUSDT",
            orders=(order,),
        )
    )
    await write(desk, trail)
    async with desk.database.sessions() as session:
        items = (await trace(session, desk.user_id, execution.id)).items
    request, answer = (item for item in items if item.kind in ("request", "answer"))
    assert request.title == "Send sell 0.8 ETHUSDT at 99.5 (Limit IOC)"
    assert (request.order_id, request.took_ms, request.detail["waited_ms"]) == (row.order_id, None, 1500)
    assert answer.title == "ETHUSDT: no clear answer. Bybit gave no clear answer."
    assert (answer.order_id, answer.took_ms) == (row.order_id, 8000)
    assert answer.at - request.at == timedelta(seconds=8)
    assert answer.detail == {"outcome": "silent", "code": "502"}


async def test_an_outage_of_a_day_is_a_handful_of_rows(desk: Desk, execution_id: UUID):
    for fence in range(1, 60):
        with suppress(RetryAt):
            async with following(held_by(desk, fence), execution_id):
                trail = trail_module._current.get()
                assert trail is not None
                for _ in range(3):
                    trail.heard(heard(desk, outcome="silent"))
                    waits(1, "the answer about BTCUSDT is owed", at=desk.clock.now())
                    async with desk.database.transaction() as session:
                        await flush(session)
                    await desk.clock.sleep(1)
                raise RetryAt(5, "Bybit has not told us yet")
        await desk.clock.sleep(5)
    kept = await rows(desk)
    assert [(row.title, row.times) for row in kept] == [
        ("Taken up by a worker", 59),
        ("Ask for the order", 59 * 3),
        ("Waits: the answer about BTCUSDT is owed", 59 * 3),
        ("Given back: Bybit has not told us yet", 59),
    ]
    assert kept[0].detail["fence"] == 59
    assert kept[-1].detail["again_in_s"] == 5


async def test_a_worker_that_fell_silent_is_told_by_the_next(desk: Desk, execution_id: UUID):
    class Killed(BaseException):
        pass

    async def dying() -> None:
        async with following(held_by(desk, 3), execution_id):
            async with desk.database.transaction() as session:
                await flush(session)
            raise Killed

    with pytest.raises(Killed):
        await dying()
    async with following(held_by(desk, 4), execution_id):
        pass
    kept = await rows(desk)
    assert [row.title for row in kept] == [
        "Taken up by a worker",
        "Taken over: the worker before fell silent",
    ]
    assert (kept[1].detail["fence_before"], kept[1].detail["fence"]) == (3, 4)


async def test_how_a_run_ends_is_told(desk: Desk, execution_id: UUID):
    for error in (LeaseLost("gone"), ValueError("SECRET"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            async with following(held_by(desk, 1), execution_id):
                raise error
    told = [row.title for row in await rows(desk)]
    assert told[1] == "Let go: another worker has taken over"
    assert "Given back: an accident on our side (ValueError)." in told
    assert told[-1] == "Given back: this worker stops."
    assert "SECRET" not in str(told)


async def test_the_bound_holds_across_holders_and_is_said(
    desk: Desk, execution_id: UUID, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(trail_module, "MOST_ROWS", 20)
    monkeypatch.setattr("holdfast.execution.trail.trace.MOST_ROWS", 20)
    for fence in range(1, 4):
        async with following(held_by(desk, fence), execution_id):
            trail = trail_module._current.get()
            assert trail is not None
            for number in range(12):
                trail.tell("decision", f"{fence}.{number}", at=desk.clock.now())
                async with desk.database.transaction() as session:
                    await flush(session)
                    note(session, execution_id, "decision", "beside it", at=desk.clock.now())
    assert len(await rows(desk)) == 20
    async with desk.database.sessions() as session:
        assert (await trace(session, desk.user_id, execution_id)).truncated


async def test_without_the_database_the_work_goes_on_and_only_notes_are_lost(
    desk: Desk, execution_id: UUID, monkeypatch: pytest.MonkeyPatch
):
    def away() -> None:
        raise OperationalError("", {}, Exception("away"))

    async with following(held_by(desk, 1), execution_id):
        monkeypatch.setattr(desk.work.database, "transaction", away)
    monkeypatch.undo()
    assert await rows(desk) == []


async def test_outside_of_a_run_nothing_is_followed(desk: Desk, execution_id: UUID):
    waits(1, "nobody", at=desk.clock.now())
    async with desk.database.transaction() as session:
        await flush(session)
        note(session, execution_id, "decision", "by hand", at=desk.clock.now(), took=timedelta(seconds=1))
    [row] = await rows(desk)
    assert (row.title, row.took_ms) == ("by hand", 1000)


async def test_secrets_in_a_text_are_hidden(desk: Desk, execution_id: UUID):
    async with desk.database.transaction() as session:
        note(
            session,
            execution_id,
            "decision",
            "said api_key=Marker9f3b",
            at=desk.clock.now(),
            why="X-BAPI-SIGN: Marker9f3b",
        )
    [row] = await rows(desk)
    assert "Marker" not in row.title + str(row.detail)


async def test_the_trail_goes_with_its_execution(desk: Desk, execution_id: UUID):
    from holdfast.execution.models import Execution, Order

    async with desk.database.transaction() as session:
        note(session, execution_id, "decision", "told", at=desk.clock.now())
    async with desk.database.transaction() as session:
        await session.execute(delete(Order))
        await session.execute(delete(Execution))
        assert await session.scalar(select(func.count()).select_from(TrailRow)) == 0


async def test_a_slow_tactic_is_told_in_few_rows(desk: Desk, execution_id: UUID):
    """Ten minutes of orders that rest, looked at every two seconds by one holder after the other."""
    for fence in range(1, 300):
        with suppress(RetryAt):
            async with following(held_by(desk, fence), execution_id):
                decided("wait", ["BTCUSDT"], at=desk.clock.now())
                raise RetryAt(1.9 + fence / 1000, "waiting for the market, as planned")
        await desk.clock.sleep(2)
    assert [(row.title, row.times) for row in await rows(desk)] == [
        ("Taken up by a worker", 299),
        ("Wait: orders rest in the book, or are not due yet", 299),
        ("Given back: waiting for the market, as planned", 299),
    ]
