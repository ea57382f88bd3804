"""The journal over HTTP: kept as written, found again, changed by one at a time, and nobody else's."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import pytest
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import ClientDisconnect
from tests.charts.conftest import Headers
from tests.journal.conftest import Trader
from tests.journal.pictures import SECRET, png, talking_png

from holdfast.accounts.limits import Rate
from holdfast.charts.datasets.models import Dataset
from holdfast.core.errors import InvalidInput
from holdfast.journal import image_routes, limits, pictures, repository, service
from holdfast.journal.models import JournalEntry, JournalFill, JournalImage, JournalTag
from holdfast.journal.pictures import UNUSED_FOR
from holdfast.platform.database import Database
from holdfast.platform.models import IdempotencyKey
from holdfast.torture.loop import VirtualLoop

AT = "2026-03-01T12:00:00Z"
POSTED, PUT = {"Idempotency-Key": "posted"}, {"Idempotency-Key": "put"}


def body(**entry: Any) -> dict[str, Any]:
    return {"title": "Bought the break", "happened_at": AT} | entry


async def send_image(trader: Trader, content: bytes, **headers: str) -> httpx2.Response:
    return await trader.client.post(
        "/api/journal/images", content=content, headers=trader.headers | trader.key() | headers
    )


async def image(trader: Trader) -> str:
    return str((await send_image(trader, talking_png())).json()["id"])


async def rows(database: Database, model: type) -> int:
    async with database.transaction() as session:
        return await session.scalar(select(func.count()).select_from(model)) or 0


# --- writing ------------------------------------------------------------------------------------------------


async def test_an_entry_is_kept_as_it_was_written(trader: Trader) -> None:
    wanted = body(
        text="It held.\r\n\r\n<b>Second</b> line \n", series="binance:BTCUSDT", mood="calm", rating=4,
        setup="  Range   break ", tags=["#Breakout", "news", "BREAKOUT", "late  entry"],
        happened_at="2026-03-01T13:30:00+01:00",
    )  # fmt: skip
    made = (await trader.write(**wanted)).json()
    assert made["text"] == "It held.\n\n<b>Second</b> line"
    assert made["tags"] == ["breakout", "late entry", "news"]
    assert (made["setup"], made["mood"], made["rating"]) == ("Range break", "calm", 4)
    assert (made["happened_at"], made["version"]) == ("2026-03-01T12:30:00Z", 1)
    assert (await trader.get(f"/journal/entries/{made['id']}")).json() == made


async def test_one_key_is_one_entry(trader: Trader) -> None:
    headers = trader.headers | {"Idempotency-Key": "intent"}
    first = await trader.client.post("/api/journal/entries", json=body(), headers=headers)
    again = await trader.client.post("/api/journal/entries", json=body(), headers=headers)
    assert (first.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotent-Replayed"] == "true"
    other = await trader.client.post("/api/journal/entries", json=body(title="Another"), headers=headers)
    assert other.status_code == 422
    missing = await trader.client.post("/api/journal/entries", json=body(), headers=trader.headers)
    assert missing.status_code == 400
    assert await rows(trader.database, JournalEntry) == 1


async def test_no_text_outlives_its_entry_where_repeats_are_known_from(trader: Trader) -> None:
    new, changed = body(text="A secret"), body(text="A secret still", version=1)
    first = await trader.client.post("/api/journal/entries", json=new, headers=trader.headers | POSTED)
    path = f"/api/journal/entries/{first.json()['id']}"
    second = await trader.client.put(path, json=changed, headers=trader.headers | PUT)
    async with trader.database.transaction() as session:
        kept = {row.key: row.response["body"] for row in await session.scalars(select(IdempotencyKey))}
    assert kept == {
        key: {"id": first.json()["id"], "version": version} for key, version in (("posted", 1), ("put", 2))
    }
    late = await trader.client.post("/api/journal/entries", json=new, headers=trader.headers | POSTED)
    again = await trader.client.put(path, json=changed, headers=trader.headers | PUT)
    assert (late.status_code, again.status_code) == (201, 200)
    for repeat in (late, again):
        assert repeat.json() == second.json(), "as it is now"
        assert repeat.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in second.headers
    await trader.client.delete(path, headers=trader.headers | trader.key())
    gone = await trader.client.post("/api/journal/entries", json=new, headers=trader.headers | POSTED)
    assert gone.status_code == 404
    assert await rows(trader.database, JournalEntry) == 1


async def test_writing_has_a_pace(trader: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    made = (await trader.write()).json()
    path = f"/api/journal/entries/{made['id']}"
    slow = Rate("journal:tested", 1, timedelta(hours=1))
    monkeypatch.setattr(limits, "WRITES", slow)
    assert (await trader.write()).status_code == 201
    headers = trader.headers | trader.key()
    for refused in (
        await trader.write(),
        await trader.client.put(path, json=body(version=1), headers=headers),
        await trader.client.delete(path, headers=headers),
        await trader.client.post(f"{path}/restore", headers=trader.headers),
        await send_image(trader, png()),
    ):
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) > 0
    assert (await trader.get(f"/journal/entries/{made['id']}")).json() == made


async def test_many_users_of_one_network_write_no_faster_than_their_network_may(
    trader: Trader, stranger: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may try the demo has as many users as they like."""
    slow = Rate("journal:tested", 2, timedelta(hours=1))
    monkeypatch.setattr(limits, "WRITES_OF_NETWORK", slow, raising=False)
    assert (await trader.write()).status_code == 201
    wanted = {"json": body(), "headers": stranger | trader.key()}
    assert (await trader.client.post("/api/journal/entries", **wanted)).status_code == 201
    for refused in (await trader.write(), await send_image(trader, png())):
        assert refused.status_code == 429
    transport = httpx2.ASGITransport(trader.app, client=("198.51.100.7", 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as elsewhere:
        wanted = {"json": body(), "headers": trader.headers | trader.key()}
        assert (await elsewhere.post("/api/journal/entries", **wanted)).status_code == 201


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"title": " \t "}, "title"),
        ({"title": "x" * 161}, "title"),
        ({"title": "a\x00b"}, "title"),
        ({"text": "x" * 20_001}, "text"),
        ({"text": "a\x1bb"}, "text"),
        ({"series": "nonsense"}, "series"),
        ({"happened_at": "2026-03-01T12:00:00"}, "happened_at"),
        ({"happened_at": "1970-01-01T00:00:00Z"}, "happened_at"),
        ({"mood": "fine"}, "mood"),
        ({"rating": 6}, "rating"),
        ({"tags": ["a,b"]}, "tags.0"),
        ({"tags": ["#"]}, "tags.0"),
        ({"tags": ["x" * 41]}, "tags.0"),
        ({"tags": [str(n) for n in range(21)]}, "tags"),
        ({"trade": {"kind": "fills", "fills": []}}, "trade"),
        ({"trade": {"kind": "guess"}}, "trade"),
        ({"pnl": "1000000"}, "pnl"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    trader: Trader, wrong: dict[str, Any], field: str
) -> None:
    answer = await trader.write(**wrong)
    assert answer.status_code == 422, answer.text
    assert answer.json()["fields"][0]["field"].startswith(field)
    assert answer.json()["advice"]


