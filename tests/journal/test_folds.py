"""Fills become trades exactly, each choice of them once, and nobody waits for all of them."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import inspect
from tests.journal.conftest import Trader
from tests.portfolio.people import NOW

from holdfast.core.instruments import Side
from holdfast.journal import books, folds, repository, trades
from holdfast.journal.books import Payment
from holdfast.journal.repository import Filters
from holdfast.portfolio import repository as ledger
from holdfast.portfolio.models import Fill

ACCOUNT = UUID(int=1)
HOLDINGS = (None, UUID(int=2))
Bought = tuple[int, int, UUID | None]
Paid = tuple[int, int, int]


def fill(number: int, bought: Bought) -> Fill:
    at, quantity, sleeve_id = bought
    return Fill(
        connection_id=ACCOUNT,
        sleeve_id=sleeve_id,
        exec_id=f"e{number:03}",
        symbol="BTCUSDT",
        side=Side.BUY,
        quantity=Decimal(quantity),
        price=Decimal(100),
        executed_at=NOW + timedelta(seconds=at),
    )


def payment(paid: Paid) -> Payment:
    at, amount, held = paid
    return Payment(NOW + timedelta(seconds=at), Decimal(amount), Decimal(held))


def by_definition(fills: Sequence[Fill], payments: dict[books.Owner, list[Payment]]) -> Decimal:
    """Of each payment of a holding the share that what was bought of it until then had in it."""
    total = Decimal(0)
    for (_, sleeve_id, _), paid in payments.items():
        for one in paid:
            until = [
                own.quantity for own in fills if own.sleeve_id == sleeve_id and own.executed_at <= one.at
            ]
            if until and one.held > 0:
                total += one.amount * min(sum(until) / one.held, Decimal(1))
    return round(total, 12)


bought = st.tuples(st.integers(0, 20), st.integers(1, 9), st.sampled_from(HOLDINGS))
paid = st.tuples(st.integers(-3, 25), st.integers(-50, 50), st.integers(-3, 30))


@settings(max_examples=200, deadline=None)
@given(st.lists(bought, min_size=1, max_size=12), st.lists(paid, max_size=12), st.lists(paid, max_size=12))
def test_funding_is_shared_as_it_is_defined(
    all_bought: list[Bought], own: list[Paid], of_sleeve: list[Paid]
) -> None:
    fills = [fill(number, each) for number, each in enumerate(all_bought)]
    payments = {
        (ACCOUNT, sleeve_id, "BTCUSDT"): [payment(each) for each in sorted(line)]
        for sleeve_id, line in zip(HOLDINGS, (own, of_sleeve), strict=True)
    }
    view = folds.of_fills(fills, "bybit", [], payments, lambda _: None)
    assert round(view.funding, 12) == by_definition(fills, payments)


def test_every_fill_is_counted_once_however_many_payments_there_were(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked_at: list[Fill] = []
    signed = folds._signed

    def counted(one: Fill) -> Decimal:
        looked_at.append(one)
        return signed(one)

    monkeypatch.setattr(folds, "_signed", counted)
    fills = [fill(number, (number, 1, None)) for number in range(50)]
    payments = {(ACCOUNT, None, "BTCUSDT"): [payment((at, 1, 100)) for at in range(200)]}
    view = folds.of_fills(fills, "bybit", [], payments, lambda _: None)
    assert view.funding == Decimal("87.75"), "1 + … + 50, then 150 times 50, hundredths"
    assert len(looked_at) == 2 * len(fills), "once for the trade, once for its funding"


async def test_the_same_fills_are_folded_once_and_others_get_their_turn(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = trader.book()
    for _ in range(3):
        await book.fill("BTCUSDT", "1", "100000")
    keys = [(trader.connection_id, f"e{number:03}") for number in (1, 2, 3)]
    wanted = {"one": keys[:2], "again": keys[1::-1], "two": keys[1:], "three": keys, "gone": []}
    turns, folded_at = 0, []
    fold = folds.of_fills

    def counted(*arguments: Any) -> Any:
        folded_at.append(turns)
        return fold(*arguments)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(folds, "of_fills", counted)
    waiting = asyncio.create_task(others())
    async with trader.database.transaction() as session:
        told = await trades.of_fills(session, wanted, lambda _: None)
    waiting.cancel()
    assert {name: trade.fills for name, trade in told.items()} == {
        "one": ["e001", "e002"],
        "again": ["e001", "e002"],
        "two": ["e002", "e003"],
        "three": ["e001", "e002", "e003"],
    }
    assert len(folded_at) == 3
    assert folded_at[0] < folded_at[1] < folded_at[2], "nobody waits for all of them"


async def test_only_payments_since_the_first_of_the_fills_are_read(trader: Trader) -> None:
    book = trader.book()
    await book.fill("BTCUSDT", "4", "100000")
    await book.funding("BTCUSDT", "-8", "4")
    paid_at = NOW + timedelta(hours=1)
    owner = (trader.connection_id, None, "BTCUSDT")
    async with trader.database.transaction() as session:
        since = await books.payments(session, {owner}, since=paid_at)
        later = await books.payments(session, {owner}, since=paid_at + timedelta(seconds=1))
    assert since[owner] == [Payment(paid_at, Decimal(-8), Decimal(4))]
    assert owner not in later


async def test_a_fill_booked_while_a_position_is_read_is_told_next_time(
    trader: Trader, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeve, book = await trader.sleeve(), trader.book()
    made = (await trader.write(trade={"kind": "position", "position_id": str(sleeve)})).json()

    def then_a_fill(read: Any) -> Any:
        async def reading(*arguments: Any) -> Any:
            answer = await read(*arguments)
            if not book.count:
                await book.fill("BTCUSDT", "0.04", "100000", by=sleeve)
            return answer

        return reading

    monkeypatch.setattr(books, "sides_of", then_a_fill(books.sides_of))
    monkeypatch.setattr(ledger, "legs_of_sleeves", then_a_fill(ledger.legs_of_sleeves))
    during = await trader.get(f"/journal/entries/{made['id']}")
    assert (during.status_code, during.json()["trade"]["legs"]) == (200, [])
    after = (await trader.get(f"/journal/entries/{made['id']}")).json()["trade"]
    assert [leg["quantity"] for leg in after["legs"]] == ["0.04"]


async def test_what_only_counts_or_marks_reads_no_texts(trader: Trader) -> None:
    typed = {
        "kind": "hand", "direction": "long", "quantity": "1", "entry_price": "5", "entry_at": NOW.isoformat(),
    }  # fmt: skip
    await trader.write(text="x" * 20_000, series="bybit:BTCUSDT", trade=typed)
    async with trader.database.transaction() as session:
        (counted,) = await repository.traded(session, trader.user_id, Filters())
        assert {"title", "text"} <= inspect(counted).unloaded
    async with trader.database.transaction() as session:
        day = timedelta(days=1)
        marked = await repository.on_series(
            session, trader.user_id, "bybit:BTCUSDT", NOW - day, NOW + day, limit=5
        )
        assert [(one.title, "text" in inspect(one).unloaded) for one in marked] == [("A note", True)]
