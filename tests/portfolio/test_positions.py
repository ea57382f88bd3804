"""Positions, overview, histories and exports over HTTP."""

import csv
import io
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import Conflict
from holdfast.core.instruments import Side
from holdfast.execution.models import Execution, Order
from holdfast.portfolio.booking import book_fill, book_funding, settle_alterations
from holdfast.portfolio.live import LivePositions
from holdfast.portfolio.models import Halt, Sleeve
from holdfast.portfolio.service import take_plan
from holdfast.venues.protocol import FillReport, FundingReport

from .conftest import Desk
from .people import NOW, add_sleeve


@dataclass
class Book:
    """Writes what happened into the ledger of a desk, one second after the other."""

    desk: Desk
    count: int = 0

    async def fill(
        self,
        symbol: str,
        signed: str,
        price: str,
        *,
        by: UUID | None = None,
        fee: str = "0.5",
        asset: str = "USDT",
    ) -> None:
        self.count += 1
        report = FillReport(
            exec_id=f"e{self.count:03}",
            venue_order_id="v",
            client_id="",
            symbol=symbol,
            side=Side.of(Decimal(signed)),
            exec_type="Trade",
            quantity=abs(Decimal(signed)),
            price=Decimal(price),
            fee=Decimal(fee),
            fee_asset=asset,
            is_maker=False,
            executed_at=NOW + self.count * timedelta(seconds=1),
        )
        order = (uuid4(), by) if by else None
        async with self.desk.database.transaction() as session:
            await book_fill(
                session, connection_id=self.desk.connection_id, report=report, order=order, now=NOW
            )

    async def funding(self, symbol: str, amount: str, position: str) -> None:
        report = FundingReport(
            reference=f"f-{symbol}",
            symbol=symbol,
            amount=Decimal(amount),
            asset="USDT",
            rate=Decimal("0.0001"),
            position=Decimal(position),
            at=NOW + timedelta(hours=1),
        )
        async with self.desk.database.transaction() as session:
            await book_funding(session, connection_id=self.desk.connection_id, report=report, now=NOW)


async def new_sleeve(desk: Desk, *, state: str = "active", index_id: str = "btc-d") -> UUID:
    async with desk.database.transaction() as session:
        return await add_sleeve(session, desk.user_id, desk.connection_id, state=state, index_id=index_id)


async def a_position(desk: Desk) -> tuple[UUID, Book]:
    """Long 0.04 BTC at 100,000 and short 1 ETH at 4,000, fees 1, funding 0.3."""
    sleeve, book = await new_sleeve(desk), Book(desk)
    await book.fill("BTCUSDT", "0.04", "100000", by=sleeve)
    await book.fill("ETHUSDT", "-1", "4000", by=sleeve)
    await book.funding("BTCUSDT", "0.3", "0.04")
    return sleeve, book


