"""Own data from the form to the chart: all of it or nothing, and nobody else's."""

import asyncio
import errno
import gzip
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import func, select

from holdfast.charts.datasets import forms, reading, service, tasks
from holdfast.charts.datasets.models import Dataset, DatasetPart, Signal
from holdfast.core.errors import NotFound
from holdfast.market.candles import importing
from holdfast.market.candles.models import CandleChunk, CandleRow, CandleSeries
from holdfast.market.candles.perseverance import MOST_ATTEMPTS
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, Work

Headers = dict[str, str]
Key = Callable[[], Headers]

START = 1_700_006_400
BARS = "timestamp,open,high,low,close,volume\n" + "".join(
    f"{START + 3600 * i},{100 + i}.5,{102 + i},{99 + i},{101 + i}.25,{i}.125\n" for i in range(200)
)
SIGNALS = (
    f"timestamp,type,price,label,color,icon\n{START},buy,100.5,=1+1,up,arrow-up\n{START + 60},exit,,,,\n"
)
EVERYTHING = (DatasetPart, Signal, CandleSeries, CandleChunk, CandleRow)


async def send(
    client: httpx2.AsyncClient, headers: Headers, content: str | bytes, name: str = "bars.csv", **fields: str
) -> httpx2.Response:
    body = content.encode() if isinstance(content, str) else content
    return await client.post("/api/datasets", headers=headers, files={"file": (name, body)}, data=fields)


async def bring(
    client: httpx2.AsyncClient, database: Database, headers: Headers, content: str | bytes, **fields: str
) -> Any:
    """Sent and read; what the API then says about it."""
    answer = await send(client, headers, content, **fields)
    assert answer.status_code == 202, answer.text
    await reading.carry_out(database, SystemClock(), UUID(answer.json()["id"]))
    return (await client.get(f"/api/datasets/{answer.json()['id']}", headers=headers)).json()


@pytest.fixture
def work_at(database: Database, settings: Settings) -> Callable[[str, int], Work]:
    """The tools of a worker that reads a dataset, at this attempt."""
    clock = SystemClock()

    def made(dataset_id: str, attempt: int) -> Work:
        lease = Lease(1, service.JOB, dataset_id, 1, attempt, clock.now())
        return Work(lease, database, None, settings, clock, {})  # type: ignore[arg-type]

    return made


async def left(database: Database) -> list[int]:
    async with database.transaction() as session:
        return [await session.scalar(select(func.count()).select_from(one)) or 0 for one in EVERYTHING]


async def test_a_file_becomes_a_series_of_its_owner(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    made = await bring(client, database, owner | key(), BARS, name="My hours")
    assert (made["state"], made["rows"], made["rows_done"], made["timeframe"]) == ("ready", 200, 200, "1h")
    assert (made["series"], made["first_at"]) == (f"own:{made['id']}", "2023-11-15T00:00:00Z")
    (listed,) = (await client.get("/api/symbols?q=my hours&source=own", headers=owner)).json()
    assert (listed["series"], listed["name"], listed["kind"]) == (made["series"], "My hours", "own")
    bars = await client.get(
        f"/api/candles/own/{made['id']}?timeframe=4h&limit=50&before={START + 3600 * 200}", headers=owner
    )
    assert bars.status_code == 200
    assert b'"count":50' in bars.content.replace(b" ", b"")
    newest = await client.get(f"/api/candles/own/{made['id']}?timeframe=1h", headers=owner)
    assert b'"gaps":[]' in newest.content.replace(b" ", b"")
    values = await client.get(
        f"/api/indicators/sma/values?series={made['series']}&timeframe=1h", headers=owner
    )
    assert values.status_code == 200, values.text
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(DatasetPart)) == 0


