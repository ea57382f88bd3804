"""Back-tests from the question to the trades: one user's, each asked for once, and told truly."""

import csv
import io
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from tests.backtest.conftest import (
    HOUR,
    SAW,
    START,
    TREND,
    Desk,
    Headers,
    Key,
    csv_of,
    ups_and_downs,
    wanted,
)
from tests.scripts.local import FAILS, LOOKS_AHEAD

from holdfast.backtest import service
from holdfast.backtest.engine import Terms, run
from holdfast.backtest.models import BacktestPart
from holdfast.core.bars import Bars
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns
from holdfast.platform.clock import SystemClock
from holdfast.scripts.language.run import execute
from holdfast.scripts.running import task_of

UNKNOWN = "00000000-0000-4000-8000-000000000000"


def saw() -> Bars:
    opens = np.array(SAW, np.int64)
    closes = np.append(opens[1:], opens[-1])
    times = START + HOUR * np.arange(len(opens))
    high, low = np.maximum(opens, closes), np.minimum(opens, closes)
    return Bars(times, opens, high, low, closes, np.ones(len(opens), np.int64), 0, 0)


async def test_own_bars_are_back_tested_as_any_symbol(desk: Desk, owner: Headers, own: str) -> None:
    script = await desk.script(owner)
    asked = await desk.ask(owner, wanted(script, own))
    assert (asked["state"], asked["progress"]["stage"], asked["figures"]) == ("queued", "queued", None)
    await desk.worker.run()
    told = await desk.see(owner, asked["id"])
    assert (told["state"], told["error"], told["bars"]) == ("done", None, 400), told
    assert told["name"] == "Mine · Saw · 1h"
    assert told["source"] == {
        "kind": "script", "script_id": script, "version": 1, "name": "Mine", "deleted": False
    }  # fmt: skip
    assert told["first_bar"] == "2023-11-15T00:00:00Z"
    assert [one["kind"] for one in told["warnings"]] == []

    bars = saw()
    output = execute(task_of(TREND, own, Timeframe.H1, {}), bars.as_floats())
    assert output.target is not None
    terms = Terms.of(
        capital=Decimal(10_000),
        tick=Decimal(1),
        lot=Decimal("1e-8"),
        fee_rate=Decimal("0.001"),
        slippage=Decimal(0),
        allow_short=False,
    )
    expected = run(bars, output.target, terms)
    assert Decimal(told["figures"]["equity"]) == terms.money(expected.book.equity(SAW[-1]))
    assert Decimal(told["figures"]["fees"]) == terms.money(expected.book.fees)
    assert Decimal(told["figures"]["profit"]) == Decimal(told["figures"]["equity"]) - 10_000
    assert told["figures"]["trades"] == sum(fill.lots < 0 for fill in expected.fills) > 5
    assert 2 < len(told["sparkline"]) <= 60


async def test_what_came_out_is_read_in_pieces(desk: Desk, owner: Headers) -> None:
    made = await desk.dataset(owner, csv_of(ups_and_downs(3000)), name="Walk")
    script = await desk.script(owner)
    told = await desk.done(owner, wanted(script, made["series"]))
    path = f"/api/backtests/{told['id']}"
    answer = await desk.client.get(f"{path}/equity?points=200", headers=owner)
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    header, curves = columns.decode(answer.content)
    assert [one["name"] for one in header["columns"]] == ["time", "equity", "hold", "drawdown", "weight"]
    _, whole = columns.decode((await desk.client.get(f"{path}/equity?points=10000", headers=owner)).content)
    assert len(whole["time"]) == 3000
    assert 100 < len(curves["time"]) <= 200
    for name, best in (("equity", max), ("equity", min), ("drawdown", min)):
        assert best(curves[name]) == best(whole[name])
    assert float(curves["equity"][-1]) == pytest.approx(float(told["figures"]["equity"]))
    assert float(whole["drawdown"].min()) == pytest.approx(told["figures"]["max_drawdown"])

    seen: list[Any] = []
    cursor: str | None = None
    while True:
        query = {"limit": 7} | ({"cursor": cursor} if cursor else {})
        page = (await desk.client.get(f"{path}/trades", params=query, headers=owner)).json()
        assert len(page["items"]) <= 7
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    over = [one for one in seen if one["closed_at"]]
    assert [one["number"] for one in seen] == list(range(1, len(seen) + 1))
    assert len(over) == told["figures"]["trades"] > 100
    assert sum(Decimal(one["profit"]) for one in seen) == Decimal(told["figures"]["profit"])
    assert sum(Decimal(one["fees"]) for one in seen) == Decimal(told["figures"]["fees"])
    file = await desk.client.get(f"{path}/trades.csv", headers=owner)
    assert file.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(file.text.split("\r\n", 1)[1])))
    assert [row["profit"] for row in rows] == [one["profit"] for one in seen]


