"""Legs from sums are the legs of the whole fold, to the last digit; and few rows are read for them."""

from collections import defaultdict
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event, text

from holdfast.portfolio import positions, repository
from holdfast.portfolio.ledger import Leg, Line, fold, fold_sums
from holdfast.portfolio.models import Posting
from holdfast.portfolio.positions import CLOSED_STATES

from .conftest import Desk
from .people import NOW, add_sleeve
from .story import Book, a_position, new_sleeve

D = Decimal
MOVES = ("trade", "opening", "adjustment")

symbols = st.sampled_from(["BTCUSDT", "ETHUSDT"])
lots = st.integers(-3, 3).filter(bool).map(lambda n: D(n) * D("0.001"))
prices = st.integers(1, 10_000_000).map(lambda ticks: D(ticks) * D("0.01"))
amounts = st.integers(-(10**9), 10**9).map(lambda n: D(n) * D("1e-8"))


@st.composite
def books(draw: st.DrawFn) -> list[Line]:
    """Trades in few lots, so that legs are often flat in between or at the end, with fees and funding."""
    lines = []
    for number in range(draw(st.integers(0, 25))):
        symbol, reference = draw(symbols), f"r{number}"
        kind = draw(st.sampled_from([*MOVES, "fee", "funding"]))
        if kind in MOVES:
            quantity, price = draw(lots), draw(prices)
            lines.append(Line(kind, symbol, symbol, quantity, reference))
            lines.append(Line(kind, "USDT", symbol, -quantity * price, reference))
        else:
            lines.append(Line(kind, draw(st.sampled_from(["USDT", "MNT"])), symbol, draw(amounts), reference))
    return lines


def summed(lines: list[Line]) -> list[Line]:
    sums: dict[tuple[str, str, str], D] = defaultdict(D)
    for line in lines:
        kind = "trade" if line.kind in MOVES else line.kind
        sums[kind, line.asset, line.symbol] += line.amount
    return [Line(*key, amount, "") for key, amount in sums.items()]


def whole(legs: dict[str, Leg]) -> dict[str, Any]:
    return {
        symbol: (leg.quantity, leg.cash, leg.cost, leg.fees, leg.funding, leg.entry_price, leg.realised)
        for symbol, leg in legs.items()
    }


@given(books())
def test_sums_and_the_moves_of_open_legs_say_what_every_line_says(lines: list[Line]) -> None:
    expected = fold(lines)
    still_open = {symbol for symbol, leg in expected.items() if leg.quantity}
    moves = [line for line in lines if line.kind in MOVES and line.symbol in still_open]
    assert whole(fold_sums(summed(lines), moves)) == whole(expected)