async def test_the_download_can_be_uploaded_again(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    made = await bring(client, database, owner | key(), BARS)
    first = await client.get(f"/api/datasets/{made['id']}/file", headers=owner)
    assert first.headers["content-disposition"] == 'attachment; filename="bars.csv"'
    assert first.text.splitlines()[1] == f"{START},100.50,102.00,99.00,101.25,0.125"
    again = await bring(client, database, owner | key(), first.text)
    second = await client.get(f"/api/datasets/{again['id']}/file", headers=owner)
    assert second.text == first.text


async def test_one_wrong_row_keeps_everything_out(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    lines = BARS.splitlines()
    lines[7] = lines[6]
    lines[9] = lines[9].split(",")[0] + ",5,4,3,x,1"
    lines[11] = f"{START + 3600 * 10},5,4,6,5,1"
    lines[-1] = "4000000000,5,6,4,5,1"
    made = await bring(client, database, owner | key(), "\n".join(lines))
    assert (made["state"], made["rows"]) == ("failed", 0)
    told = {problem["row"]: problem["message"] for problem in made["problems"]}
    assert set(told) == {8, 10, 12, 201}
    assert made["wrong_rows"] == 4
    assert "twice" in told[8]
    assert "no number" in told[10]
    assert "low" in told[12]
    assert "future" in told[201]
    assert await left(database) == [0, 0, 0, 0, 0]
    assert (await client.get(f"/api/candles/own/{made['id']}", headers=owner)).status_code == 404
    assert (await client.get(f"/api/datasets/{made['id']}/file", headers=owner)).status_code == 409


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("1e999999", "too large"),
        ("1e-999999", "more than 18 decimals"),
        ("1_000", "no number"),
        ("\u0663", "no number"),
    ],
)
async def test_numbers_that_are_none_are_told_with_their_row(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key, cell: str, says: str
) -> None:
    rows = f"{START},1,1,1,1,1\n{START + 60},{cell},{cell},{cell},{cell},1\n"
    made = await bring(client, database, owner | key(), rows)
    assert made["state"] == "failed"
    (problem,) = made["problems"]
    assert problem["row"] == 2
    assert says in problem["message"]


