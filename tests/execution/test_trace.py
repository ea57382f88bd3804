"""The time line of an execution tells everything that happened to it, in order, to nobody but its owner."""

from datetime import timedelta

import httpx2
import pytest
from tests.app.test_strangers import owner, stranger
from tests.execution.conftest import Desk

from holdfast.execution.models import OrderEvent
from holdfast.execution.schemas import TraceView
from holdfast.execution.trail.trace import trace
from holdfast.execution.trail.trail import MOST_ROWS, note
from holdfast.execution.trail.words import said_by

__all__ = ["owner", "stranger"]


async def traced(desk: Desk, execution_id) -> TraceView:
    async with desk.database.sessions() as session:
        return await trace(session, desk.user_id, execution_id)


async def test_a_plain_opening_reads_from_confirmed_to_ended(desk: Desk):
    execution = await desk.run(await desk.confirm(await desk.plan()))
    shown = await traced(desk, execution.id)
    titles = [item.title for item in shown.items]
    assert titles[0].startswith("Confirmed: open BTC-D, long, 300 USDT")
    assert "Order written: open buy 1.6 BTCUSDT at 100.5 or better" in titles
    assert "BTCUSDT: about to be sent; written down first" in titles
    assert "BTCUSDT: accepted by the venue" in titles
    assert any(title.startswith("BTCUSDT: buy 1.6 executed at 100.5, taker fee") for title in titles)
    assert titles[-1] == "Ended: complete. Every leg was filled as previewed."
    assert [item.at for item in shown.items] == sorted(item.at for item in shown.items)
    assert all(item.after_ms >= 0 for item in shown.items)
    assert not shown.truncated
    assert shown.items[-1].took_ms is not None


async def test_events_say_from_what_to_what_and_who_said_it(desk: Desk):
    desk.venue.script = {"ETHUSDT": ["lost_answer"], "XRPUSDT": ["reject:110007"]}
    execution = await desk.run(await desk.confirm(await desk.plan()))
    items = (await traced(desk, execution.id)).items
    events = [item for item in items if item.detail.get("event")]
    told = {
        (item.symbol, item.detail["event"]): (item.detail["from"], item.detail["to"], item.detail["said_by"])
        for item in events
    }
    assert told["ETHUSDT", "send"] == ("planned", "sent", "Holdfast")
    assert told["ETHUSDT", "ambiguous"] == ("sent", "unknown", "the answer to the order")
    assert told["XRPUSDT", "reject"] == ("sent", "rejected", "the answer to the order")
    refused = next(e for e in events if (e.symbol, e.detail["event"]) == ("XRPUSDT", "reject"))
    assert "refused by the script" in refused.title
    assert refused.detail["code"] == "110007"
    assert refused.order_id is not None


async def test_notes_are_merged_in_and_the_bound_is_said(desk: Desk):
    execution_id = await desk.confirm(await desk.plan())
    at, took = desk.clock.now() + timedelta(seconds=1), timedelta(seconds=2)
    async with desk.database.transaction() as session:
        for number in range(MOST_ROWS):
            note(session, execution_id, "decision", f"note {number}", at=at, took=took, why="x")
    shown = await traced(desk, execution_id)
    mine = [item for item in shown.items if item.title.startswith("note")]
    assert [item.title for item in mine] == [f"note {number}" for number in range(MOST_ROWS)]
    assert (mine[0].after_ms, mine[0].took_ms, mine[0].detail) == (1000, 2000, {"why": "x"})
    assert shown.truncated


async def test_over_http_only_to_its_owner(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str], stranger: dict[str, str]
):
    execution = await desk.run(await desk.confirm(await desk.plan()))
    path = f"/api/executions/{execution.id}/trace"
    answer = await client.get(path, headers=owner)
    assert answer.status_code == 200
    assert set(answer.json()) == {"execution", "items", "truncated"}
    assert (await client.get(path, headers=stranger)).status_code == 404
    assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize(
    ("event", "detail", "who"),
    [
        ("send", {}, "Holdfast"),
        ("send", {"source": "offline flattening"}, "offline flattening"),
        ("acknowledge", {"source": "answer"}, "the answer to the order"),
        ("fill", {"source": "answer", "filled": "1"}, "an order report"),
        ("not_known", {"source": "answer"}, "an order report"),
        ("fill", {"source": "account stream", "filled": "1"}, "the account stream"),
        ("partial_fill", {"source": "reconciliation", "filled": "1"}, "reconciliation"),
    ],
)
def test_who_said_it_has_a_name(event: str, detail: dict[str, str], who: str):
    assert said_by(OrderEvent(event=event, detail=detail)) == who