async def test_profit_and_loss_adds_up_by_hand(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    desk.mark("BTCUSDT", "101000")
    desk.mark("ETHUSDT", "4100")
    position = (await desk.get(f"/positions/{sleeve}")).json()

    assert position["price_pnl"] == "-60"
    assert position["fees"] == "1"
    assert position["funding"] == "0.3"
    assert position["pnl"] == "-60.7"
    assert position["pnl_percent"] == pytest.approx(-0.0607)
    assert (position["gross"], position["net"]) == ("8140", "-60")
    assert position["stale"] is False
    btc, eth = position["legs"]
    assert (btc["quantity"], btc["entry_price"], btc["pnl"]) == ("0.04", "100000", "39.8")
    assert (eth["quantity"], eth["entry_price"], eth["pnl"]) == ("-1", "4000", "-100.5")
    assert btc["weight"] == pytest.approx(4040 / 8140)
    assert btc["target_weight"] == pytest.approx(0.5)
    shares = {"BTCUSDT": 4040 / 8140, "ETHUSDT": -4100 / 8140, "SOLUSDT": 0}
    wanted = {"BTCUSDT": 0.5, "ETHUSDT": -0.3125, "SOLUSDT": -0.1875}
    assert position["drift"] == pytest.approx(sum(abs(shares[s] - wanted[s]) for s in shares) / 2)
    assert any("SOLUSDT" in notice for notice in position["notices"])


async def test_without_a_price_there_is_no_figure_and_no_invention(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    desk.mark("BTCUSDT", "101000")
    position = (await desk.get(f"/positions/{sleeve}")).json()

    assert position["pnl"] is position["gross"] is position["drift"] is None
    assert position["stale"] is True
    assert position["fees"] == "1"
    assert (await desk.get("/overview")).json()["open_pnl"] is None


async def test_an_old_price_is_stale(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    desk.mark("BTCUSDT", "101000")
    desk.mark("ETHUSDT", "4100")
    desk.clock.moment += timedelta(seconds=11)

    assert (await desk.get(f"/positions/{sleeve}")).json()["stale"] is True


async def test_a_part_sold_by_hand_stops_earning_and_is_shown(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    await book.fill("BTCUSDT", "-0.01", "102000")
    desk.mark("BTCUSDT", "110000")
    desk.mark("ETHUSDT", "4000")
    before = (await desk.get(f"/positions/{sleeve}")).json()

    assert before["altered"] is True
    assert (before["legs"][0]["quantity"], before["legs"][0]["altered"]) == ("0.03", "-0.01")
    assert before["price_pnl"] == str(300 + 20)
    assert any("outside Holdfast" in notice for notice in before["notices"])

    async with desk.database.transaction() as session:
        await settle_alterations(session, sleeve_id=sleeve, now=NOW + timedelta(hours=2))
    after = (await desk.get(f"/positions/{sleeve}")).json()
    assert after["pnl"] == before["pnl"]


async def test_a_halt_is_shown_on_its_leg(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    async with desk.database.transaction() as session:
        session.add(
            Halt(connection_id=desk.connection_id, symbol="ETHUSDT", reason="Bybit shows 2.", since=NOW)
        )
    position = (await desk.get(f"/positions/{sleeve}")).json()

    assert [leg["halted_reason"] for leg in position["legs"]] == ["", "Bybit shows 2."]
    assert any("ETHUSDT is halted: Bybit shows 2." in notice for notice in position["notices"])


async def test_a_fee_in_another_coin_is_told_and_not_mixed_in(desk: Desk) -> None:
    sleeve, book = await new_sleeve(desk), Book(desk)
    await book.fill("BTCUSDT", "0.04", "100000", by=sleeve, fee="0.02", asset="MNT")
    position = (await desk.get(f"/positions/{sleeve}")).json()

    assert position["fees"] == "0"
    assert any("0.02 MNT" in notice for notice in position["notices"])


async def test_the_overview_is_the_sum_of_its_positions_exactly(desk: Desk) -> None:
    first, book = await a_position(desk)
    second = await new_sleeve(desk)
    await book.fill("BTCUSDT", "0.007", "100333.3", by=second, fee="0.00000001")
    await book.fill("BTCUSDT", "-0.003", "99999.9", by=second, fee="0.333")
    closed = await new_sleeve(desk, state="closed")
    await book.fill("ETHUSDT", "1", "4000", by=closed)
    await book.fill("ETHUSDT", "-1", "4321.01", by=closed)
    desk.mark("BTCUSDT", "98765.4")
    desk.mark("ETHUSDT", "4001.23")
    overview = (await desk.get("/overview")).json()
    everything = (await desk.get("/positions")).json()

    parts = [Decimal(overview[name]) for name in ("open_pnl", "realised_pnl", "funding")]
    assert sum(parts) - Decimal(overview["fees"]) == sum(Decimal(position["pnl"]) for position in everything)
    assert {position["id"] for position in overview["positions"]} == {str(first), str(second)}
    assert (overview["equity"], overview["available"]) == ("25000", "25000")
    only_closed = (await desk.get("/positions", state="closed")).json()
    assert [(position["id"], position["pnl"]) for position in only_closed] == [(str(closed), "320.01")]
    assert len((await desk.get("/positions", state="open")).json()) == 2
    assert (await desk.get("/positions", state="half")).status_code == 422


async def test_an_empty_house(desk: Desk) -> None:
    stranger = await desk.stranger()
    overview = (await stranger.get("/overview")).json()

    assert overview["equity"] is None
    assert overview["open_pnl"] == overview["realised_pnl"] == "0"
    assert (await stranger.get("/positions")).json() == []
    assert (await stranger.get("/fills")).json() == {"items": [], "next_cursor": None}


async def test_everything_of_somebody_else_is_not_there(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    stranger = await desk.stranger()

    assert (await stranger.get(f"/positions/{sleeve}")).status_code == 404
    assert (
        await stranger.post("/previews", {"kind": "close", "position_id": str(sleeve)})
    ).status_code == 404
    for path in ("/positions", "/fills", "/payments"):
        answer = (await stranger.get(path)).json()
        assert (answer if isinstance(answer, list) else answer["items"]) == []
    assert (await stranger.get("/fills", position=str(sleeve))).json()["items"] == []
    assert len((await stranger.get("/fills.csv")).text.splitlines()) == 2


async def test_pages_of_fills_are_complete_and_in_order(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    for i in range(5):
        await book.fill("BTCUSDT", "0.001", str(100_000 + i), by=sleeve)
    await book.fill("BTCUSDT", "0.002", "100000")
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        params = {"limit": 3} | ({"cursor": cursor} if cursor else {})
        page = (await desk.get("/fills", **params)).json()
        seen += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        assert len(page["items"]) == 3

    assert [fill["exec_id"] for fill in seen] == [f"e{n:03}" for n in range(8, 0, -1)]
    assert (seen[0]["by_hand"], seen[0]["position_id"], seen[0]["index_name"]) == (True, None, "")
    assert (seen[1]["by_hand"], seen[1]["index_name"]) == (False, "Bitcoin dominance")
    assert seen[-1]["value"] == "4000"


async def test_filters(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    await book.fill("BTCUSDT", "0.002", "100000")

    async def ids(**params: Any) -> list[str]:
        return [fill["exec_id"] for fill in (await desk.get("/fills", **params)).json()["items"]]

    assert await ids(position=str(sleeve)) == ["e002", "e001"]
    assert await ids(symbol="btcusdt") == ["e003", "e001"]
    assert await ids(**{"from": "2026-03-01T12:00:02Z", "to": "2026-03-01T12:00:03Z"}) == ["e002"]

    async def payments(**params: Any) -> list[tuple[str, str]]:
        return [(p["kind"], p["amount"]) for p in (await desk.get("/payments", **params)).json()["items"]]

    assert await payments() == [("funding", "0.3"), ("fee", "-0.5"), ("fee", "-0.5"), ("fee", "-0.5")]
    assert await payments(kind="funding") == [("funding", "0.3")]
    assert await payments(kind="fee", limit=1) == [("fee", "-0.5")]
    assert await payments(kind="adjustment") == []


async def test_pages_of_payments(desk: Desk) -> None:
    await a_position(desk)
    first = (await desk.get("/payments", limit=2)).json()
    second = (await desk.get("/payments", limit=2, cursor=first["next_cursor"])).json()

    assert [p["kind"] for p in first["items"] + second["items"]] == ["funding", "fee", "fee"]
    assert second["next_cursor"] is None


@pytest.mark.parametrize("path", ["/fills", "/payments"])
async def test_filters_that_make_no_sense(desk: Desk, path: str) -> None:
    for params in (
        {"from": "2026-03-01T12:00:00"},
        {"from": "yesterday"},
        {"from": "2026-03-02T00:00:00Z", "to": "2026-03-01T00:00:00Z"},
        {"position": "mine"},
        {"cursor": "nonsense"},
        {"cursor": "WyIyMDI2LTAzLTAxVDEyOjAwOjAwKzAwOjAwIiwgIngiXQ"},
        {"limit": "0"},
        {"limit": "100000"},
        {"symbol": "x" * 41},
    ):
        answer = await desk.get(path, **params)
        assert answer.status_code == 422, params
        assert answer.json()["advice"]
    assert (await desk.get("/payments", kind="gift")).status_code == 422


async def test_exports(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    answer = await desk.get("/fills.csv")
    rows = list(csv.reader(io.StringIO(answer.text)))

    assert answer.headers["content-type"].startswith("text/csv")
    assert "attachment" in answer.headers["content-disposition"]
    assert rows[0][0].startswith("Simulated market")
    newest = dict(zip(rows[1], rows[2], strict=True))
    assert newest["symbol"] == "ETHUSDT"
    assert (newest["quantity"], newest["price"], newest["value"]) == ("1", "4000", "4000")
    assert newest["position"] == str(sleeve)
    assert len(rows) == 4

    payments = list(csv.reader(io.StringIO((await desk.get("/payments.csv", kind="fee")).text)))
    assert [row[5] for row in payments[2:]] == ["-0.5", "-0.5"]


async def test_no_cell_of_an_export_is_a_formula(desk: Desk) -> None:
    await Book(desk).fill('=HYPERLINK("http://x")', "1", "10")
    answer = await desk.get("/fills.csv")

    assert "'=HYPERLINK" in answer.text
    assert not any(cell.startswith("=") for row in csv.reader(io.StringIO(answer.text)) for cell in row)


# Closing


async def execute(session: AsyncSession, desk: Desk, plan_id: str, sleeve_id: UUID, kind: str) -> UUID:
    """The rows an execution leaves, as far as positions look at them."""
    execution_id = uuid4()
    session.add(
        Execution(
            id=execution_id,
            plan_id=UUID(plan_id),
            sleeve_id=sleeve_id,
            user_id=desk.user_id,
            connection_id=desk.connection_id,
            kind=kind,
            state="complete",
            created_at=NOW,
        )
    )
    await session.flush()
    return execution_id


async def test_a_close_preview_reverses_the_sleeve_and_leaves_the_users_own(desk: Desk) -> None:
    opened = (await desk.preview()).json()
    sleeve, book = await a_position(desk)
    async with desk.database.transaction() as session:
        await execute(session, desk, opened["id"], sleeve, "open")
    await book.fill("BTCUSDT", "0.5", "100000")
    answer = await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})
    assert answer.status_code == 201, answer.text
    plan = answer.json()

    assert (plan["kind"], plan["position_id"], plan["executable"]) == ("close", str(sleeve), True)
    assert [(leg["symbol"], leg["side"], leg["quantity"], leg["name"]) for leg in plan["legs"]] == [
        ("BTCUSDT", "sell", "0.04", "Coin btc"),
        ("ETHUSDT", "buy", "1", "Coin eth"),
    ]
    assert plan["totals"]["margin_needed"] == "0"
    assert plan["size"] == "1000"


async def test_a_close_preview_books_what_was_closed_by_hand(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    await book.fill("BTCUSDT", "-0.01", "102000")
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert [(leg["action"], leg["side"], leg["quantity"]) for leg in plan["legs"]] == [
        ("by_hand", "sell", "0.01"),
        ("trade", "sell", "0.03"),
        ("trade", "buy", "1"),
    ]
    assert plan["legs"][0]["expected_price"] == "102000"
    assert any("outside Holdfast" in warning for warning in plan["warnings"])


async def test_a_position_everything_of_which_was_closed_by_hand_can_be_ended(desk: Desk) -> None:
    sleeve, book = await new_sleeve(desk), Book(desk)
    await book.fill("BTCUSDT", "0.01", "100000", by=sleeve)
    await book.fill("BTCUSDT", "-0.01", "102000")
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert [leg["action"] for leg in plan["legs"]] == ["by_hand"]
    assert plan["executable"] is True


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("closed", "closed already"),
        ("unwound", "closed already"),
        ("opening", "opening"),
        ("closing", "closing"),
    ],
)
async def test_only_an_open_and_quiet_position_can_be_closed(desk: Desk, state: str, words: str) -> None:
    sleeve = await new_sleeve(desk, state=state)
    answer = await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})

    assert answer.status_code == 409
    assert words in answer.json()["detail"]


async def test_an_order_of_unknown_outcome_blocks_the_close(desk: Desk) -> None:
    opened = (await desk.preview()).json()
    sleeve, _ = await a_position(desk)
    async with desk.database.transaction() as session:
        execution_id = await execute(session, desk, opened["id"], sleeve, "open")
        (await session.get_one(Sleeve, sleeve)).state = "needs_attention"
        session.add(
            Order(
                id=uuid4(),
                execution_id=execution_id,
                sleeve_id=sleeve,
                connection_id=desk.connection_id,
                leg=0,
                role="open",
                attempt=0,
                client_id="c",
                symbol="SOLUSDT",
                side="sell",
                quantity=Decimal(1),
                limit_price=Decimal(1),
                reduce_only=False,
                state="unknown",
                created_at=NOW,
            )
        )
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert plan["executable"] is False
    assert "SOLUSDT" in plan["blocked_reason"]


async def test_closing_is_possible_while_the_index_is_stale(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    desk.indices.stale_reason = "CoinGecko is silent."
    plan = (await desk.post("/previews", {"kind": "close", "position_id": str(sleeve)})).json()

    assert plan["executable"] is True


async def test_a_plan_is_carried_out_once(desk: Desk) -> None:
    opened = (await desk.preview()).json()
    sleeve = await new_sleeve(desk)
    async with desk.database.transaction() as session:
        await execute(session, desk, opened["id"], sleeve, "open")
        with pytest.raises(Conflict, match="already"):
            await take_plan(session, desk.user_id, UUID(opened["id"]), opened["digest"], NOW)


# The stream


async def test_the_stream_shows_ones_own_positions_and_reads_again_when_told(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    stranger = await desk.stranger()
    desk.mark("BTCUSDT", "101000")
    desk.mark("ETHUSDT", "4000")
    live = LivePositions(desk.quotes, desk.indices, desk.clock)  # type: ignore[arg-type]
    async with desk.database.transaction() as session:
        assert not await live.may_hear(session, None, "")
        assert not await live.may_hear(session, stranger.user_id, str(sleeve))
        assert not await live.may_hear(session, desk.user_id, "not-an-id")
        assert await live.may_hear(session, desk.user_id, str(sleeve))
        assert await live.position_snapshot(session, stranger.user_id, str(sleeve)) is None
        first = await live.positions_snapshot(session, desk.user_id, "")
        assert first is not None
        assert [position.price_pnl for position in first.positions] == [40]

    desk.mark("BTCUSDT", "102000")
    await book.fill("BTCUSDT", "0.01", "100000", by=sleeve)
    async with desk.database.transaction() as session:
        ticked = await live.positions_snapshot(session, desk.user_id, "")
        live._on_message(f"user:{desk.user_id}", b"{}")
        told = await live.positions_snapshot(session, desk.user_id, "")
        one = await live.position_snapshot(session, desk.user_id, str(sleeve))
    assert ticked is not None
    assert told is not None
    assert one is not None
    assert [position.price_pnl for position in ticked.positions] == [80]
    assert [position.price_pnl for position in told.positions] == [100]
    assert one.position.price_pnl == 100
