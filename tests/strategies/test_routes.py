"""Strategies at the API's door: each its owner's, each change once, nothing that cannot be."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from fastapi import FastAPI
from sqlalchemy import func, insert, select
from tests.charts.conftest import Headers, add_user, sign_in
from tests.strategies.world import FLIPS, SERIES, START, World

from holdfast.backtest.schemas import NewBacktest
from holdfast.charts.datasets.models import Dataset
from holdfast.core.timeframes import MINUTE
from holdfast.market.candles import columns, store
from holdfast.platform.models import Job
from holdfast.platform.tasks import RunAgainIn, Work
from holdfast.strategies import curve, repository, schemas, service, tasks
from holdfast.strategies.models import Strategy, StrategyBar, StrategyEvent, StrategyFill

Key = Callable[[], Headers]
PATH = "/api/strategies"


class Door:
    """The API on the world's clock, for one user."""

    def __init__(self, client: httpx2.AsyncClient, world: World, headers: Headers, key: Key) -> None:
        self.client, self.world, self.headers, self.key = client, world, headers, key

    async def wanted(self, source: str = FLIPS, **more: Any) -> dict[str, Any]:
        script_id = str(await self.world.script(source))
        return {"name": "Try", "script_id": script_id, "series": SERIES, "timeframe": "1m", **more}

    async def send(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        headers = self.headers | self.key() | more
        return await self.client.request(method, PATH + path, json=body, headers=headers)

    async def start(self, **more: Any) -> dict[str, Any]:
        answer = await self.send("POST", "", await self.wanted(**more))
        assert answer.status_code == 201, answer.text
        return answer.json()  # type: ignore[no-any-return]

    async def read(self, path: str = "") -> Any:
        answer = await self.client.get(PATH + path, headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
async def door(app: FastAPI, client: httpx2.AsyncClient, world: World, owner: Headers, key: Key) -> Door:
    world.clock.second = app.state.clock.now().timestamp() // MINUTE * MINUTE
    return Door(client, world, owner, key)


async def count(world: World, model: Any) -> int:
    async with world.database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_what_is_started_is_told_as_it_is(door: Door) -> None:
    made = await door.start(capital="2500", inputs={}, allow_short=True)
    assert (made["state"], made["closing"], made["waiting"], made["error"]) == ("paper", False, "", None)
    assert (made["quote"], made["capital"], made["equity"], made["cash"]) == ("USDT", "2500", "2500", "2500")
    assert (made["quantity"], made["entry"], made["price"], made["pnl"]) == ("0", None, None, "0")
    assert (made["script"]["name"], made["script"]["version"], made["script"]["deleted"]) == (
        "Mine",
        1,
        False,
    )
    assert await door.read() == [made]
    assert await door.read(f"/{made['id']}") == made
    (started,) = (await door.read(f"/{made['id']}/events"))["items"]
    assert (started["kind"], "2500 USDT" in started["text"]) == ("started", True)
    async with door.world.database.transaction() as session:
        (job,) = (await session.scalars(select(Job).where(Job.kind == service.STEP))).all()
    assert (job.subject, job.finished_at) == (made["id"], None)


async def test_its_life_over_http(door: Door) -> None:
    made = await door.start()
    one = f"/{made['id']}"
    for verb, state in (("pause", "paused"), ("resume", "paper"), ("stop", "stopped")):
        answer = await door.send("POST", f"{one}/{verb}")
        assert (answer.status_code, answer.json()["state"]) == (200, state)
    kinds = [event["kind"] for event in (await door.read(f"{one}/events"))["items"]]
    assert kinds == ["stopped", "resumed", "paused", "started"]
    renamed = await door.send("PATCH", one, {"name": "Other"})
    assert renamed.json()["name"] == "Other"
    assert (await door.send("DELETE", one)).status_code == 204
    assert (await door.client.get(PATH + one, headers=door.headers)).status_code == 404


async def test_a_deleted_one_is_gone_at_once_and_what_came_of_it_in_pieces(
    door: Door, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MOST_REMOVED", 5)
    world = door.world
    world.clock.second = START
    one, other = await world.start(FLIPS), await world.start(FLIPS)
    for strategy_id in (one, other):
        await world.at(12 * MINUTE + 3, strategy_id)
    kept = [len(await found(other)) for found in (world.bars, world.fills, world.events)]
    await door.send("POST", f"/{one}/stop")
    assert (await door.read(f"/{one}"))["closing"], (
        "a position that waits for its price keeps nothing from it"
    )
    assert (await door.send("DELETE", f"/{one}")).status_code == 204
    assert [found["id"] for found in await door.read()] == [str(other)]
    for path in ("", "/events", "/fills", "/equity"):
        assert (await door.client.get(f"{PATH}/{one}{path}", headers=door.headers)).status_code == 404
    assert (await door.send("DELETE", f"/{one}")).status_code == 404
    async with world.database.transaction() as session:
        assert await repository.counts(session, world.user_id) == (1, 1)
        assert await repository.at_work(session) == [other]
        (job,) = (await session.scalars(select(Job).where(Job.kind == service.REMOVE))).all()
    assert job.subject == str(one)
    assert await world.work(one) is None
    removal = replace(work, lease=replace(work.lease, kind=job.kind, subject=job.subject))
    before = len(await world.bars(one))
    with pytest.raises(RunAgainIn):
        await tasks.remove(removal)
    assert len(await world.bars(one)) == before - 5
    for _ in range(6):
        with suppress(RunAgainIn):
            await tasks.remove(removal)
    await tasks.remove(removal)
    assert [await count(world, model) for model in (Strategy, StrategyBar, StrategyFill, StrategyEvent)] == [
        1,
        *kept,
    ]


@pytest.mark.parametrize(
    ("verbs", "refused"),
    [
        ((), ("resume", "delete")),
        (("pause",), ("pause", "delete")),
        (("stop",), ("pause", "resume", "stop")),
    ],
)
async def test_what_leads_nowhere_is_refused_with_words(
    door: Door, verbs: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    one = f"/{(await door.start())['id']}"
    for verb in verbs:
        assert (await door.send("POST", f"{one}/{verb}")).status_code == 200
    before = await door.read(one)
    for verb in refused:
        method, path = ("DELETE", one) if verb == "delete" else ("POST", f"{one}/{verb}")
        answer = await door.send(method, path)
        assert answer.status_code == 409, verb
        assert answer.json()["advice"]
    assert await door.read(one) == before


async def test_the_same_request_again_is_one_strategy(door: Door) -> None:
    wanted, same = await door.wanted(), door.key()
    first = await door.send("POST", "", wanted, **same)
    again = await door.send("POST", "", wanted, **same)
    assert (first.json(), again.headers["idempotent-replayed"]) == (again.json(), "true")
    assert await count(door.world, Strategy) == 1
    one, same = f"/{first.json()['id']}", door.key()
    for _ in range(2):
        assert (await door.send("POST", f"{one}/pause", **same)).status_code == 200
    assert await count(door.world, StrategyEvent) == 2
    for method, path in (("POST", ""), ("PATCH", one), ("POST", f"{one}/stop"), ("DELETE", one)):
        answer = await door.client.request(method, PATH + path, json=wanted, headers=door.headers)
        assert answer.status_code in (400, 422), path


async def test_somebody_elses_does_not_exist(door: Door, stranger: Headers) -> None:
    made = await door.start()
    other = Door(door.client, door.world, stranger, door.key)
    assert await other.read() == []
    one = f"/{made['id']}"
    for path in (one, f"{one}/events", f"{one}/fills", f"{one}/equity"):
        assert (await door.client.get(PATH + path, headers=stranger)).status_code == 404
        assert (await door.client.get(PATH + path)).status_code == 401
    for verb in ("pause", "resume", "stop"):
        assert (await other.send("POST", f"{one}/{verb}")).status_code == 404
    assert (await other.send("PATCH", one, {"name": "Mine"})).status_code == 404
    assert (await other.send("DELETE", one)).status_code == 404
    stolen = await other.send("POST", "", {**await door.wanted(), "script_id": made["script"]["id"]})
    assert stolen.status_code == 404, "a script of somebody else"
    assert await door.read(one) == made


@pytest.mark.parametrize(
    ("more", "status", "says"),
    [
        ({"series": "own:6e3b1c9a-7d7e-4f0f-9a58-000000000000"}, 404, ""),
        ({"series": "bybit:NOTHING"}, 404, ""),
        ({"series": "nothing"}, 422, "names no series"),
        ({"timeframe": "7m"}, 422, "timeframe"),
        ({"capital": "0"}, 422, "capital"),
        ({"capital": "0.000000001"}, 422, "capital"),
        ({"fee_rate": "0.5"}, 422, "fee_rate"),
        ({"signal_size": "2"}, 422, "signal_size"),
        ({"version": 9}, 404, "no version 9"),
        ({"name": " "}, 422, "name"),
        ({"inputs": {"x": "\x00"}}, 422, "inputs"),
        ({"inputs": {"a\x00b": 1}}, 422, "inputs"),
        ({"inputs": {"": 1}}, 422, "inputs"),
    ],
)
async def test_what_cannot_be_is_refused(door: Door, more: dict[str, Any], status: int, says: str) -> None:
    answer = await door.send("POST", "", {**await door.wanted(), **more})
    assert answer.status_code == status, answer.text
    assert says in answer.text
    assert await count(door.world, Strategy) == 0


def test_a_back_test_and_a_strategy_take_the_same_settings() -> None:
    """What was back-tested can be run on paper as it is."""
    for name in ("inputs", "series", "capital", "fee_rate", "slippage", "allow_short", "signal_size"):
        one, other = NewBacktest.model_fields[name], schemas.NewStrategy.model_fields[name]
        assert repr(one) == repr(other), name


async def test_own_data_and_files_are_refused_because_nothing_new_comes(door: Door) -> None:
    made = uuid4()
    async with door.world.database.transaction() as session:
        now = door.world.clock.now()
        names = {"kind": "bars", "name": "Mine", "series": f"own:{made}", "file_name": "x", "size": 1}
        session.add(
            Dataset(
                id=made,
                user_id=door.world.user_id,
                state="ready",
                step=60,
                created_at=now,
                updated_at=now,
                **names,
            )
        )
        await store.series(session, "own", str(made))
        await store.series(session, "csv", "FILE")
    for series in (f"own:{made}", "csv:FILE"):
        answer = await door.send("POST", "", {**await door.wanted(), "series": series})
        assert answer.status_code == 422, answer.text
        assert "No new bars come in here" in answer.json()["detail"]
        assert "back-tested" in answer.json()["advice"]


async def test_a_script_with_an_error_is_not_started(door: Door) -> None:
    from holdfast.scripts.models import ScriptVersion

    wanted = await door.wanted()
    async with door.world.database.transaction() as session:
        version = (await session.scalars(select(ScriptVersion))).one()
        version.error = {"kind": "script", "message": "There is no nothing.", "line": 3}
    answer = await door.send("POST", "", wanted)
    assert answer.status_code == 422
    assert "There is no nothing. (line 3)" in answer.json()["detail"]


async def test_there_are_limits(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_RUNNING", 2)
    monkeypatch.setattr(service, "MOST_KEPT", 3)
    first, _ = await door.start(), await door.start()
    assert (await door.send("POST", "", await door.wanted())).status_code == 409
    await door.send("POST", f"/{first['id']}/stop")
    await door.start()
    await door.send("POST", f"/{(await door.read())[0]['id']}/stop")
    full = await door.send("POST", "", await door.wanted())
    assert (full.status_code, "which is the most" in full.json()["detail"]) == (409, True)
    assert schemas.MOST_RUNNING == 20


async def test_there_is_room_for_so_many_of_all_users(app: FastAPI, door: Door) -> None:
    database, settings = door.world.database, app.state.settings
    app.state.settings = settings.model_copy(update={"limit_strategies": 2})
    user_id = await add_user(database)
    other = Door(door.client, door.world, await sign_in(database, settings, user_id), door.key)
    first, second = await door.start(), await door.start()
    theirs = str(await door.world.script(user_id=user_id))
    full = await other.send("POST", "", {**await door.wanted(), "script_id": theirs})
    assert (full.status_code, "so many strategies" in full.json()["detail"]) == (503, True), full.text
    assert full.json()["advice"]
    await door.send("POST", f"/{first['id']}/stop")
    assert (await other.send("POST", "", {**await door.wanted(), "script_id": theirs})).status_code == 201
    async with door.world.database.transaction() as session:
        (await session.get_one(Strategy, UUID(second["id"]))).state = "failed"
    assert (await door.send("POST", "", await door.wanted())).status_code == 201
    again = await door.send("POST", f"/{second['id']}/resume")
    assert again.status_code == 503, "one that failed and holds nothing has left its place"


async def test_events_and_fills_come_in_pages_and_equity_in_columns(door: Door) -> None:
    world = door.world
    world.clock.second = START
    one = await world.start(FLIPS)
    await world.at(12 * MINUTE + 3, one)
    fills = await world.fills(one)
    assert len(fills) > 8
    got, cursor = [], ""
    while True:
        page = await door.read(f"/{one}/fills?limit=3{cursor}")
        got += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert [item["id"] for item in got] == [fill.time for fill in reversed(fills)]
    assert {item["side"] for item in got} == {"buy", "sell"}
    assert all(float(item["value"]) > 0 for item in got)
    events = await door.read(f"/{one}/events?limit=1")
    assert len(events["items"]) == 1
    bad = await door.client.get(f"{PATH}/{one}/events?cursor=x", headers=door.headers)
    assert bad.status_code == 422
    answer = await door.client.get(f"{PATH}/{one}/equity", headers=door.headers)
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    header, found = columns.decode(answer.content)
    assert header["count"] == 12
    assert set(found) == {"time", "equity", "hold", "drawdown", "weight"}
    assert found["equity"][-1] == pytest.approx(float((await world.bars(one))[-1].equity))
    assert found["drawdown"].max() <= 0
    assert {round(float(value)) for value in found["weight"]} == {0, 1}
    thin = await door.client.get(f"{PATH}/{one}/equity?points=8", headers=door.headers)
    assert columns.decode(thin.content)[0]["count"] <= 8


async def test_without_bars_the_curve_is_empty(door: Door) -> None:
    made = await door.start()
    answer = await door.client.get(f"{PATH}/{made['id']}/equity", headers=door.headers)
    assert columns.decode(answer.content)[0]["count"] == 0
    assert [await count(door.world, model) for model in (StrategyBar, StrategyFill)] == [0, 0]


async def test_a_long_curve_is_read_in_short(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extremes stay, and no more is read than is asked for."""
    world = door.world
    made = await door.start()
    equity = [1000 + (i * 7919) % 997 for i in range(5000)]
    equity[3123], equity[4001] = 3000, 5
    async with world.database.transaction() as session:
        now = world.clock.now()
        common = {"strategy_id": UUID(made["id"]), "bars": b"", "held": "", "recorded_at": now}
        rows = [
            {**common, "time": START + i * MINUTE, "close": 1, "quantity": 0, "equity": value}
            for i, value in enumerate(equity)
        ]
        await session.execute(insert(StrategyBar), rows)
    monkeypatch.setattr(curve, "MOST_READ", 400)
    async with world.database.transaction() as session:
        read = await repository.curve(session, UUID(made["id"]), 400)
    assert 200 <= len(read) <= 402
    answer = await door.client.get(f"{PATH}/{made['id']}/equity?points=100", headers=door.headers)
    header, found = columns.decode(answer.content)
    assert header["count"] <= 100
    assert [float(found["equity"][0]), float(found["equity"][-1])] == [equity[0], equity[-1]]
    assert (found["equity"].max(), found["equity"].min()) == (3000, 5)
    assert found["drawdown"].min() == pytest.approx(5 / 3000 - 1)