async def test_postgresql_adds_up_the_same(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    await book.fill("BTCUSDT", "0.013", "101234.5", by=sleeve)
    await book.fill("BTCUSDT", "-0.02", "99999.9", by=sleeve, asset="MNT")
    await book.fill("ETHUSDT", "1", "3900", by=sleeve)
    other = await new_sleeve(desk)
    await book.fill("ETHUSDT", "2.5", "4100.01", by=other)
    async with desk.database.sessions() as session:
        found = await repository.legs_of_sleeves(session, [sleeve, other])
        for sleeve_id in (sleeve, other):
            expected = fold(await repository.lines_of(session, sleeve_id))
            assert whole(found[sleeve_id]) == whole(expected)
    assert found[sleeve]["ETHUSDT"].quantity == 0
    assert found[sleeve]["BTCUSDT"].entry_price != found[sleeve]["ETHUSDT"].entry_price


async def test_the_overview_counts_what_is_over_as_if_it_were_read_line_by_line(desk: Desk) -> None:
    book = Book(desk)
    gone, closed = await new_sleeve(desk, state="unwound"), await new_sleeve(desk, state="closed")
    stuck, held = await new_sleeve(desk, state="closed"), await new_sleeve(desk)
    for sleeve, price in ((gone, "3900"), (closed, "4100.37")):
        await book.fill("ETHUSDT", "1", "4000", by=sleeve, fee="0.123456")
        await book.fill("ETHUSDT", "-1", price, by=sleeve, fee="0.2")
    await book.fill("ETHUSDT", "2", "4000", by=stuck)
    await book.fill("ETHUSDT", "3", "4000", by=held)
    desk.mark("ETHUSDT", "4010")
    body = (await desk.get("/overview")).json()

    async with desk.database.sessions() as session:
        every = await positions.load(session, desk.user_id)
    legs = [leg for each in every for leg in each.legs.values()]
    assert D(body["realised_pnl"]) == sum(leg.realised for leg in legs) == D("0.37")
    assert D(body["fees"]) == sum(leg.fees["USDT"] for leg in legs) == D("1.646912")
    assert D(body["open_pnl"]) == 10 * (2 + 3)
    assert [p["id"] for p in body["positions"]] == [str(held)]


async def test_an_overview_of_many_old_positions_reads_few_rows(desk: Desk) -> None:
    await a_position(desk)
    async with desk.database.transaction() as session:
        sleeves = [await add(session, desk, state) for state in CLOSED_STATES for _ in range(20)]
        for sleeve_id in sleeves:
            for n in range(6):
                amount = D(1) if n % 2 else D(-1)
                session.add_all(posting(desk, sleeve_id, n, amount))
    rows = 0

    def count(_conn: Any, cursor: Any, *_: Any) -> None:
        nonlocal rows
        rows += max(cursor.rowcount, 0)

    event.listen(desk.database.engine.sync_engine, "after_cursor_execute", count)
    assert (await desk.get("/overview")).status_code == 200
    event.remove(desk.database.engine.sync_engine, "after_cursor_execute", count)
    assert rows < 60, "not one for each of 480 postings"


async def test_what_is_held_is_found_without_reading_every_posting(desk: Desk) -> None:
    book, held, over = Book(desk), await new_sleeve(desk), await new_sleeve(desk, state="closed")
    for symbol in ("BTCUSDT", "ETHUSDT"):
        await book.fill(symbol, "1", "4000", by=held)
    await book.fill("SOLUSDT", "1", "4000", by=over)
    async with desk.database.transaction() as session:
        for n in range(200):
            session.add_all(posting(desk, held, n, D(1)))
    async with desk.database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        assert await repository.traded_assets(session, CLOSED_STATES) == {"BTCUSDT", "ETHUSDT", "USDT"}
        query = f"EXPLAIN (ANALYZE, FORMAT JSON) {repository._TRADED.text}"
        plan = await session.scalar(text(query), {"over": list(CLOSED_STATES)})
    read = [rows for name, rows in scanned(plan[0]["Plan"]) if name == "postings"]
    assert sum(read) < 20, "there are 400"


def scanned(node: dict[str, Any]) -> list[tuple[str, float]]:
    """Which tables a plan has read, and how many rows of each."""
    own = (
        [(node["Relation Name"], node["Actual Rows"] * node["Actual Loops"])]
        if "Relation Name" in node
        else []
    )
    return own + [one for part in node.get("Plans", ()) for one in scanned(part)]


async def add(session: Any, desk: Desk, state: str) -> Any:
    return await add_sleeve(session, desk.user_id, desk.connection_id, state=state)


def posting(desk: Desk, sleeve_id: Any, n: int, amount: D) -> list[Posting]:
    return [
        Posting(
            connection_id=desk.connection_id,
            sleeve_id=sleeve_id,
            kind="trade",
            asset=asset,
            amount=amount if asset == "BTCUSDT" else -amount * 100,
            symbol="BTCUSDT",
            reference=f"x{n}-{uuid4().hex}",
            at=NOW,
            booked_at=NOW,
        )
        for asset in ("BTCUSDT", "USDT")
    ]


async def test_a_position_whose_index_has_left_the_catalogue_is_still_shown(desk: Desk) -> None:
    sleeve, book = await new_sleeve(desk, index_id="gone-d"), Book(desk)
    await book.fill("BTCUSDT", "0.04", "100000", by=sleeve)
    desk.mark("BTCUSDT", "101000")
    for path in ("/positions", f"/positions/{sleeve}", "/overview", "/fills", "/payments"):
        answer = await desk.get(path)
        assert answer.status_code == 200, (path, answer.text)
    assert (await desk.get("/positions")).json()["items"][0]["index_name"] == "gone-d"
    preview = await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})
    assert preview.status_code == 201, preview.text
    assert [leg["symbol"] for leg in preview.json()["legs"]] == ["BTCUSDT"]
