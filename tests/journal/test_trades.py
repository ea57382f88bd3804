"""Trades of entries are the ledger's, exactly, and stay so."""

from decimal import Decimal
from typing import Any

from tests.journal.conftest import Trader
from tests.portfolio.people import NOW

from holdfast.portfolio.models import Sleeve


def moment(seconds: int) -> str:
    return f"2026-03-01T12:00:{seconds:02}Z"


async def test_a_position_is_told_as_its_page_tells_it(trader: Trader) -> None:
    sleeve, book = await trader.sleeve(), trader.book()
    await book.fill("BTCUSDT", "0.04", "100000", by=sleeve)
    await book.fill("ETHUSDT", "-1", "4000", by=sleeve)
    await book.funding("BTCUSDT", "0.3", "0.04")
    trader.mark("BTCUSDT", "101000")
    trader.mark("ETHUSDT", "3990")
    made = (await trader.write(trade={"kind": "position", "position_id": str(sleeve)})).json()["trade"]
    shown = (await trader.get(f"/positions/{sleeve}")).json()
    for name in ("pnl", "price_pnl", "fees", "funding"):
        assert made[name] == shown[name], name
    assert Decimal(made["pnl"]) == Decimal("49.3")
    assert (made["state"], made["direction"], made["series"]) == ("open", "long", "index:btc-d")
    assert (made["entry_at"], made["exit_at"], made["value"]) == (moment(1), None, "8000")
    assert [(leg["symbol"], leg["direction"], leg["entry_price"]) for leg in made["legs"]] == [
        ("BTCUSDT", "long", "100000"),
        ("ETHUSDT", "short", "4000"),
    ]
    assert made["entry_price"] is None


async def test_it_follows_the_ledger(trader: Trader) -> None:
    sleeve, book = await trader.sleeve(), trader.book()
    await book.fill("BTCUSDT", "0.04", "100000", by=sleeve)
    made = (await trader.write(trade={"kind": "position", "position_id": str(sleeve)})).json()
    assert made["trade"]["pnl"] is None, "no price is known"
    await book.fill("BTCUSDT", "0.02", "103000", by=sleeve)
    await book.fill("BTCUSDT", "-0.06", "104000", by=sleeve)
    read = (await trader.get(f"/journal/entries/{made['id']}")).json()["trade"]
    assert (read["quantity"], read["entry_price"], read["exit_price"]) == ("0.06", "101000", "104000")
    assert (read["pnl"], read["fees"], read["state"]) == ("178.5", "1.5", "open")
    async with trader.database.transaction() as session:
        row = await session.get_one(Sleeve, sleeve)
        row.state, row.closed_at = "closed", NOW
    late = (await trader.get(f"/journal/entries/{made['id']}")).json()["trade"]
    assert (late["state"], late["exit_at"], late["pnl"]) == ("closed", moment(3), "178.5")


async def fills_of(trader: Trader) -> list[dict[str, Any]]:
    return list((await trader.get("/fills")).json()["items"])


async def test_own_fills_make_a_trade(trader: Trader) -> None:
    book = trader.book()
    await book.fill("BTCUSDT", "-0.5", "100000", fee="20")
    await book.fill("BTCUSDT", "-0.5", "102000", fee="20")
    await book.fill("BTCUSDT", "1", "100000", fee="40")
    await book.fill("ETHUSDT", "1", "4000")
    made = (await trader.write(trade={"kind": "fills", "fills": ["e003", "e001", "e002"]})).json()["trade"]
    assert (made["direction"], made["quantity"], made["state"]) == ("short", "1", "closed")
    assert (made["entry_price"], made["exit_price"], made["series"]) == ("101000", "100000", "bybit:BTCUSDT")
    assert (made["price_pnl"], made["fees"], made["pnl"]) == ("1000", "80", "920")
    assert (made["entry_at"], made["exit_at"]) == (moment(1), moment(3))
    assert made["fills"] == ["e001", "e002", "e003"]


async def test_fills_bear_their_share_of_the_funding_of_what_they_are_part_of(trader: Trader) -> None:
    book = trader.book()
    await book.fill("BTCUSDT", "1", "100000", fee="0")
    await book.fill("BTCUSDT", "3", "100000", fee="0")
    await book.funding("BTCUSDT", "-8", "4")
    part = (await trader.write(trade={"kind": "fills", "fills": ["e001"]})).json()["trade"]
    assert part["funding"] == "-2"
    whole = (await trader.write(trade={"kind": "fills", "fills": ["e001", "e002"]})).json()["trade"]
    assert whole["funding"] == "-8"


async def test_fills_that_make_no_trade_are_refused(trader: Trader) -> None:
    book = trader.book()
    await book.fill("BTCUSDT", "1", "100000")
    await book.fill("BTCUSDT", "-2", "100000")
    await book.fill("ETHUSDT", "1", "4000")
    for chosen, says in (
        (["e001", "e002"], "close more than they open"),
        (["e001", "e003"], "several symbols"),
    ):
        answer = await trader.write(trade={"kind": "fills", "fills": chosen})
        assert answer.status_code == 422, answer.text
        assert says in answer.json()["detail"]
    assert (await trader.write(trade={"kind": "fills", "fills": ["e009"]})).status_code == 404


async def test_fees_in_another_coin_are_named_beside_the_result(trader: Trader) -> None:
    book = trader.book()
    await book.fill("BTCUSDT", "1", "100000", fee="0.1", asset="BNB")
    await book.fill("BTCUSDT", "-1", "100100", fee="1")
    made = (await trader.write(trade={"kind": "fills", "fills": ["e001", "e002"]})).json()["trade"]
    assert (made["pnl"], made["other_fees"]) == ("99", ["0.1 BNB"])


async def test_a_trade_entered_by_hand_says_so(trader: Trader) -> None:
    typed = {
        "kind": "hand", "direction": "short", "quantity": "2", "entry_price": "50.5",
        "entry_at": "2026-01-05T10:00:00Z", "exit_price": "40.25", "exit_at": "2026-01-06T10:00:00Z",
        "fees": "0.5",
    }  # fmt: skip
    made = (await trader.write(series="binance:SOLUSDT", trade=typed)).json()["trade"]
    assert (made["kind"], made["price_pnl"], made["pnl"]) == ("hand", "20.5", "20")
    assert made["series"] == "binance:SOLUSDT"
    running = typed | {"exit_price": None, "exit_at": None}
    assert (await trader.write(trade=running)).json()["trade"]["pnl"] is None
    for wrong, says in (
        ({"exit_at": None}, "give both"),
        ({"exit_at": "2026-01-04T10:00:00Z"}, "before the entry"),
        ({"quantity": "-1"}, "greater than 0"),
        ({"entry_price": "NaN"}, "finite"),
        ({"entry_at": "2026-01-05T10:00:00"}, "timezone"),
    ):
        answer = await trader.write(trade=typed | wrong)
        assert answer.status_code == 422
        assert says in answer.text


async def test_it_can_be_looked_up_before_it_is_written(trader: Trader) -> None:
    await trader.book().fill("BTCUSDT", "1", "100000")
    wanted = {"trade": {"kind": "fills", "fills": ["e001"]}}
    seen = await trader.client.post("/api/journal/trades", json=wanted, headers=trader.headers)
    made = await trader.write(**wanted)
    assert seen.json() == made.json()["trade"]
