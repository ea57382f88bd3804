"""Uploads, gaps and filling over HTTP: for signed-in users, each seeing their own imports."""

import asyncio
import errno
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import func, select
from tests.market.candles.made import START, walk
from tests.market.candles.test_importing import GOOD, binance, bring_in

from holdfast.core.bars import Bars
from holdfast.core.errors import InvalidInput
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import (
    archive,
    feeds,
    importing,
    parsing,
    perseverance,
    repository,
    store,
    tasks,
    uploads,
)
from holdfast.market.candles.importing import Target
from holdfast.market.candles.models import CandleChunk, CandleImport, CandleImportPart, CandleRow
from holdfast.platform.models import Job
from holdfast.platform.tasks import RetryAt, Work
from holdfast.venues.bybit.public import BybitPublic
from holdfast.venues.protocol import Unreachable

Headers = dict[str, str]


async def sign_in(api: httpx2.AsyncClient) -> Headers:
    answer = await api.post("/api/auth/demo")
    assert answer.status_code == 201, answer.text
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.fixture
async def user(api: httpx2.AsyncClient) -> Headers:
    return await sign_in(api)


async def send(api: httpx2.AsyncClient, user: Headers, content: bytes, **query: str) -> httpx2.Response:
    asked = {"series": "bybit:BTCUSDT", "file_name": "bars.csv", **query}
    return await api.post("/api/data/imports", params=asked, content=content, headers=user)


async def work_off(work: Work, import_id: str) -> None:
    await tasks.import_candles(replace(work, lease=replace(work.lease, subject=import_id)))


async def view(api: httpx2.AsyncClient, user: Headers, import_id: str) -> Any:
    return (await api.get(f"/api/data/imports/{import_id}", headers=user)).json()


async def test_an_uploaded_archive_is_imported_and_charted(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, tmp_path: Path
) -> None:
    bars = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 3000 * 60)
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("BTCUSDT-1m-2023-01.csv", binance(bars))
    answer = await send(api, user, path.read_bytes(), file_name="BTCUSDT-1m-2023-01.zip")
    assert answer.status_code == 202, answer.text
    made_id = answer.json()["id"]
    assert answer.json()["state"] == "waiting"
    async with work.database.transaction() as session:
        jobs = list(await session.scalars(select(Job.subject).where(Job.kind == uploads.JOB)))
    assert jobs == [made_id]
    await work_off(work, made_id)
    done = await view(api, user, made_id)
    assert (done["state"], done["rows"], done["new"], done["error"]) == ("done", 3000, 3000, "")
    await work_off(work, made_id)
    assert await view(api, user, made_id) == done, "a job that runs twice does nothing twice"
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(CandleImportPart)) == 0
    shown = (await api.get("/api/data/series", headers=user)).json()
    assert [(one["series"], one["bars"], one["timeframe_seconds"]) for one in shown] == [
        ("bybit:BTCUSDT", 3000, 60)
    ]
    chart = await api.get(
        "/api/candles/bybit/BTCUSDT", params={"timeframe": "1h", "limit": 10, "before": START + 86_400}
    )
    assert chart.status_code == 200


async def stored_bars(work: Work) -> int:
    async with work.database.transaction() as session:
        rows = await session.scalar(select(func.count()).select_from(CandleRow))
        sealed = await session.scalar(select(func.coalesce(func.sum(CandleChunk.count), 0)))
    return int(rows or 0) + int(sealed or 0)


async def test_bad_rows_are_listed_and_nothing_is_imported(
    api: httpx2.AsyncClient, user: Headers, work: Work
) -> None:
    answer = await send(api, user, (GOOD + "1672617720,11,10,10,11,5\nx,1,1,1,1,1\n").encode())
    await work_off(work, answer.json()["id"])
    failed = await view(api, user, answer.json()["id"])
    assert failed["state"] == "failed"
    assert [one["row"] for one in failed["problems"]] == [3, 4]
    assert await stored_bars(work) == 0


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bytes(range(256)) * 40, "no text"),
        (b"PK\x03\x04" + bytes(100), "damaged"),
        (b"a,b\n1,2\n", "2 columns"),
    ],
)
async def test_junk_is_refused_in_words(
    api: httpx2.AsyncClient, user: Headers, work: Work, content: bytes, words: str
) -> None:
    answer = await send(api, user, content)
    await work_off(work, answer.json()["id"])
    failed = await view(api, user, answer.json()["id"])
    assert failed["state"] == "failed"
    assert words in failed["error"]