async def test_volumes_with_eighteen_decimals_are_kept(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    """As exchanges on a chain export them: an hour of them may be too large to be summed, a minute is not."""
    rows = "".join(f"{START + 60 * at},100.5,102,99,101.25,3.{at:018d}\n" for at in range(1, 121))
    made = await bring(client, database, owner | key(), rows)
    assert (made["state"], made["rows"], made["error"]) == ("ready", 120, "")
    chart = f"/api/candles/own/{made['id']}?before={START + 7200}&timeframe="
    assert (await client.get(f"{chart}1m", headers=owner)).status_code == 200
    refused = await client.get(f"{chart}1h", headers=owner)
    assert refused.status_code == 422
    assert "shorter timeframe" in refused.json()["advice"]


async def test_numbers_too_far_apart_for_one_scale_are_refused(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    rows = f"{START}" + ",9e17" * 4 + f",1\n{START + 60}" + ",1e-18" * 4 + ",1\n"
    made = await bring(client, database, owner | key(), rows)
    assert made["state"] == "failed"
    assert "too large" in made["error"]


async def test_a_file_is_not_read_for_ever(
    client: httpx2.AsyncClient,
    database: Database,
    work_at: Callable[[str, int], Work],
    owner: Headers,
    key: Key,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whatever goes wrong in reading it: after some attempts its owner is told."""
    made = (await send(client, owner | key(), BARS)).json()["id"]

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "check", broken)
    for attempt in range(1, MOST_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            await tasks.read_dataset(work_at(made, attempt))
    await tasks.read_dataset(work_at(made, MOST_ATTEMPTS))
    told = (await client.get(f"/api/datasets/{made}", headers=owner)).json()
    assert told["state"] == "failed"
    assert "Send it again" in told["error"]
    assert await left(database) == [0, 0, 0, 0, 0]


async def test_a_full_disk_ends_no_file(
    client: httpx2.AsyncClient,
    work_at: Callable[[str, int], Work],
    owner: Headers,
    key: Key,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = (await send(client, owner | key(), BARS)).json()["id"]
    work = work_at(made, MOST_ATTEMPTS)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(importing, "check", full)
        with pytest.raises(RetryAt):
            await tasks.read_dataset(work)
    await tasks.read_dataset(work)
    assert (await client.get(f"/api/datasets/{made}", headers=owner)).json()["state"] == "ready"


async def test_all_wrong_rows_are_counted_and_the_first_told(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    rows = "".join(f"{START + 60 * i},-1,-1,-1,-1,1\n" for i in range(900))
    made = await bring(client, database, owner | key(), "timestamp,open,high,low,close,volume\n" + rows)
    assert (made["wrong_rows"], len(made["problems"])) == (900, 200)
    assert made["error"].startswith("900 rows cannot be read")


def bomb() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bars.csv", b"0" * (64 * 1024 * 1024))
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x01\x02", "no text"),
        (b"hello\n", "1 columns"),
        (bomb(), "unpacks"),
        (BARS.splitlines()[0].encode() + b"\n1700000000,1,1,1,1,1\n", "cannot be told"),
        (b"1700000000,1,1,1,1,1\n1700000007,1,1,1,1,1\n", "7 s"),
        (BARS.replace(",100.5,", f",{'9' * 30},").encode(), "cannot be read"),
    ],
    ids=("picture", "one column", "bomb", "one row", "uneven", "too large"),
)
async def test_junk_is_refused_with_words(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key, content: bytes, says: str
) -> None:
    made = await bring(client, database, owner | key(), content)
    assert made["state"] == "failed"
    assert says in made["error"]
    assert await left(database) == [0, 0, 0, 0, 0]


async def test_a_packed_file_and_a_named_timeframe_are_taken(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    packed = gzip.compress(b"1700000000000,1,1,1,1,1\n1700000600000000,1,1,1,1,1\n")
    wrong = await bring(client, database, owner | key(), packed)
    assert "600 s" in wrong["error"]
    made = await bring(client, database, owner | key(), gzip.compress(BARS.encode()), timeframe="30m")
    assert (made["state"], made["timeframe"]) == ("ready", "30m")


async def test_the_same_key_keeps_one_file(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    same = owner | key()
    first, second = await send(client, same, BARS), await send(client, same, BARS)
    assert first.json() == second.json()
    assert second.headers["Idempotent-Replayed"] == "true"
    other = await send(client, same, BARS + "\n")
    assert other.status_code == 422
    assert (await send(client, owner, BARS)).status_code == 400
    async with database.transaction() as session:
        jobs = await session.scalars(select(Job.subject).where(Job.kind == service.JOB))
        assert list(jobs) == [first.json()["id"]]


async def test_its_owner_takes_it_out_as_any_series(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    made = await bring(client, database, owner | key(), BARS)
    answer = await client.get(f"/api/candles/own/{made['id']}/export?timeframe=1h", headers=owner)
    assert answer.status_code == 200
    header, *rows = answer.text.splitlines()
    assert header == "timestamp,open,high,low,close,volume", "it is no simulation"
    assert len(rows) == 200


async def test_nobody_else_finds_it(
    client: httpx2.AsyncClient, database: Database, owner: Headers, stranger: Headers, key: Key
) -> None:
    made = await bring(client, database, owner | key(), BARS)
    path, series = f"/api/datasets/{made['id']}", made["series"]
    for headers in (stranger, {}):
        wanted = 404 if headers else 401
        for method, where in (
            ("GET", path), ("GET", f"{path}/file"), ("PATCH", path), ("DELETE", path),
            ("GET", f"/api/signals?series={series}"),
        ):  # fmt: skip
            body = {"name": "mine now"} if method == "PATCH" else None
            answer = await client.request(method, where, headers=headers | key(), json=body)
            assert answer.status_code == wanted, (method, where)
        bars = f"/api/candles/own/{made['id']}"
        for where in (bars, f"{bars}/export?timeframe=1h", f"/api/indicators/sma/values?series={series}"):
            assert (await client.get(where, headers=headers)).status_code == 404, where
        assert (await client.get("/api/symbols?source=own", headers=headers)).json() == []
    assert (await send(client, key(), BARS)).status_code == 401
    attached = await send(client, stranger | key(), SIGNALS, kind="signals", series=series)
    assert attached.status_code == 404
    assert (await client.get("/api/datasets", headers=stranger)).json()["datasets"] == []
    assert (await client.get(path, headers=owner)).json()["name"] == "bars"


async def test_the_live_topic_is_its_owners(
    client: httpx2.AsyncClient, database: Database, app: Any, owner: Headers, user_id: UUID, key: Key
) -> None:
    made = await bring(client, database, owner | key(), BARS)
    may_hear, topic = app.state.live_candles.may_hear, f"{made['series']}:1h"
    async with database.transaction() as session:
        assert await may_hear(session, user_id, topic)
        for other in (None, uuid4()):
            with pytest.raises(NotFound):
                await may_hear(session, other, topic)


async def test_signals_are_shown_on_their_series_and_moved(
    client: httpx2.AsyncClient, database: Database, owner: Headers, stranger: Headers, key: Key
) -> None:
    made = await bring(client, database, owner | key(), SIGNALS, kind="signals", series="index:btc-d")
    assert (made["state"], made["rows"], made["series"]) == ("ready", 2, "index:btc-d")
    shown = (await client.get("/api/signals?series=index:btc-d", headers=owner)).json()
    assert [one["type"] for one in shown["signals"]] == ["buy", "exit"]
    assert (shown["signals"][0]["price"], shown["signals"][0]["icon"]) == ("100.5", "arrow-up")
    span = f"/api/signals?series=index:btc-d&from={START + 1}&until={START + 61}"
    assert len((await client.get(span, headers=owner)).json()["signals"]) == 1
    assert (await client.get("/api/signals?series=index:btc-d&limit=1", headers=owner)).json()["more"]
    assert (await client.get("/api/signals?series=index:btc-d", headers=stranger)).json()["signals"] == []
    file = await client.get(f"/api/datasets/{made['id']}/file", headers=owner)
    assert f"{START},buy,100.5,'=1+1,up,arrow-up" in file.text
    moved = await client.patch(
        f"/api/datasets/{made['id']}", headers=owner | key(), json={"series": "index:eth-d", "name": "Mine"}
    )
    assert (moved.json()["series"], moved.json()["name"]) == ("index:eth-d", "Mine")
    assert (await client.get("/api/signals?series=index:btc-d", headers=owner)).json()["signals"] == []


async def test_signals_of_several_sets_come_in_the_order_of_time_and_bounded(
    client: httpx2.AsyncClient, database: Database, owner: Headers, stranger: Headers, key: Key
) -> None:
    series = "index:btc-d"
    first, second = [
        f"timestamp,type\n{START + at},info\n{START + at + 120},exit\n".encode() for at in (0, 60)
    ]
    sets = [
        (await bring(client, database, owner | key(), content, kind="signals", series=series))["id"]
        for content in (first, second)
    ]
    await bring(client, database, stranger | key(), first, kind="signals", series=series)

    async def asked(limit: int, until: int = START + 3_600) -> dict[str, Any]:
        query = {"series": series, "from": START, "until": until, "limit": limit}
        body: dict[str, Any] = (await client.get("/api/signals", params=query, headers=owner)).json()
        return body

    whole = await asked(10)
    assert [one["time"] - START for one in whole["signals"]] == [0, 60, 120, 180]
    assert [sets.index(one["dataset_id"]) for one in whole["signals"]] == [0, 1, 0, 1]
    assert not whole["more"]
    part = await asked(3)
    assert (part["signals"], part["more"]) == (whole["signals"][:3], True)
    assert [one["time"] - START for one in (await asked(10, START + 120))["signals"]] == [0, 60]


async def test_deleting_leaves_nothing(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    made = await bring(client, database, owner | key(), BARS)
    await bring(client, database, owner | key(), SIGNALS, kind="signals", series=made["series"])
    assert any(await left(database))
    same, path = owner | key(), f"/api/datasets/{made['id']}"
    for _ in range(2):
        assert (await client.delete(path, headers=same)).status_code == 204
    assert (await client.delete(path, headers=owner | key())).status_code == 404
    assert await left(database) == [0, 0, 0, 0, 0]
    assert (await client.get("/api/datasets", headers=owner)).json()["datasets"] == []


async def test_what_is_deleted_while_it_waits_is_not_read(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key
) -> None:
    made = (await send(client, owner | key(), BARS)).json()
    await client.delete(f"/api/datasets/{made['id']}", headers=owner | key())
    await reading.carry_out(database, SystemClock(), UUID(made["id"]))
    assert await left(database) == [0, 0, 0, 0, 0]


async def test_a_reader_that_died_is_followed_by_another(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await send(client, owner | key(), BARS)).json()

    async def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(reading.importing, "write", die)
        with pytest.raises(KeyboardInterrupt):
            await reading.carry_out(database, SystemClock(), UUID(made["id"]))
    assert (await client.get(f"/api/candles/own/{made['id']}", headers=owner)).status_code == 404
    await reading.carry_out(database, SystemClock(), UUID(made["id"]))
    assert (await client.get(f"/api/datasets/{made['id']}", headers=owner)).json()["state"] == "ready"


async def test_no_more_is_kept_than_allowed(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_ROWS", 300)
    assert (await bring(client, database, owner | key(), BARS))["state"] == "ready"
    second = await bring(client, database, owner | key(), BARS)
    assert "more than 300" in second["error"]
    monkeypatch.setattr(reading, "MOST_ROWS_OF_ONE", 100)
    assert "more than 100 rows" in (await bring(client, database, owner | key(), BARS))["error"]
    monkeypatch.setattr(service, "MOST_DATASETS", 3)
    assert (await send(client, owner | key(), BARS)).status_code == 409
    monkeypatch.setattr(service, "MOST_DATASETS", 100)
    for _ in range(service.MOST_UNDER_WAY):
        last = owner | key()
        assert (await send(client, last, BARS)).status_code == 202
    assert (await send(client, last, BARS)).status_code == 202
    assert (await send(client, owner | key(), BARS)).status_code == 429


async def test_forms_that_are_none_are_refused(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def status(**request: Any) -> int:
        headers = owner | key() | request.pop("headers", {})
        return (await client.post("/api/datasets", headers=headers, **request)).status_code

    kind = {"content-type": "multipart/form-data; boundary=x"}
    file = {"file": ("bars.csv", BARS.encode())}
    assert await status(json={}) == 422
    assert await status(content=b"junk", headers=kind) == 422
    assert await status(content=b"", headers={"content-type": "multipart/form-data"}) == 422
    assert await status(data={"name": "x"}, files={"other": ("a", b"b")}) == 422
    assert await status(files={"file": ("bars.csv", b"")}) == 422
    assert await status(files=file, data={"kind": "signals"}) == 422
    assert await status(files=file, data={"series": "index:btc-d"}) == 422
    assert await status(files=file, data={"timeframe": "7m"}) == 422
    assert await status(files=file, data={"kind": "nonsense"}) == 422
    assert await status(files=file, data={"kind": "signals", "series": "binance:NOPE"}) == 404
    monkeypatch.setattr(forms, "MOST_BYTES", 1000)
    assert await status(files=file) == 422
    monkeypatch.setattr(forms, "_AROUND_THE_FILE", 100)
    assert await status(files={"file": ("bars.csv", b"x" * 5000)}) == 422
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Dataset)) == 0


async def test_a_form_that_stalls_or_trickles_is_given_up(
    client: httpx2.AsyncClient, database: Database, owner: Headers, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = b'--x\r\nContent-Disposition: form-data; name="file"; filename="bars.csv"\r\n\r\n'

    async def trickle() -> AsyncIterator[bytes]:
        yield begun
        while True:
            yield b"1"
            await asyncio.sleep(0.01)

    async def stall() -> AsyncIterator[bytes]:
        yield begun
        await asyncio.Event().wait()

    async def told(form: AsyncIterator[bytes]) -> str:
        headers = owner | key() | {"content-type": "multipart/form-data; boundary=x"}
        async with asyncio.timeout(30):
            answer = await client.post("/api/datasets", headers=headers, content=form)
        assert answer.status_code == 422
        return str(answer.json()["detail"])

    monkeypatch.setattr(forms, "LONGEST_SECONDS", 0.2)
    assert "takes too long" in await told(trickle())
    assert "takes too long" in await told(stall())
    monkeypatch.setattr(forms, "LONGEST_SECONDS", 600.0)
    monkeypatch.setattr(forms, "STALLED_SECONDS", 0.1)
    assert "does not go on" in await told(stall())
    for _ in range(3):
        assert (await send(client, owner | key(), BARS[:-1])).status_code == 202, "no place is held any more"
    async with database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Dataset)) == 3