async def test_the_later_of_two_writers_is_told(trader: Trader) -> None:
    made = (await trader.write()).json()
    path = f"/api/journal/entries/{made['id']}"

    async def put(**entry: Any) -> httpx2.Response:
        return await trader.client.put(path, json=body(**entry), headers=trader.headers | trader.key())

    newer = await put(version=1, title="Newer", tags=["a"])
    assert (newer.json()["version"], newer.json()["tags"]) == (2, ["a"])
    late = await put(version=1, title="Late")
    assert late.status_code == 409
    assert late.json()["current"] == newer.json()
    assert (await trader.get(f"/journal/entries/{made['id']}")).json()["title"] == "Newer"
    again = await put(version=2, title="Newest")
    assert (again.json()["title"], again.json()["tags"], again.json()["version"]) == ("Newest", [], 3)


async def test_a_deleted_entry_comes_back_until_it_is_swept(trader: Trader) -> None:
    picture = await image(trader)
    made = (await trader.write(images=[picture], tags=["kept"], trade=hand(5))).json()
    path = f"/api/journal/entries/{made['id']}"
    assert (await trader.client.delete(path, headers=trader.headers | trader.key())).status_code == 204
    for gone in (f"/journal/entries/{made['id']}", f"/journal/images/{picture}"):
        assert (await trader.get(gone)).status_code == 404
    assert (await trader.get("/journal/entries")).json()["items"] == []
    assert (await trader.get("/journal/labels")).json()["tags"] == []
    assert (await trader.get("/journal/statistics")).json()["overall"]["trades"] == 0
    back = await trader.client.post(f"{path}/restore", headers=trader.headers)
    assert back.json() == made
    assert (await trader.get("/journal/statistics")).json()["overall"]["trades"] == 1
    assert (await trader.get(f"/journal/images/{picture}")).status_code == 200
    await trader.client.delete(path, headers=trader.headers | trader.key())
    async with trader.database.transaction() as session:
        await repository.forget_deleted(session, datetime.now(UTC) + timedelta(seconds=5))
    assert (await trader.client.post(f"{path}/restore", headers=trader.headers)).status_code == 404
    assert [await rows(trader.database, one) for one in (JournalEntry, JournalTag, JournalImage)] == [0, 0, 0]