@pytest.mark.parametrize(
    "query",
    [
        {"series": "own:abc"},
        {"series": "index:btc-d"},
        {"series": "nothing"},
        {"series": "lab:BTCUSDT"},
        {"series": "lab:../../etc/passwd"},
        {"file_name": "../x.csv"},
        {"file_name": ""},
    ],
)
async def test_names_that_cannot_be(api: httpx2.AsyncClient, user: Headers, query: dict[str, str]) -> None:
    answer = await send(api, user, GOOD.encode(), **query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["advice"]


async def test_too_large_empty_and_too_many(
    api: httpx2.AsyncClient, user: Headers, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (await send(api, user, b"")).status_code == 422
    monkeypatch.setattr(uploads, "MOST_BYTES", 1000)
    large = await send(api, user, b"1" * 1001)
    assert large.status_code == 422
    assert "MiB" in large.json()["detail"]
    async with work.database.transaction() as session:
        left = await session.scalar(select(func.count()).select_from(CandleImport))
    assert left == 0, "what is refused is forgotten"
    for _ in range(uploads.MOST_OPEN):
        assert (await send(api, user, GOOD.encode())).status_code == 202
    assert (await send(api, user, GOOD.encode())).status_code == 429


async def test_others_see_nothing_and_strangers_less(
    api: httpx2.AsyncClient, user: Headers, work: Work
) -> None:
    made = (await send(api, user, GOOD.encode())).json()["id"]
    other = await sign_in(api)
    assert (await api.get(f"/api/data/imports/{made}", headers=other)).status_code == 404
    assert (await api.get("/api/data/imports", headers=other)).json() == []
    assert [one["id"] for one in (await api.get("/api/data/imports", headers=user)).json()] == [made]
    for path in ("series", "imports", f"imports/{made}", "backfills", "gaps?series=bybit:BTCUSDT"):
        assert (await api.get(f"/api/data/{path}")).status_code == 401
    assert (await send(api, {}, GOOD.encode())).status_code == 401


async def test_gaps_are_told_with_reasons(
    api: httpx2.AsyncClient, user: Headers, work: Work, tmp_path: Path
) -> None:
    bars = walk(600)
    holed = bars.take((bars.time < START + 6000) | (bars.time >= START + 12000))
    path = tmp_path / "holed.csv"
    path.write_bytes(binance(holed))
    await bring_in(work.database, path, Target("lab", "BTCUSDT"))
    until = datetime.fromtimestamp(START + 36_000, UTC).isoformat()
    told = (
        await api.get("/api/data/gaps", params={"series": "lab:BTCUSDT", "to": until}, headers=user)
    ).json()
    assert [(one["bars"], one["reason"]) for one in told["gaps"]] == [(100, "no_trades")]
    missing = await api.get("/api/data/gaps", params={"series": "lab:NOTHING"}, headers=user)
    assert missing.status_code == 404


async def test_filling_is_started_and_told(api: httpx2.AsyncClient, user: Headers, work: Work) -> None:
    now = work.clock.now()
    since = datetime.fromtimestamp(int(now.timestamp()) - 7200, UTC).isoformat()
    answer = await api.post(
        "/api/data/backfills", json={"series": "bybit:SOLUSDT", "since": since}, headers=user
    )
    assert answer.status_code == 202, answer.text
    async with work.database.transaction() as session:
        job = (await session.scalars(select(Job).where(Job.kind == "market.backfill_candles"))).one()
    await tasks.backfill_candles(replace(work, lease=replace(work.lease, subject=job.subject)))
    (told,) = (await api.get("/api/data/backfills", headers=user)).json()
    assert (told["series"], told["state"]) == ("bybit:SOLUSDT", "done")
    assert told["done"] == told["total"] >= 119
    for wrong in ({"series": "index:btc-d"}, {"series": "bybit:SOLUSDT", "since": "2999-01-01T00:00:00Z"}):
        assert (await api.post("/api/data/backfills", json=wrong, headers=user)).status_code == 422
    gone = await api.post("/api/data/backfills", json={"series": "bybit:NOSUCH"}, headers=user)
    assert gone.status_code == 404


async def test_an_upload_for_a_venue_must_be_what_the_venue_tells(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic
) -> None:
    """The first hour and the last are parts, and yet may not be anything."""
    start = START + 40 * 60
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, start, start + 150 * 60)
    made = (await send(api, user, binance(theirs), series="bybit:BTCUSDT")).json()["id"]
    await work_off(work, made)
    assert (await view(api, user, made))["new"] == 150
    for place in (0, 70, 149):
        forged = theirs.high.copy()
        forged[place] *= 2
        bars = Bars(theirs.time, theirs.open, forged, *theirs.columns[3:], *scale_of(theirs))
        made = (await send(api, user, binance(bars), series="bybit:BTCUSDT")).json()["id"]
        await work_off(work, made)
        told = await view(api, user, made)
        assert (told["state"], told["new"], told["conflicting"]) == ("failed", 0, 0)
        assert "is not what the venue tells" in told["error"]
    assert (await send(api, user, binance(theirs), series="bybit:NOSUCH")).status_code == 404


def scale_of(bars: Bars) -> tuple[int, int]:
    return bars.price_decimals, bars.volume_decimals


async def test_an_upload_that_stalls_or_trickles_is_given_up(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            yield b"1"
            await asyncio.sleep(0.01)

    async def stall() -> AsyncIterator[bytes]:
        yield b"1"
        await asyncio.Event().wait()

    monkeypatch.setattr(uploads, "LONGEST_SECONDS", 0.2)
    for stream in (trickle(), stall()):
        with pytest.raises(InvalidInput, match="too long"):
            await uploads.receive(work.database, work.clock, uuid4(), Target("lab", "X"), "x.csv", stream)
    monkeypatch.setattr(uploads, "LONGEST_SECONDS", 600.0)
    monkeypatch.setattr(uploads, "STALLED_SECONDS", 0.1)
    with pytest.raises(InvalidInput, match="does not go on"):
        await uploads.receive(work.database, work.clock, uuid4(), Target("lab", "X"), "x.csv", stall())
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(CandleImport)) == 0


async def test_no_connection_is_held_while_bytes_come(api: httpx2.AsyncClient, user: Headers) -> None:
    """However many upload slowly: everybody else still gets a connection to the database."""
    pieces = 0

    async def slowly() -> AsyncIterator[bytes]:
        nonlocal pieces
        for piece in (GOOD.encode()[:20], GOOD.encode()[20:]):
            await none_held(api)
            pieces += 1
            yield piece

    answer = await api.post(
        "/api/data/imports",
        params={"series": "bybit:BTCUSDT", "file_name": "bars.csv"},
        content=slowly(),
        headers=user,
    )
    assert answer.status_code == 202, answer.text
    assert pieces == 2


def app_of(api: httpx2.AsyncClient) -> Any:
    return api._transport.app  # type: ignore[attr-defined]


async def none_held(api: httpx2.AsyncClient) -> None:
    """At some moment soon no connection to the database is in use: what the application does beside every
    request takes one only for a moment."""
    async with asyncio.timeout(30):
        while app_of(api).state.database.engine.pool.checkedout():
            await asyncio.sleep(0.001)


def plain(bars: Bars, volume: str) -> bytes:
    """The same prices with another volume in every row."""
    rows = [line.split(",")[:5] for line in binance(bars).decode().splitlines()]
    return "".join(f"{int(row[0]) // 1000},{','.join(row[1:])},{volume}\n" for row in rows).encode()


@pytest.mark.parametrize(
    ("volume", "words"),
    [
        ("0.0000000000001", "13 decimals"),
        ("900000000000", "is not what the venue tells"),
        ("3.000000000000000001", "cannot be those of bybit"),
    ],
)
async def test_volumes_the_venue_cannot_have_told_never_reach_its_series(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, volume: str, words: str
) -> None:
    """Neither its scale widens nor do its sums overflow: both would end the series for everybody."""
    theirs = await feeds.span(venue, "ETHUSDT", Timeframe.M1, START, START + 30 * 60)
    made = (await send(api, user, plain(theirs, volume), series="bybit:ETHUSDT")).json()["id"]
    async with work.database.transaction() as session:
        before = await repository.series_of(session, "bybit", "ETHUSDT")
    await work_off(work, made)
    told = await view(api, user, made)
    assert (told["state"], told["new"]) == ("failed", 0)
    assert words in told["error"]
    async with work.database.transaction() as session:
        after = await repository.series_of(session, "bybit", "ETHUSDT")
    assert before
    assert after
    assert after.volume_decimals == before.volume_decimals


class At:
    def __init__(self, second: int) -> None:
        self._second = second

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._second, UTC)


