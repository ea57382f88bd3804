"""Values of scripts over HTTP are those over the whole history, beside the bars of the same page."""

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import numpy as np
import pytest
from fastapi import FastAPI
from tests.charts.conftest import Headers, history, key, owner, stranger, user_id
from tests.scripts.bars import ordinary_bars
from tests.scripts.local import CROSS, FAILS, LocalRunner, script_of

from holdfast.charts.datasets.models import Dataset
from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns, store
from holdfast.market.candles.models import CandleSeries
from holdfast.market.candles.tags import changed
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import execute
from holdfast.scripts.running import task_of
from holdfast.scripts.sandbox import Sandbox
from holdfast.scripts.values import WARMUP

__all__ = ["history", "key", "owner", "stranger", "user_id"]

Key = Callable[[], Headers]

DECAYS = """\
script("Decay", pane="Decay")
n = input.int("Length", 20)
plot(ta.ema(bars.close, n), "EMA"); plot(ta.rsi(bars.close, 14), "RSI")
signal(np.sign(bars.close - ta.ema(bars.close, n)))
"""


@pytest.fixture
def runner(app: FastAPI, sandbox: Sandbox) -> LocalRunner:
    app.state.sandbox = LocalRunner(sandbox)
    return app.state.sandbox  # type: ignore[no-any-return]


@pytest.fixture
def keep(client: httpx2.AsyncClient, runner: LocalRunner, key: Key) -> Callable[..., Any]:
    async def kept(headers: Headers, source: str = CROSS) -> str:
        answer = await client.post("/api/scripts", json=script_of(source=source), headers=headers | key())
        assert answer.status_code == 201, answer.text
        runner.runs.clear()
        runner.lengths.clear()
        return f"/api/scripts/{answer.json()['id']}"

    return kept