async def test_there_is_an_end_to_what_one_user_keeps(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "MOST_ENTRIES", 2)
    first, _ = (await trader.write()).json(), await trader.write()
    assert (await trader.write()).status_code == 409
    path = f"/api/journal/entries/{first['id']}"
    await trader.client.delete(path, headers=trader.headers | trader.key())
    assert (await trader.write()).status_code == 201
    assert (await trader.client.post(f"{path}/restore", headers=trader.headers)).status_code == 404


# --- finding ------------------------------------------------------------------------------------------------


async def test_pages_are_whole_and_newest_first(trader: Trader) -> None:
    for day in (3, 1, 2, 2, 5, 4, 2):
        await trader.write(title=f"Day {day}", happened_at=f"2026-03-0{day}T00:00:00Z")
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        behind = {"cursor": cursor} if cursor else {}
        page = (await trader.get("/journal/entries", limit=2, **behind)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [entry["title"][-1] for entry in seen] == list("5432221")
    assert len({entry["id"] for entry in seen}) == 7
    assert (await trader.get("/journal/entries", cursor="nonsense")).status_code == 422


async def test_filters(trader: Trader) -> None:
    await trader.write(title="A", series="binance:BTCUSDT", tags=["fomo"], setup="Break", happened_at=AT)
    await trader.write(title="B", series="bybit:BTCUSDT", text="100% sure_", tags=["plan", "fomo"])
    await trader.write(title="C", series="index:btc-d", happened_at="2026-03-02T00:00:00Z")

    async def titles(**filters: Any) -> set[str]:
        return {entry["title"] for entry in (await trader.get("/journal/entries", **filters)).json()["items"]}

    assert await titles(symbol="btcusdt") == {"A", "B"}
    assert await titles(symbol="bybit:btcusdt") == {"B"}
    assert await titles(tag="#FOMO") == {"A", "B"}
    assert await titles(setup="break") == {"A"}
    assert await titles(q="100%") == {"B"}
    assert await titles(q="%") == {"B"}
    assert await titles(q="e_") == {"B"}
    assert await titles(q="fomo plan") == {"B"}
    assert await titles(q="nothing") == set()
    assert await titles(**{"from": "2026-03-01T12:00:01Z"}) == {"C"}
    assert await titles(to="2026-03-02T00:00:00Z") == {"A", "B"}
    assert await titles(q="fomo plan " * 8) == {"B"}
    assert (await trader.get("/journal/entries", q="a b c d e f g h")).status_code == 200
    many = (await trader.get("/journal/entries", q="a b c d e f g h i")).json()
    assert "search for at most 8 words" in many["fields"][0]["message"]
    for bad in ({"from": AT, "to": AT}, {"from": "2026-03-01T12:00:00"}, {"q": "\x00"}, {"tag": "\x00"}):
        assert (await trader.get("/journal/entries", **bad)).status_code == 422, bad


async def test_labels_are_offered_by_use(trader: Trader) -> None:
    await trader.write(tags=["b", "a"], setup="Break", series="index:btc-d")
    await trader.write(tags=["b"], setup="Break")
    assert (await trader.get("/journal/labels")).json() == {
        "tags": [{"name": "b", "entries": 2}, {"name": "a", "entries": 1}],
        "setups": [{"name": "Break", "entries": 2}],
        "series": [{"name": "index:btc-d", "entries": 1}],
    }


async def test_marks_stand_at_their_time_on_their_series(trader: Trader) -> None:
    made = (await trader.write(series="bybit:BTCUSDT", mood="calm")).json()
    await trader.write(series="bybit:ETHUSDT")
    second = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp())

    async def marks(start: int, until: int) -> Any:
        span = {"from": start, "until": until}
        return (await trader.get("/journal/marks", series="bybit:BTCUSDT", **span)).json()

    assert await marks(second, second + 1) == [
        {"id": made["id"], "time": second, "title": "A note", "mood": "calm", "has_trade": False}
    ]
    assert await marks(0, second) == []
    assert await marks(second + 1, second + 100) == []
    bad = await trader.get("/journal/marks", **{"series": "", "from": 0, "until": 1})
    assert bad.status_code == 422