@pytest.mark.parametrize("start", [0, 3 * 3600])
async def test_bars_that_are_not_over_are_refused(
    api: httpx2.AsyncClient, user: Headers, work: Work, start: int
) -> None:
    """Nothing the venue tells could be held against them, now or tomorrow."""
    hour = int(work.clock.now().timestamp()) // 3600 * 3600
    rows = "".join(f"{hour + start + 60 * at},1,1,1,1,1\n" for at in range(3))
    made = (await send(api, user, rows.encode())).json()["id"]
    await work_off(replace(work, clock=At(hour + 1800)), made)
    told = await view(api, user, made)
    assert (told["state"], told["new"]) == ("failed", 0)
    assert "is not over" in told["error"]


async def test_what_an_upload_leaves_out_is_still_asked_of_the_venue(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic
) -> None:
    """The layout of an archive does not make a hole in it a fact about the venue."""
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    holed = theirs.take((theirs.time < START + 600) | (theirs.time >= START + 6600))
    made = (await send(api, user, binance(holed))).json()["id"]
    await work_off(work, made)
    assert (await view(api, user, made))["state"] == "done"
    asked = {"series": "bybit:BTCUSDT", "to": datetime.fromtimestamp(START + 7200, UTC).isoformat()}
    told = (await api.get("/api/data/gaps", params=asked, headers=user)).json()
    assert [(one["bars"], one["reason"]) for one in told["gaps"]] == [(100, "not_fetched")]