async def test_own_signals_are_back_tested(desk: Desk, owner: Headers, own: str) -> None:
    times = [START - 5, START + 10 * HOUR, START + 30 * HOUR + 60, START + 50 * HOUR, START + 51 * HOUR]
    kinds = ["buy", "buy", "exit", "info", "sell"]
    content = "timestamp,type\n" + "".join(f"{t},{k}\n" for t, k in zip(times, kinds, strict=True))
    signals = await desk.dataset(owner, content, kind="signals", name="Gut", series=own)
    body = wanted("", own, signal_size="0.5", fee_rate="0", allow_short=True)
    body["source"] = {"kind": "signals", "dataset_id": signals["id"]}
    told = await desk.done(owner, body)
    assert told["state"] == "done", told
    assert told["source"] == {"kind": "signals", "dataset_id": signals["id"], "name": "Gut"}
    assert [one["message"] for one in told["warnings"]] == ["2 signals trade nothing."]
    page = (await desk.client.get(f"/api/backtests/{told['id']}/trades", headers=owner)).json()
    first, second = page["items"]
    assert (first["side"], first["entry"], first["exit"]) == ("long", str(SAW[11]), str(SAW[31]))
    assert first["quantity"] == str(round(Decimal(5000) / SAW[11] - Decimal("5e-9"), 8))
    assert first["opened_at"] == f"{datetime.fromtimestamp(START + 11 * HOUR, UTC):%Y-%m-%dT%H:%M:%SZ}"
    assert (second["side"], second["entry"], second["closed_at"]) == ("short", str(SAW[52]), None)


async def test_a_script_that_looks_ahead_is_marked(desk: Desk, owner: Headers, own: str) -> None:
    script = await desk.script(owner, LOOKS_AHEAD)
    told = await desk.done(owner, wanted(script, own))
    assert told["state"] == "done"
    assert told["warnings"][0]["kind"] == "look-ahead"
    assert "looks into the future" in told["warnings"][0]["message"]
    assert "1 bar ahead" in told["warnings"][0]["detail"]


async def test_a_script_that_fails_says_where(desk: Desk, owner: Headers, own: str) -> None:
    told = await desk.done(owner, wanted(await desk.script(owner, FAILS), own))
    assert (told["state"], told["figures"]) == ("failed", None)
    assert (told["error"]["kind"], told["error"]["line"]) == ("script", 3)
    silent = await desk.done(owner, wanted(await desk.script(owner, 'script("Mute")\n'), own))
    assert (silent["state"], silent["error"]["kind"]) == ("failed", "result")
    assert "neither target() nor signal()" in silent["error"]["message"]
    unknown = await desk.done(owner, wanted(await desk.script(owner), own, inputs={"Nonsense": 3}))
    assert (unknown["state"], unknown["error"]["kind"]) == ("failed", "refused")


async def test_times_choose_the_bars_and_the_script_sees_some_before(
    desk: Desk, owner: Headers, own: str
) -> None:
    script = await desk.script(owner)
    since, until = START + 100 * HOUR - 1800, START + 150 * HOUR + 1800
    body = wanted(script, own, since=_iso(since), until=_iso(until))
    told = await desk.done(owner, body)
    assert (told["bars"], told["first_bar"]) == (50, _iso(START + 100 * HOUR))
    assert told["last_bar"] == _iso(START + 149 * HOUR)
    assert desk.worker.scripts.lengths[0] == 150
    assert told["settings"]["since"] == _iso(since)


async def test_longer_bars_are_made_of_shorter_ones(desk: Desk, owner: Headers, own: str) -> None:
    told = await desk.done(owner, wanted(await desk.script(owner), own, timeframe="4h"))
    assert (told["state"], told["bars"]) == ("done", 100)


async def test_holes_are_told(desk: Desk, owner: Headers) -> None:
    rows = csv_of(SAW).splitlines(keepends=True)
    made = await desk.dataset(owner, "".join(rows[:50] + rows[60:200] + rows[205:]), name="Holed")
    told = await desk.done(
        owner, wanted(await desk.script(owner), made["series"], since=_iso(START - 90 * 86_400))
    )
    assert [(one["kind"], one["message"]) for one in told["warnings"]] == [
        ("gaps", "15 bars are missing, in 2 holes.")
    ]
    assert "misses 10" in told["warnings"][0]["detail"]