# --- figures and export -------------------------------------------------------------------------------------


def hand(pnl: int, *, direction: str = "long", hours: int = 1) -> dict[str, Any]:
    start = datetime(2026, 3, 2, 9, tzinfo=UTC)
    exit_price = 1000 + (pnl if direction == "long" else -pnl)
    return {
        "kind": "hand", "direction": direction, "quantity": "1", "entry_price": "1000",
        "exit_price": str(exit_price), "entry_at": start.isoformat(),
        "exit_at": (start + timedelta(hours=hours)).isoformat(),
    }  # fmt: skip


async def test_figures_by_tag(trader: Trader) -> None:
    for pnl, tags in ((300, ["plan"]), (-100, ["fomo"]), (-200, ["fomo", "plan"]), (0, ["plan"])):
        await trader.write(trade=hand(pnl), tags=tags, series="binance:SOLUSDT")
    await trader.write(tags=["plan"])
    told = (await trader.get("/journal/statistics", by="tag")).json()
    assert told["overall"] | {"key": "plan", "label": "plan"} == {
        "key": "plan", "label": "plan", "trades": 4, "won": 1, "lost": 2, "win_rate": 0.25, "total": "0",
        "average": "0", "average_win": "300", "average_loss": "-150", "profit_factor": 1.0,
        "expectancy": 0.0, "largest_loss": "-200", "holding_seconds": 3600.0,
    }  # fmt: skip
    groups = {group["key"]: group for group in told["groups"]}
    assert [group["key"] for group in told["groups"]] == ["plan", "fomo"]
    assert (groups["plan"]["total"], groups["plan"]["trades"], groups["plan"]["win_rate"]) == (
        "100",
        3,
        1 / 3,
    )
    assert (groups["fomo"]["total"], groups["fomo"]["profit_factor"]) == ("-300", 0.0)
    assert [point["total"] for point in told["curve"]][-1] == "0"
    assert (told["by_hand"], told["open"]) == (4, 0)
    only = (await trader.get("/journal/statistics", by="direction", tag="fomo")).json()
    assert [(group["key"], group["trades"]) for group in only["groups"]] == [("long", 2)]
    for by, key in (("symbol", "binance:SOLUSDT"), ("weekday", "0"), ("hour", "09"), ("setup", "")):
        (group,) = (await trader.get("/journal/statistics", by=by)).json()["groups"]
        assert (group["key"], group["trades"]) == (key, 4)
    assert (await trader.get("/journal/statistics", by="luck")).status_code == 422


async def test_groups_are_found_as_the_filters_find_them(trader: Trader) -> None:
    for day, (setup, series) in enumerate((("break", "x:solusdt"), ("BREAK", "x:SOLUSDT"), ("Break", ""))):
        at = f"2026-03-0{day + 1}T00:00:00Z"
        await trader.write(trade=hand(5), setup=setup, series=series, happened_at=at)

    async def groups(by: str) -> set[tuple[str, str, int]]:
        told = (await trader.get("/journal/statistics", by=by)).json()["groups"]
        return {(group["key"], group["label"], group["trades"]) for group in told}

    assert await groups("setup") == {("Break", "Break", 3)}, "as it was written last"
    assert await groups("symbol") == {("x:SOLUSDT", "SOLUSDT", 2), ("", "No symbol", 1)}