async def test_imports_are_bounded_for_each_user(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    made = (await send(api, user, binance(theirs))).json()["id"]
    await work_off(work, made)
    monkeypatch.setattr(uploads, "MOST_ROWS", 200)
    second = (await send(api, user, binance(theirs))).json()["id"]
    await work_off(work, second)
    told = await view(api, user, second)
    assert (told["state"], told["rows_done"]) == ("failed", 0)
    assert "more than 200 in 30 days" in told["error"]
    for name, most in (("MOST_FILES", 1), ("MOST_BYTES_TOGETHER", 100), ("MOST_ROWS", 100)):
        with monkeypatch.context() as limits:
            limits.setattr(uploads, name, most)
            answer = await send(api, user, GOOD.encode())
            assert answer.status_code == 409, name
            assert "30 days" in answer.json()["detail"]
            assert (await send(api, await sign_in(api), GOOD.encode())).status_code == 202, "others may"


async def test_an_import_that_waits_or_has_failed_is_removed(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic
) -> None:
    waiting = (await send(api, user, GOOD.encode())).json()["id"]
    failed = (await send(api, user, b"junk\n")).json()["id"]
    await work_off(work, failed)
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    done = (await send(api, user, binance(theirs))).json()["id"]
    await work_off(work, done)
    other = await sign_in(api)
    assert (await api.delete(f"/api/data/imports/{waiting}", headers=other)).status_code == 404
    for gone in (waiting, failed):
        assert (await api.delete(f"/api/data/imports/{gone}", headers=user)).status_code == 204
    kept = await api.delete(f"/api/data/imports/{done}", headers=user)
    assert kept.status_code == 409
    assert "stays" in kept.json()["advice"]
    await work_off(work, waiting)
    assert [one["id"] for one in (await api.get("/api/data/imports", headers=user)).json()] == [done]
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(CandleImportPart)) == 0