async def test_another_version_and_other_inputs(desk: Desk, owner: Headers, own: str, key: Key) -> None:
    script = await desk.script(owner)
    changed = await desk.client.put(
        f"/api/scripts/{script}",
        json={"source": 'script("Flat")\ntarget(np.zeros(len(bars.close)))\n', "version": 1},
        headers=owner | key(),
    )
    assert changed.status_code == 200, changed.text
    newest = await desk.done(owner, wanted(script, own))
    assert (newest["source"]["version"], newest["figures"]["trades"]) == (2, 0)
    assert [one["message"] for one in newest["warnings"]] == ["Nothing was traded."]
    first = wanted(script, own, inputs={"fast": 5})
    first["source"]["version"] = 1
    older = await desk.done(owner, first)
    assert older["source"]["version"] == 1
    assert older["figures"]["trades"] > 0
    assert desk.worker.scripts.runs[-1][0].inputs == {"fast": 5}
    gone = await desk.client.delete(f"/api/scripts/{script}", headers=owner | key())
    assert gone.status_code == 204
    again = await desk.see(owner, older["id"])
    assert again["source"]["deleted"]
    assert (await desk.done(owner, first))["state"] == "done"


# --- who asks, and how --------------------------------------------------------------------------------------


async def test_nobody_elses(desk: Desk, owner: Headers, stranger: Headers, own: str, key: Key) -> None:
    script = await desk.script(owner)
    told = await desk.done(owner, wanted(script, own))
    path = f"/api/backtests/{told['id']}"
    for tail in ("", "/equity", "/trades", "/trades.csv"):
        assert (await desk.client.get(f"{path}{tail}", headers=stranger)).status_code == 404
    assert (await desk.client.post(f"{path}/cancel", headers=stranger | key())).status_code == 404
    assert (await desk.client.delete(path, headers=stranger | key())).status_code == 404
    assert (await desk.client.get("/api/backtests", headers=stranger)).json()["items"] == []
    theirs = await desk.script(stranger)
    assert (await desk.post(stranger, wanted(theirs, own))).status_code == 404
    mine = await desk.dataset(stranger, csv_of(SAW))
    assert (await desk.post(stranger, wanted(script, mine["series"]))).status_code == 404
    signals = await desk.dataset(
        owner, f"timestamp,type\n{START},buy\n", kind="signals", name="Gut", series=own
    )
    body = wanted("", mine["series"]) | {"source": {"kind": "signals", "dataset_id": signals["id"]}}
    assert (await desk.post(stranger, body)).status_code == 404
    assert (await desk.client.get(path)).status_code == 401
    listed = (await desk.client.get("/api/backtests", headers=owner)).json()["items"]
    assert [one["id"] for one in listed] == [told["id"]]
    of_script = await desk.client.get(f"/api/backtests?script_id={script}", headers=owner)
    assert len(of_script.json()["items"]) == 1
    of_none = await desk.client.get(f"/api/backtests?script_id={UNKNOWN}", headers=owner)
    assert of_none.json()["items"] == []


async def test_one_key_asks_once(desk: Desk, owner: Headers, own: str) -> None:
    body = wanted(await desk.script(owner), own)
    first, again = await desk.post(owner, body, "same"), await desk.post(owner, body, "same")
    assert first.json()["id"] == again.json()["id"]
    assert (await desk.post(owner, body | {"capital": "5"}, "same")).status_code == 422
    assert (await desk.client.post("/api/backtests", json=body, headers=owner)).status_code == 400