async def ask(
    client: httpx2.AsyncClient, path: str, headers: Headers, **query: Any
) -> tuple[dict[str, Any], Any]:
    asked = {"series": "made:COIN", "timeframe": "5m", **query}
    answer = await client.get(f"{path}/values", params=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    return columns.decode(answer.content)


def whole_history(source: str, bars: Bars, timeframe: Timeframe, **inputs: Any) -> Output:
    return execute(task_of(source, "made:COIN", timeframe, inputs), bars.as_floats())


async def test_every_page_holds_what_the_whole_history_gives(
    client: httpx2.AsyncClient, history: Bars, owner: Headers, keep: Any
) -> None:
    """Also where the bars before the page lie beyond a hole."""
    ends = (int(history.time[-1]) + 1, int(history.time[0]) + 23 * 86_400)
    for source in (CROSS, DECAYS):
        path = await keep(owner, source)
        for timeframe, limit, before in ((Timeframe.M5, 150, ends[0]), (Timeframe.M15, 60, ends[1])):
            whole = resample(history, timeframe)
            expected = whole_history(source, whole, timeframe)
            header, found = await ask(
                client, path, owner, timeframe=timeframe.value, before=before, limit=limit
            )
            shown = (whole.time >= header["from"]) & (whole.time < header["until"])
            assert header["count"] == shown.sum() > 0
            assert header["warmup"] >= WARMUP
            assert np.array_equal(found["time"], whole.time[shown])
            wanted = [(plot.id, plot.values) for plot in expected.plots]
            wanted += [(f"marker:{n}", one.on) for n, one in enumerate(expected.markers)]
            wanted += [("signals", expected.signals)]
            wanted += [] if expected.target is None else [("target", expected.target)]
            assert [one["name"] for one in header["columns"]] == ["time", *(name for name, _ in wanted)]
            for name, column in wanted:
                same = np.isclose(found[name], column[shown], rtol=1e-9, equal_nan=True)
                assert same.all(), (name, timeframe)


async def test_the_header_says_what_is_drawn(
    client: httpx2.AsyncClient, history: Bars, owner: Headers, keep: Any
) -> None:
    span = {"timeframe": "15m", "before": int(history.time[-1]), "limit": 100}
    answer = await client.get("/api/candles/made/COIN", params=span)
    bars_header, _ = columns.decode(answer.content)
    header, _ = await ask(client, await keep(owner), owner, **span)
    for name in ("from", "until", "more", "count", "forming", "gaps", "series", "timeframe"):
        assert header[name] == bars_header[name]
    assert (header["title"], header["overlay"], header["error"]) == ("Cross", True, None)
    assert [(one["label"], one["kind"], one["pane"]) for one in header["plots"]] == [
        ("Quick", "line", "price"), ("Lazy", "line", "price"),
    ]  # fmt: skip
    assert header["lines"] == [{"value": 30000.0, "label": "Line", "colour": 7}]
    assert [(one["label"], one["shape"], one["at"]) for one in header["markers"]] == [
        ("buy", "up", "below"), ("sell", "down", "above"),
    ]  # fmt: skip
    assert [one["name"] for one in header["inputs"]] == ["fast", "slow"]
    assert header["logs"] == ["ran"]


async def test_inputs_are_read_from_the_address(
    client: httpx2.AsyncClient, history: Bars, owner: Headers, keep: Any
) -> None:
    path, before = await keep(owner), int(history.time[-1]) + 1
    _, found = await ask(client, path, owner, before=before, limit=50, **{"in.fast": "3"})
    expected = whole_history(CROSS, history, Timeframe.M5, fast=3)
    assert found["quick"] == pytest.approx(expected.plots[0].values[-50:])
    for query, words in (
        ({"in.fast": "1"}, "Fast"),
        ({"in.fast": "many"}, "Fast"),
        ({"in.quick": "3"}, "no input 'quick'"),
        ({"in.fast": "9" * 301}, "too long"),
        ({f"in.x{n}": "1" for n in range(65)}, "too many inputs"),
    ):
        asked = {"series": "made:COIN", "timeframe": "5m", "before": before, **query}
        answer = await client.get(f"{path}/values", params=asked, headers=owner)
        assert answer.status_code == 422, query
        assert words in answer.json()["detail"]
        assert answer.json()["advice"]


async def test_what_is_still_forming_signals_nothing(
    client: httpx2.AsyncClient, app: FastAPI, database: Database, owner: Headers, keep: Any
) -> None:
    now = int(app.state.clock.now().timestamp())
    start = now // 86_400 * 86_400 - 400 * 86_400
    bars = ordinary_bars(401, 3, step=86_400)
    bars = Bars(start + 86_400 * np.arange(401), *bars.columns[1:], 2, 3)
    async with database.transaction() as session:
        one = await store.series(
            session, "made", "LIVE", base_seconds=86_400, price_decimals=2, volume_decimals=3
        )
        await store.write(session, one.id, bars, origin="test")
    always = (
        'script("Always")\nplot(bars.close, "Close")\nmarker(bars.close > 0, "on")\n'
        "signal(np.ones(len(bars.close)))\ntarget(np.ones(len(bars.close)))\n"
    )
    header, found = await ask(
        client, await keep(owner, always), owner, series="made:LIVE", timeframe="1d", limit=10
    )
    assert header["forming"]
    assert found["time"][-1] == bars.time[-1]
    assert not np.isnan(found["close"]).any()
    assert found["marker:0"].tolist() == [1] * 9 + [0]
    for name in ("signals", "target"):
        assert found[name][:-1].tolist() == [1] * 9
        assert np.isnan(found[name][-1])


async def test_no_bars_make_no_values(
    client: httpx2.AsyncClient, history: Bars, runner: LocalRunner, owner: Headers, keep: Any
) -> None:
    path = await keep(owner)
    header, found = await ask(client, path, owner, before=int(history.time[0]), limit=10)
    assert (header["count"], len(found["time"]), header["plots"]) == (0, 0, [])
    assert not runner.runs
    header, found = await ask(client, path, owner, before=int(history.time[0]) + 3000, limit=10)
    assert (header["count"], header["warmup"]) == (10, 0)


async def test_a_failed_script_says_why_and_where(
    client: httpx2.AsyncClient, history: Bars, owner: Headers, keep: Any
) -> None:
    asked = {"series": "made:COIN", "timeframe": "5m"}
    answer = await client.get(f"{await keep(owner, FAILS)}/values", params=asked, headers=owner)
    assert answer.status_code == 422
    assert (answer.json()["kind"], answer.json()["line"]) == ("script", 3)
    assert "nothing" in answer.json()["detail"]
    assert answer.json()["advice"]
    answer = await client.get(f"{await keep(owner, 'plot(')}/values", params=asked, headers=owner)
    assert (answer.status_code, answer.json()["kind"], answer.json()["line"]) == (422, "syntax", 1)


async def test_without_a_sandbox_there_are_no_values_and_it_is_said_what_to_do(
    client: httpx2.AsyncClient, history: Bars, runner: LocalRunner, owner: Headers, keep: Any
) -> None:
    path = await keep(owner)
    runner.away = True
    asked = {"series": "made:COIN", "timeframe": "5m", "before": int(history.time[-1])}
    answer = await client.get(f"{path}/values", params=asked, headers=owner)
    assert answer.status_code == 503
    assert answer.json()["advice"]
    runner.away = False
    await ask(client, path, owner, before=int(history.time[-1]))


async def test_a_script_that_does_not_end_is_ended(
    client: httpx2.AsyncClient, history: Bars, runner: LocalRunner, owner: Headers
) -> None:
    wanted = {"source": "plot(bars.close)\nwhile True: pass", "series": "made:COIN", "timeframe": "5m"}
    answer = await client.post("/api/scripts/preview", json=wanted, headers=owner)
    assert (answer.status_code, answer.json()["kind"]) == (422, "limit")
    assert answer.json()["advice"]
    honest = await client.post("/api/scripts/preview", json={**wanted, "source": CROSS}, headers=owner)
    assert honest.status_code == 200


async def test_where_no_sandbox_listens_it_is_said(
    client: httpx2.AsyncClient, history: Bars, owner: Headers
) -> None:
    wanted = {"source": CROSS, "series": "made:COIN", "timeframe": "5m"}
    for path in ("preview", "check"):
        answer = await client.post(f"/api/scripts/{path}", json=wanted, headers=owner)
        assert answer.status_code == 503
        assert "does not answer" in answer.json()["detail"]
        assert "holdfast" in answer.json()["advice"]


async def test_versions_have_their_own_values(
    client: httpx2.AsyncClient, history: Bars, runner: LocalRunner, owner: Headers, keep: Any, key: Key
) -> None:
    path, before = await keep(owner), int(history.time[-1])
    first = await ask(client, path, owner, before=before, limit=20)
    changed = {"source": CROSS.replace('"Slow", 20', '"Slow", 40'), "version": 1}
    assert (await client.put(path, json=changed, headers=owner | key())).status_code == 200
    second = await ask(client, path, owner, before=before, limit=20)
    old = await ask(client, path, owner, before=before, limit=20, version=1)
    assert not np.array_equal(first[1]["lazy"], second[1]["lazy"])
    assert np.array_equal(first[1]["lazy"], old[1]["lazy"])
    missing = await client.get(f"{path}/values", params={"series": "made:COIN", "version": 3}, headers=owner)
    assert missing.status_code == 404


# --- what is kept -------------------------------------------------------------------------------------------


async def test_an_answer_is_kept_until_the_series_changes(
    client: httpx2.AsyncClient,
    database: Database,
    history: Bars,
    runner: LocalRunner,
    owner: Headers,
    keep: Any,
) -> None:
    path, before = await keep(owner), int(history.time[-1])
    for _ in range(3):
        await ask(client, path, owner, before=before, limit=20)
    assert len(runner.runs) == 1
    await ask(client, path, owner, before=before, limit=20, **{"in.fast": "6"})
    assert len(runner.runs) == 2
    async with database.transaction() as session:
        one = await session.get_one(CandleSeries, (await store.series(session, "made", "COIN")).id)
        await changed(session, one)
    await ask(client, path, owner, before=before, limit=20)
    assert len(runner.runs) == 3


async def test_what_is_kept_is_for_its_owner_only(
    client: httpx2.AsyncClient,
    history: Bars,
    runner: LocalRunner,
    owner: Headers,
    stranger: Headers,
    keep: Any,
) -> None:
    mine, theirs = await keep(owner), await keep(stranger)
    before = int(history.time[-1])
    await ask(client, mine, owner, before=before, limit=20)
    asked = {"series": "made:COIN", "timeframe": "5m", "before": before, "limit": 20}
    assert (await client.get(f"{mine}/values", params=asked, headers=stranger)).status_code == 404
    await ask(client, theirs, stranger, before=before, limit=20)
    assert len(runner.runs) == 2
    assert runner.runs[0][1] != runner.runs[1][1]
    assert {purpose for _, _, purpose in runner.runs} == {"chart"}


async def test_own_bars_are_there_for_their_owners_scripts_only(
    client: httpx2.AsyncClient,
    database: Database,
    history: Bars,
    runner: LocalRunner,
    owner: Headers,
    user_id: UUID,
    stranger: Headers,
    keep: Any,
) -> None:
    series = await own_bars(database, user_id, history.take(slice(0, 400)))
    before = int(history.time[400])
    mine, theirs = await keep(owner), await keep(stranger)
    asked = {"series": series, "timeframe": "5m"}

    async def answers(path: str, headers: Headers) -> list[httpx2.Response]:
        return [
            await client.get(f"{path}/values", params={**asked, "before": before}, headers=headers),
            await client.post(
                "/api/scripts/preview", json={"source": CROSS, "before": before, **asked}, headers=headers
            ),
            await client.post("/api/scripts/check", json={"source": CROSS, **asked}, headers=headers),
        ]

    assert [one.status_code for one in await answers(mine, owner)] == [200, 200, 200]
    runner.runs.clear()
    for answer in await answers(theirs, stranger):
        assert answer.status_code == 404
        assert "There are no bars" in answer.json()["detail"]
    assert not runner.runs


async def own_bars(database: Database, user_id: UUID, bars: Bars) -> str:
    made, now = uuid4(), SystemClock().now()
    async with database.transaction() as session:
        session.add(
            Dataset(
                id=made, user_id=user_id, kind="bars", name="Mine", series=f"own:{made}", file_name="a.csv",
                size=1, state="ready", rows=len(bars), rows_done=len(bars), step=300,
                first_time=int(bars.time[0]), last_time=int(bars.time[-1]), created_at=now, updated_at=now,
            )
        )  # fmt: skip
        one = await store.series(
            session, "own", str(made), base_seconds=300, price_decimals=2, volume_decimals=3
        )
        await store.write(session, one.id, bars, origin="test")
        await store.seal(session, one.id, int(bars.time[-1]) // 86_400)
    return f"own:{made}"


# --- what is not saved --------------------------------------------------------------------------------------


async def test_a_preview_is_what_would_be_kept(
    client: httpx2.AsyncClient, history: Bars, runner: LocalRunner, owner: Headers, keep: Any
) -> None:
    path = await keep(owner)
    span = {"timeframe": "15m", "before": int(history.time[-1]), "limit": 40}
    header, found = await ask(client, path, owner, **span, **{"in.slow": "30"})
    wanted = {"source": CROSS, "series": "made:COIN", "inputs": {"slow": 30}, **span}
    answer = await client.post("/api/scripts/preview", json=wanted, headers=owner)
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    shown, columns_of = columns.decode(answer.content)
    assert shown == header
    assert all(np.array_equal(columns_of[name], found[name], equal_nan=True) for name in found)
    assert runner.runs[-1][2] == "editor"
    failed = await client.post("/api/scripts/preview", json={**wanted, "source": FAILS}, headers=owner)
    assert (failed.status_code, failed.json()["line"]) == (422, 3)
    nobody = await client.post("/api/scripts/preview", json=wanted)
    assert nobody.status_code == 401


async def test_a_check_tells_what_a_source_does_and_keeps_nothing(
    client: httpx2.AsyncClient, history: Bars, runner: LocalRunner, owner: Headers
) -> None:
    wanted = {"source": CROSS, "series": "made:COIN", "timeframe": "15m", "inputs": {"fast": 4}}
    answer = await client.post("/api/scripts/check", json=wanted, headers=owner)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["title"], found["series"], found["timeframe"]) == ("Cross", "made:COIN", "15m")
    assert found["error"] is None
    bars = resample(history, Timeframe.M15)
    bars = bars.take(slice(len(bars) - found["bars"], None))
    expected = whole_history(CROSS, bars, Timeframe.M15, fast=4)
    outputs = found["outputs"]
    assert [one["count"] for one in outputs["markers"]] == [int(one.on.sum()) for one in expected.markers]
    up, down = (one["count"] for one in outputs["markers"])
    assert outputs["signals"] == {"up": up, "down": down}
    assert outputs["target"] == {"given": found["bars"], "lowest": 0.0, "highest": 1.0}
    assert outputs["alerts"] == [{"message": "{symbol} crossed", "count": up}]
    assert outputs["recent"][-1]["values"] == [pytest.approx(one.values[-1]) for one in expected.plots]
    assert outputs["recent"][-1]["time"] == bars.time[-1]
    assert found["logs"] == ["ran"]
    assert (await client.get("/api/scripts", headers=owner)).json() == []


async def test_a_check_of_what_fails_says_where_and_is_no_failure_itself(
    client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers
) -> None:
    found = (await client.post("/api/scripts/check", json={"source": FAILS}, headers=owner)).json()
    assert (found["error"]["kind"], found["error"]["line"]) == ("script", 3)
    assert found["outputs"] is None
    assert found["series"] is None
    assert len(runner.runs) == 1


async def test_one_check_at_a_time(
    client: httpx2.AsyncClient, runner: LocalRunner, owner: Headers, stranger: Headers, key: Key
) -> None:
    runner.held = asyncio.Event()
    first = asyncio.create_task(client.post("/api/scripts/check", json={"source": CROSS}, headers=owner))
    async with asyncio.timeout(20):
        while not runner.runs:
            await asyncio.sleep(0.01)
    second = await client.post("/api/scripts/check", json={"source": CROSS}, headers=owner)
    assert second.status_code == 429
    assert second.headers["Retry-After"]
    saved = asyncio.create_task(client.post("/api/scripts", json=script_of(), headers=owner | key()))
    other = asyncio.create_task(client.post("/api/scripts/check", json={"source": CROSS}, headers=stranger))
    async with asyncio.timeout(20):
        while len({who for _, who, _ in runner.runs}) < 2:
            await asyncio.sleep(0.01)
    runner.held.set()
    assert (await first).status_code == 200
    assert (await other).status_code == 200
    assert (await saved).status_code == 201, "who saves waits, and is not refused"
    again = await client.post("/api/scripts/check", json={"source": CROSS}, headers=owner)
    assert again.status_code == 200


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"series": "made:NOTHING"}, 404, "no bars"),
        ({"series": "nonsense"}, 422, "names no series"),
        ({"timeframe": "7m"}, 422, "timeframe"),
        ({"timeframe": "1m"}, 422, "make no 1m"),
        ({"inputs": {"fast": {"a": 1}}}, 422, "inputs"),
        ({"inputs": {"x" * 81: 1}}, 422, "inputs"),
        ({"inputs": {f"x{n}": 1 for n in range(65)}}, 422, "inputs"),
        ({"limit": 2001}, 422, "limit"),
        ({"before": -1}, 422, "before"),
        ({"source": "x" * 70_000}, 422, "source"),
    ],
)
async def test_refusals_say_what_to_do(
    client: httpx2.AsyncClient,
    history: Bars,
    runner: LocalRunner,
    owner: Headers,
    change: dict[str, Any],
    status: int,
    words: str,
) -> None:
    whole = {"source": CROSS, "series": "made:COIN", "timeframe": "5m", **change}
    answers = [await client.post("/api/scripts/preview", json=whole, headers=owner)]
    if not {"limit", "before"} & change.keys():
        answers.append(await client.post("/api/scripts/check", json=whole, headers=owner))
    for answer in answers:
        assert answer.status_code == status, answer.text
        assert words in answer.json()["detail"]
        assert answer.json()["advice"]
    assert not runner.runs