async def test_an_import_removed_while_it_is_checked_ends(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    made = (await send(api, user, binance(theirs))).json()["id"]
    compared = uploads.disagreement

    async def removed_meanwhile(*args: Any, **options: Any) -> str:
        assert (await api.delete(f"/api/data/imports/{made}", headers=user)).status_code == 204
        return await compared(*args, **options)

    monkeypatch.setattr(uploads, "disagreement", removed_meanwhile)
    await work_off(work, made)
    assert await stored_bars(work) == 0


async def test_a_file_is_not_read_for_ever(
    api: httpx2.AsyncClient, user: Headers, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong in reading it: after some attempts its owner is told, and may send others."""
    made = (await send(api, user, GOOD.encode())).json()["id"]

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "check", broken)
    for attempt in range(1, perseverance.MOST_ATTEMPTS):
        with pytest.raises(ZeroDivisionError):
            await work_off(at_attempt(work, attempt), made)
    await work_off(at_attempt(work, perseverance.MOST_ATTEMPTS), made)
    told = await view(api, user, made)
    assert told["state"] == "failed"
    assert "Send it again" in told["error"]


async def test_a_file_workers_die_of_is_given_up(api: httpx2.AsyncClient, user: Headers, work: Work) -> None:
    made = (await send(api, user, GOOD.encode())).json()["id"]
    await work_off(at_attempt(work, perseverance.MOST_ATTEMPTS + 1), made)
    assert "Send it again" in (await view(api, user, made))["error"]


def at_attempt(work: Work, attempts: int) -> Work:
    return replace(work, lease=replace(work.lease, attempts=attempts))


async def test_an_import_waits_while_the_venue_is_away(
    api: httpx2.AsyncClient, user: Headers, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await send(api, user, GOOD.encode())).json()["id"]

    async def away(*_: Any, **__: Any) -> str:
        raise Unreachable("away")

    monkeypatch.setattr(uploads, "disagreement", away)
    with pytest.raises(RetryAt):
        await work_off(work, made)
    assert (await view(api, user, made))["state"] == "waiting"


async def test_a_full_disk_ends_no_import(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    made = (await send(api, user, binance(theirs))).json()["id"]

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr(importing, "check", full)
        with pytest.raises(RetryAt):
            await work_off(at_attempt(work, perseverance.MOST_ATTEMPTS), made)
    assert (await view(api, user, made))["error"] == ""
    await work_off(work, made)
    assert (await view(api, user, made))["state"] == "done"


async def test_an_import_removed_while_the_venue_is_away_ends(
    api: httpx2.AsyncClient, user: Headers, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = (await send(api, user, GOOD.encode())).json()["id"]

    async def away(*_: Any, **__: Any) -> str:
        assert (await api.delete(f"/api/data/imports/{made}", headers=user)).status_code == 204
        raise Unreachable("away")

    monkeypatch.setattr(uploads, "disagreement", away)
    await work_off(work, made)
    assert (await api.get("/api/data/imports", headers=user)).json() == []


async def half_written(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> str:
    """An import of two hours whose worker fails after the first rows."""
    monkeypatch.setattr(archive, "_CHUNK", 1000)
    monkeypatch.setattr(parsing, "BLOCK_BYTES", 2000)
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    made = (await send(api, user, binance(theirs))).json()["id"]
    write, blocks = store.write, 0

    async def failing(*args: Any, **options: Any) -> Any:
        nonlocal blocks
        blocks += 1
        if blocks > 1:
            raise ZeroDivisionError
        return await write(*args, **options)

    with monkeypatch.context() as accident:
        accident.setattr(store, "write", failing)
        with pytest.raises(ZeroDivisionError):
            await work_off(work, made)
    told = await view(api, user, made)
    assert 0 < told["rows_done"] < told["rows"] == 120
    return str(made)


async def test_a_partly_written_import_goes_on_without_being_asked_about_again(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither the venue nor what was imported meanwhile stops it: all of that was in order when it began."""
    made = await half_written(api, user, work, venue, monkeypatch)

    async def away(*_: Any, **__: Any) -> str:
        raise Unreachable("away")

    monkeypatch.setattr(uploads, "disagreement", away)
    monkeypatch.setattr(uploads, "MOST_ROWS", 100)
    await work_off(work, made)
    told = await view(api, user, made)
    assert (told["state"], told["rows_done"], told["new"]) == ("done", 120, 120)
    asked = {"series": "bybit:BTCUSDT", "to": datetime.fromtimestamp(START + 7200, UTC).isoformat()}
    assert (await api.get("/api/data/gaps", params=asked, headers=user)).json()["gaps"] == []


@pytest.mark.parametrize("state", ["waiting", "checking", "writing", "failed"])
async def test_a_partly_written_import_is_not_removed(
    api: httpx2.AsyncClient,
    user: Headers,
    work: Work,
    venue: BybitPublic,
    monkeypatch: pytest.MonkeyPatch,
    state: str,
) -> None:
    made = await half_written(api, user, work, venue, monkeypatch)
    async with work.database.transaction() as session:
        (await session.get_one(CandleImport, made)).state = state
    kept = await api.delete(f"/api/data/imports/{made}", headers=user)
    assert kept.status_code == 409
    assert "stays" in kept.json()["advice"]


async def test_a_partly_written_import_that_fails_says_so_and_counts(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await half_written(api, user, work, venue, monkeypatch)
    await work_off(at_attempt(work, perseverance.MOST_ATTEMPTS + 1), made)
    told = await view(api, user, made)
    assert told["state"] == "failed"
    assert f"{told['rows_done']} rows of it are imported and stay" in told["error"]
    monkeypatch.setattr(uploads, "MOST_FILES", 1)
    assert (await send(api, user, GOOD.encode())).status_code == 409


async def test_two_uploads_at_once_do_not_pass_what_a_user_may_import(
    api: httpx2.AsyncClient, user: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = uploads._check_quota

    async def slowly(*args: Any) -> None:
        await checked(*args)
        await asyncio.sleep(0.2)

    monkeypatch.setattr(uploads, "MOST_FILES", 1)
    monkeypatch.setattr(uploads, "_check_quota", slowly)
    answers = await asyncio.gather(*(send(api, user, GOOD.encode()) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [202, 409, 409]


async def test_of_two_uploads_under_way_that_are_too_many_bytes_together_one_is_kept(
    api: httpx2.AsyncClient, user: Headers, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, both = uploads._keep, asyncio.Barrier(2)

    async def together(*args: Any) -> tuple[int, str]:
        told = await kept(*args)
        async with asyncio.timeout(60):
            await both.wait()
        return told

    monkeypatch.setattr(uploads, "MOST_BYTES_TOGETHER", len(GOOD) * 2 - 1)
    monkeypatch.setattr(uploads, "_keep", together)
    answers = await asyncio.gather(*(send(api, user, GOOD.encode()) for _ in range(2)))
    taken, refused = sorted(answers, key=lambda answer: answer.status_code)
    assert (taken.status_code, refused.status_code) == (202, 409)
    assert "With this file" in refused.json()["detail"]
    listed = (await api.get("/api/data/imports", headers=user)).json()
    assert [one["id"] for one in listed] == [taken.json()["id"]]
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(CandleImportPart)) == 1


async def test_of_two_imports_that_are_too_much_together_one_is_written(
    api: httpx2.AsyncClient, user: Headers, work: Work, venue: BybitPublic, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = await feeds.span(venue, "BTCUSDT", Timeframe.M1, START, START + 120 * 60)
    made = [(await send(api, user, binance(theirs))).json()["id"] for _ in range(2)]
    compared, both = uploads.disagreement, asyncio.Barrier(2)

    async def together(*args: Any, **options: Any) -> str:
        wrong = await compared(*args, **options)
        async with asyncio.timeout(60):
            await both.wait()
        return wrong

    monkeypatch.setattr(uploads, "MOST_ROWS", 200)
    monkeypatch.setattr(uploads, "disagreement", together)
    await asyncio.gather(*(work_off(work, one) for one in made))
    assert sorted([(await view(api, user, one))["state"] for one in made]) == ["done", "failed"]