async def test_a_trade_counts_once_however_many_entries_tell_of_it(trader: Trader) -> None:
    sleeve, book = await trader.sleeve(state="closed"), trader.book()
    await book.fill("BTCUSDT", "1", "100", by=sleeve, fee="0")
    await book.fill("BTCUSDT", "-1", "110", by=sleeve, fee="0")
    await book.fill("ETHUSDT", "1", "100", fee="0")
    position = {"kind": "position", "position_id": str(sleeve)}
    for tags in (["a"], ["a", "b"]):
        await trader.write(trade=position, tags=tags)
    await trader.write(trade={"kind": "fills", "fills": ["e003"]}, tags=["a"])
    told = (await trader.get("/journal/statistics", by="tag")).json()
    assert (told["overall"]["trades"], told["overall"]["total"], told["open"]) == (1, "10", 1)
    assert [(group["key"], group["total"]) for group in told["groups"]] == [("a", "10"), ("b", "10")]
    assert told["overall"]["profit_factor"] is None, "nothing was lost"
    assert len(told["curve"]) == 1


async def test_figures_count_what_entries_tell(trader: Trader) -> None:
    sleeve, book = await trader.sleeve(state="closed"), trader.book()
    await book.fill("BTCUSDT", "1", "100", by=sleeve)
    await book.fill("ETHUSDT", "-3", "20", by=sleeve, fee="0.1", asset="BNB")
    await book.funding("BTCUSDT", "-0.3", "1")
    await book.fill("ETHUSDT", "3", "22", by=sleeve)
    await book.fill("BTCUSDT", "-1", "140", by=sleeve)
    holding, untraded = await trader.sleeve(state="closed"), await trader.sleeve(state="unwound")
    await book.fill("BTCUSDT", "1", "100", by=holding)
    for one in (sleeve, holding, untraded, await trader.sleeve()):
        await trader.write(trade={"kind": "position", "position_id": str(one)})
    entries = (await trader.get("/journal/entries")).json()["items"]
    trade = next(each["trade"] for each in entries if each["trade"]["position_id"] == str(sleeve))
    told = (await trader.get("/journal/statistics", by="symbol")).json()
    assert told["overall"]["total"] == trade["pnl"] == "32.2"
    assert told["curve"] == [{"at": trade["exit_at"], "pnl": "32.2", "total": "32.2"}]
    assert told["overall"]["holding_seconds"] == 3.0
    assert (told["overall"]["trades"], told["open"], told["groups"][0]["key"]) == (1, 2, "index:btc-d")


async def test_trades_by_hand_are_called_as_their_owner_calls_them(trader: Trader) -> None:
    lab, gone = uuid4(), uuid4()
    async with trader.database.transaction() as session:
        session.add(own_data(lab, trader.user_id, "Hourly lab"))
    for series in (f"own:{lab}", f"own:{gone}", "index:btc-d", "bybit:BTCUSDT"):
        await trader.write(trade=hand(5), series=series)
    entries = (await trader.get("/journal/entries")).json()["items"]
    names = {entry["series"]: entry["trade"]["name"] for entry in entries}
    assert names == {
        f"own:{lab}": "Hourly lab",
        f"own:{gone}": "Your data",
        "index:btc-d": "Bitcoin dominance",
        "bybit:BTCUSDT": "BTCUSDT",
    }
    assert f"own:{lab},Hourly lab," in (await trader.get("/journal/entries.csv")).text


def own_data(dataset_id: UUID, owner_id: UUID, name: str) -> Dataset:
    return Dataset(
        id=dataset_id, user_id=owner_id, kind="bars", name=name, series=f"own:{dataset_id}", state="ready",
        file_name="lab.csv", size=1, rows=1, created_at=datetime.now(UTC), updated_at=datetime.now(UTC),
    )  # fmt: skip