async def test_bad_questions_are_refused(desk: Desk, owner: Headers, own: str) -> None:
    script = await desk.script(owner)
    tomorrow = SystemClock().now() + timedelta(days=1)
    for wrong, status in (
        ({"series": "own:nothing"}, 404),
        ({"series": "nowhere:COIN"}, 404),
        ({"series": "BTCUSDT"}, 422),
        ({"series": "a:\x00b"}, 422),
        ({"timeframe": "7m"}, 422),
        ({"timeframe": "1m"}, 422),
        ({"since": tomorrow.isoformat()}, 422),
        ({"until": tomorrow.isoformat()}, 422),
        ({"since": "2024-01-02T00:00:00Z", "until": "2024-01-01T00:00:00Z"}, 422),
        ({"since": "2024-01-02T00:00:00"}, 422),
        ({"since": "1500-01-02T00:00:00Z"}, 422),
        ({"capital": "0"}, 422),
        ({"capital": "-5"}, 422),
        ({"capital": "NaN"}, 422),
        ({"capital": "1e30"}, 422),
        ({"fee_rate": "0.5"}, 422),
        ({"fee_rate": "-0.001"}, 422),
        ({"slippage": "1"}, 422),
        ({"signal_size": "0"}, 422),
        ({"signal_size": "1.5"}, 422),
        ({"inputs": {"x": "y" * 301}}, 422),
        ({"inputs": {"x\x00": 1}}, 422),
        ({"inputs": {str(i): i for i in range(65)}}, 422),
        ({"leverage": 100}, 422),
        ({"source": {"kind": "script", "script_id": UNKNOWN}}, 404),
        ({"source": {"kind": "script", "script_id": script, "version": 9}}, 404),
        ({"source": {"kind": "signals", "dataset_id": UNKNOWN}}, 404),
        ({"source": {"kind": "signals", "dataset_id": own.partition(":")[2]}}, 422),
        ({"source": {"kind": "oracle"}}, 422),
    ):
        answer = await desk.post(owner, wanted(script, own) | wrong)
        assert answer.status_code == status, (wrong, answer.text)
        assert answer.json()["title"]
    assert (await desk.client.get("/api/backtests", headers=owner)).json()["items"] == []
    for path in ("?cursor=bad", f"/{UNKNOWN}", "/nonsense"):
        assert (await desk.client.get(f"/api/backtests{path}", headers=owner)).status_code in (404, 422)


async def test_too_many_bars_are_refused_at_once(desk: Desk, owner: Headers) -> None:
    made = await desk.dataset(owner, csv_of([5, 6, 7], step=60) + "1760000040,5,5,5,5,1\n", timeframe="1m")
    assert made["state"] == "ready", made
    script = await desk.script(owner)
    answer = await desk.post(owner, wanted(script, made["series"], timeframe="1m"))
    assert answer.status_code == 202
    long = csv_of([5, 6], step=60) + "1780000020,5,5,5,5,1\n"
    wide = await desk.dataset(
        owner, long.replace(str(START), "1600000020").replace(str(START + 60), "1600000080")
    )
    assert wide["state"] == "ready", wide
    refused = await desk.post(owner, wanted(script, wide["series"], timeframe="1m"))
    assert refused.status_code == 422
    assert "2,000,000 are the most" in refused.json()["detail"]


async def test_a_user_keeps_and_runs_so_many(
    desk: Desk, owner: Headers, own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = wanted(await desk.script(owner), own)
    monkeypatch.setattr(service, "MOST_WAITING", 2)
    await desk.done(owner, body)
    await desk.ask(owner, body)
    await desk.ask(owner, body)
    refused = await desk.post(owner, body)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "10")
    await desk.worker.run()
    monkeypatch.setattr(service, "MOST_KEPT", 3)
    full = await desk.post(owner, body)
    assert full.status_code == 409
    assert "most" in full.json()["detail"]


async def test_newest_first_a_page_at_a_time(desk: Desk, owner: Headers, own: str) -> None:
    body = wanted(await desk.script(owner), own)
    made = [(await desk.ask(owner, body))["id"] for _ in range(5)]
    first = (await desk.client.get("/api/backtests?limit=3", headers=owner)).json()
    second = await desk.client.get(f"/api/backtests?limit=3&cursor={first['next_cursor']}", headers=owner)
    found = [one["id"] for one in first["items"] + second.json()["items"]]
    assert found == made[::-1]
    assert second.json()["next_cursor"] is None


async def test_deleting_leaves_nothing(desk: Desk, owner: Headers, own: str, key: Key) -> None:
    told = await desk.done(owner, wanted(await desk.script(owner), own))
    path = f"/api/backtests/{told['id']}"
    assert (await desk.client.delete(path, headers=owner | key())).status_code == 204
    assert (await desk.client.get(path, headers=owner)).status_code == 404
    async with desk.database.transaction() as session:
        assert await _count(session) == 0


async def test_what_is_not_done_has_no_result(desk: Desk, owner: Headers, own: str) -> None:
    asked = await desk.ask(owner, wanted(await desk.script(owner), own))
    for tail in ("equity", "trades", "trades.csv"):
        answer = await desk.client.get(f"/api/backtests/{asked['id']}/{tail}", headers=owner)
        assert answer.status_code == 409


async def _count(session: AsyncSession) -> int:
    return int(await session.scalar(select(func.count()).select_from(BacktestPart)) or 0)


def _iso(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%SZ}"
