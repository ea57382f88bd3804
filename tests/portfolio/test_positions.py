"""Positions, overview and stream: what they are worth, to the last digit."""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from holdfast.platform.paging import encode_cursor
from holdfast.portfolio import positions
from holdfast.portfolio.booking import settle_alterations
from holdfast.portfolio.live import LivePositions
from holdfast.portfolio.models import Halt

from .conftest import Desk
from .people import NOW, add_connection, balance
from .story import Book, a_position, new_sleeve


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
    everything = (await desk.get("/positions")).json()["items"]

    parts = [Decimal(overview[name]) for name in ("open_pnl", "realised_pnl", "funding")]
    assert sum(parts) - Decimal(overview["fees"]) == sum(Decimal(position["pnl"]) for position in everything)
    assert {position["id"] for position in overview["positions"]} == {str(first), str(second)}
    assert (overview["equity"], overview["available"]) == ("25000", "25000")
    only_closed = (await desk.get("/positions", state="closed")).json()["items"]
    assert [(position["id"], position["pnl"]) for position in only_closed] == [(str(closed), "320.01")]
    assert len((await desk.get("/positions", state="open")).json()["items"]) == 2
    assert (await desk.get("/positions", state="half")).status_code == 422


async def test_what_is_available_is_told_per_account_too(desk: Desk) -> None:
    async with desk.database.transaction() as session:
        second = await add_connection(session, desk.user_id)
        snapshot = balance(second)
        snapshot.available = Decimal(3000)
        session.add(snapshot)
    overview = (await desk.get("/overview")).json()

    assert overview["available"] == "28000"
    available = {each["connection_id"]: each["available"] for each in overview["accounts"]}
    assert available == {str(desk.connection_id): "25000", str(second): "3000"}


async def test_positions_come_page_by_page_and_none_twice(desk: Desk) -> None:
    closed = [str(await new_sleeve(desk, state="closed")) for _ in range(5)]
    await new_sleeve(desk)
    first = (await desk.get("/positions", state="closed", limit=2)).json()
    second = (await desk.get("/positions", state="closed", limit=2, cursor=first["next_cursor"])).json()
    last = (await desk.get("/positions", state="closed", limit=2, cursor=second["next_cursor"])).json()

    pages = [[each["id"] for each in page["items"]] for page in (first, second, last)]
    assert [len(page) for page in pages] == [2, 2, 1]
    assert sorted(each for page in pages for each in page) == sorted(closed)
    assert last["next_cursor"] is None
    nonsense = encode_cursor(NOW, "no-id")
    assert (await desk.get("/positions", cursor=nonsense)).status_code == 422


async def test_an_empty_house(desk: Desk) -> None:
    stranger = await desk.stranger()
    overview = (await stranger.get("/overview")).json()

    assert overview["equity"] is None
    assert overview["open_pnl"] == overview["realised_pnl"] == "0"
    assert overview["accounts"] == []
    for path in ("/positions", "/fills"):
        assert (await stranger.get(path)).json() == {"items": [], "next_cursor": None}


async def test_everything_of_somebody_else_is_not_there(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    stranger = await desk.stranger()

    assert (await stranger.get(f"/positions/{sleeve}")).status_code == 404
    assert (
        await stranger.post("/previews", {"kind": "close", "position_id": str(sleeve)})
    ).status_code == 404
    for path in ("/positions", "/fills", "/payments"):
        assert (await stranger.get(path)).json()["items"] == []
    assert (await stranger.get("/fills", position=str(sleeve))).json()["items"] == []
    assert len((await stranger.get("/fills.csv")).text.splitlines()) == 2


async def test_the_stream_shows_ones_own_positions_and_reads_again_when_told(desk: Desk) -> None:
    sleeve, book = await a_position(desk)
    stranger = await desk.stranger()
    desk.mark("BTCUSDT", "101000")
    desk.mark("ETHUSDT", "4000")
    live = LivePositions(desk.quotes, desk.indices, desk.clock)  # type: ignore[arg-type]
    async with desk.database.transaction() as session:
        assert not await live.may_hear(session, None, str(sleeve))
        assert not await live.may_hear(session, stranger.user_id, str(sleeve))
        assert not await live.may_hear(session, desk.user_id, "not-an-id")
        assert await live.may_hear(session, desk.user_id, str(sleeve))
        assert await live.position_snapshot(session, stranger.user_id, str(sleeve)) is None
        first = (await live.positions_snapshots(session, [desk.user_id]))[desk.user_id]
        assert [position.price_pnl for position in first.positions] == [40]

    desk.mark("BTCUSDT", "102000")
    await book.fill("BTCUSDT", "0.01", "100000", by=sleeve)
    async with desk.database.transaction() as session:
        ticked = (await live.positions_snapshots(session, [desk.user_id]))[desk.user_id]
        live._on_message(f"user:{desk.user_id}", b"{}")
        told = (await live.positions_snapshots(session, [desk.user_id]))[desk.user_id]
        one = await live.position_snapshot(session, desk.user_id, str(sleeve))
    assert one is not None
    assert [position.price_pnl for position in ticked.positions] == [80]
    assert [position.price_pnl for position in told.positions] == [100]
    assert one.position.price_pnl == 100


@pytest.mark.parametrize("is_lost", [False, True], ids=["told", "reconnected"])
@pytest.mark.parametrize("reader", ["load_open", "load"])
async def test_what_changes_while_it_is_read_is_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, reader: str, is_lost: bool
) -> None:
    sleeve, book = await a_position(desk)
    desk.mark("BTCUSDT", "102000")
    desk.mark("ETHUSDT", "4000")
    live = LivePositions(desk.quotes, desk.indices, desk.clock)  # type: ignore[arg-type]
    read = getattr(positions, reader)

    async def overtaken(*args: Any, **named: Any) -> Any:
        books = await read(*args, **named)
        await book.fill("BTCUSDT", "0.01", "100000", by=sleeve)
        if is_lost:
            await live._forget_all()
        else:
            live._on_message(f"user:{desk.user_id}", b"{}")
        return books

    async def told() -> Decimal | None:
        async with desk.database.transaction() as session:
            if reader == "load_open":
                ticks = await live.positions_snapshots(session, [desk.user_id])
                return ticks[desk.user_id].positions[0].price_pnl
            one = await live.position_snapshot(session, desk.user_id, str(sleeve))
            return one.position.price_pnl if one else None

    with monkeypatch.context() as patch:
        patch.setattr(positions, reader, overtaken)
        assert await told() == 80
    assert await told() == 100


async def test_only_positions_that_are_heard_are_kept(desk: Desk) -> None:
    sleeve, _ = await a_position(desk)
    live = LivePositions(desk.quotes, desk.indices, desk.clock)  # type: ignore[arg-type]
    async with desk.database.transaction() as session:
        assert not await live.may_hear(session, desk.user_id, str(uuid4()))
        assert live._known == {}
        assert await live.may_hear(session, desk.user_id, str(sleeve))
        for _ in range(3):
            desk.clock.moment += timedelta(seconds=4)
            await live.positions_snapshots(session, [desk.user_id])
    assert live._known[desk.user_id].keys() == {""}