async def test_the_export_is_whole_and_harmless(trader: Trader) -> None:
    await trader.write(title="=HYPERLINK(1)", tags=["-x", "y"], text="+1\nnext", trade=hand(5), series="a:b")
    await trader.write(title="Plain")
    answer = await trader.get("/journal/entries.csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="holdfast-journal.csv"'
    lines = answer.text.splitlines()
    assert lines[0].startswith('"Simulated market')
    assert lines[1].startswith("time,title,series,tags")
    assert "'=HYPERLINK(1)" in answer.text
    assert '"\'-x, y"' in answer.text
    assert '"\'+1\nnext"' in answer.text
    assert "entered by hand" in answer.text
    assert (await trader.get("/journal/entries.csv", q="Plain")).text.count("\r\n") == 3


# --- pictures -----------------------------------------------------------------------------------------------


async def test_a_picture_comes_back_without_what_it_said(trader: Trader) -> None:
    sent = await send_image(trader, talking_png(), **{"Content-Type": "text/html"})
    assert sent.status_code == 201, sent.text
    made = sent.json()
    assert (made["content_type"], made["width"], made["height"]) == ("image/png", 3, 2)
    shown = await trader.get(f"/journal/images/{made['id']}")
    assert shown.content == png()
    assert SECRET not in shown.content
    for name, value in {
        "content-type": "image/png",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
        "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
        "content-disposition": f'inline; filename="{made["id"]}.png"',
    }.items():
        assert shown.headers[name] == value


async def test_junk_too_much_and_nothing_are_refused(trader: Trader, monkeypatch: pytest.MonkeyPatch) -> None:
    for content, says in (
        (b"<script>alert(1)</script>", "no picture"),
        (b"", "no picture"),
        (png()[:-8], "damaged"),
        (png() + b"\x00" * pictures.MOST_BYTES, "at most 5 MiB"),
    ):
        answer = await send_image(trader, content, **{"Content-Type": "image/png"})
        assert answer.status_code == 422, answer.text
        assert says in answer.json()["detail"]
    unsigned = await trader.client.post("/api/journal/images", content=png(), headers=trader.key())
    assert unsigned.status_code == 401
    monkeypatch.setattr(pictures, "MOST_KEPT", 1)
    await image(trader)
    many = await send_image(trader, png())
    assert (many.status_code, many.json()["detail"]) == (409, "You keep 1 pictures, which is the most.")
    monkeypatch.undo()
    monkeypatch.setattr(pictures, "MOST_KEPT_BYTES", 1)
    large = await send_image(trader, png())
    assert large.status_code == 409
    assert "MiB" in large.json()["detail"]


async def test_a_picture_that_is_broken_off_is_refused() -> None:
    async def stream() -> AsyncIterator[bytes]:
        yield png()[:20]
        raise ClientDisconnect

    with pytest.raises(InvalidInput, match="broken off"):
        await pictures.receive(stream())


def test_a_picture_may_take_its_time_as_long_as_it_flows() -> None:
    async def stream(pause: float, pieces: int) -> AsyncIterator[bytes]:
        for _ in range(pieces):
            await asyncio.sleep(pause)
            yield b"piece"

    def received(pause: float, pieces: int) -> bytes:
        return loop.run_until_complete(pictures.receive(stream(pause, pieces)))

    loop = VirtualLoop()
    steady = pictures.STALLED_SECONDS - 1
    assert received(steady, pieces=8) == b"piece" * 8
    with pytest.raises(InvalidInput, match="too long"):
        received(pictures.STALLED_SECONDS + 1, pieces=8)
    with pytest.raises(InvalidInput, match="too long"):
        received(steady, pieces=int(pictures.LONGEST_SECONDS / steady) + 1)
    loop.close()


async def test_a_picture_that_an_entry_comes_to_show_is_not_discarded(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture, owned = await image(trader), pictures.owned

    async def then_shown(session: AsyncSession, user_id: UUID, image_id: UUID) -> JournalImage:
        row = await owned(session, user_id, image_id)
        assert (await trader.write(images=[picture])).status_code == 201
        return row

    monkeypatch.setattr(pictures, "owned", then_shown)
    discarded = await trader.client.delete(f"/api/journal/images/{picture}", headers=trader.headers)
    monkeypatch.undo()
    assert discarded.status_code == 409
    assert (await trader.get(f"/journal/images/{picture}")).status_code == 200


async def test_one_key_is_one_picture(trader: Trader) -> None:
    headers = trader.headers | {"Idempotency-Key": "picture"}
    first, again = [
        await trader.client.post("/api/journal/images", content=png(), headers=headers) for _ in range(2)
    ]
    assert first.json() == again.json()
    assert await rows(trader.database, JournalImage) == 1


async def test_few_pictures_of_one_user_come_at_once(trader: Trader) -> None:
    under_way = [image_routes.receiving.one_of(trader.user_id) for _ in range(2)]
    for one in under_way:
        one.__enter__()
    refused = await send_image(trader, png())
    for one in under_way:
        one.__exit__(None, None, None)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "5")
    assert (await send_image(trader, png())).status_code == 201


async def test_pictures_follow_their_entry(trader: Trader) -> None:
    one, two = await image(trader), await image(trader)
    made = (await trader.write(images=[two, one])).json()
    assert [each["id"] for each in made["images"]] == [two, one]
    discarded = await trader.client.delete(f"/api/journal/images/{one}", headers=trader.headers)
    assert discarded.status_code == 409
    changed = await trader.client.put(
        f"/api/journal/entries/{made['id']}",
        json=body(version=1, images=[one]),
        headers=trader.headers | trader.key(),
    )
    assert [each["id"] for each in changed.json()["images"]] == [one]
    assert (await trader.get(f"/journal/images/{two}")).status_code == 404
    assert (await trader.write(images=[one])).status_code == 404, "it belongs to another entry"
    assert (await trader.write(images=[str(uuid4())])).status_code == 404
    unused = await image(trader)
    assert (
        await trader.client.delete(f"/api/journal/images/{unused}", headers=trader.headers)
    ).status_code == 204


async def test_pictures_that_no_entry_came_to_show_are_swept(trader: Trader) -> None:
    kept, unused = await image(trader), await image(trader)
    await trader.write(images=[kept])
    async with trader.database.transaction() as session:
        await session.execute(update(JournalImage).values(created_at=datetime(2026, 1, 1, tzinfo=UTC)))
        await repository.forget_unused_images(session, datetime.now(UTC) - UNUSED_FOR)
    assert (await trader.get(f"/journal/images/{kept}")).status_code == 200
    assert (await trader.get(f"/journal/images/{unused}")).status_code == 404


# --- others -------------------------------------------------------------------------------------------------


async def test_nothing_of_it_is_anybody_elses(trader: Trader, stranger: Headers) -> None:
    sleeve = await trader.sleeve()
    await trader.book().fill("BTCUSDT", "1", "100")
    shown, draft = await image(trader), await image(trader)
    made = (await trader.write(series="a:b", tags=["mine"], images=[shown], trade=hand(5))).json()
    path = f"/api/journal/entries/{made['id']}"
    client = trader.client

    async def ask(method: str, url: str, **sent: Any) -> int:
        key = {"Idempotency-Key": uuid4().hex}
        return (await client.request(method, url, headers=stranger | key, **sent)).status_code

    assert await ask("GET", path) == 404
    assert await ask("PUT", path, json=body(version=1)) == 404
    assert await ask("DELETE", path) == 404
    assert await ask("POST", f"{path}/restore") == 404
    for picture in (shown, draft):
        assert await ask("GET", f"/api/journal/images/{picture}") == 404
        assert await ask("DELETE", f"/api/journal/images/{picture}") == 404
        assert await ask("POST", "/api/journal/entries", json=body(images=[picture])) == 404
    for trade in (
        {"kind": "position", "position_id": str(sleeve)},
        {"kind": "fills", "fills": ["e001"]},
    ):
        assert await ask("POST", "/api/journal/entries", json=body(trade=trade)) == 404
        assert await ask("POST", "/api/journal/trades", json={"trade": trade}) == 404

    async def theirs(url: str) -> Any:
        return (await client.get(f"/api/journal/{url}", headers=stranger)).json()

    assert (await theirs("entries"))["items"] == []
    assert await theirs("marks?series=a:b&from=0&until=4000000000") == []
    assert await theirs("labels") == {"tags": [], "setups": [], "series": []}
    assert (await theirs("statistics"))["overall"]["trades"] == 0
    exported = (await client.get("/api/journal/entries.csv", headers=stranger)).text
    for mine in ("A note", made["id"]):
        assert mine not in exported
        assert mine in (await trader.get("/journal/entries.csv")).text
    assert (await trader.get(f"/journal/entries/{made['id']}")).json() == made
    for url in ("entries", "entries.csv", "labels", "statistics", f"images/{shown}"):
        assert (await client.get(f"/api/journal/{url}")).status_code == 401, url
    assert await rows(trader.database, JournalFill) == 0
