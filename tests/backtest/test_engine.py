"""Whole units in, whole units out: nothing is created, nothing overspent, and nothing known too early."""

from decimal import Decimal
from itertools import accumulate

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.backtest.made import bars_of, coins, histories, plain, terms

from holdfast.backtest.engine import RATE, Book, Fill, Result, Terms, run, step
from holdfast.core.bars import Bars, Floats

NAN = np.nan
History = tuple[Bars, Floats]


def kept(found: Result, terms: Terms) -> list[tuple[int, int]]:
    """Cash and lots at first and after each fill."""
    moves = ((-fill.lots * fill.price - fill.fee, fill.lots) for fill in found.fills)
    return [
        *accumulate(moves, lambda one, other: (one[0] + other[0], one[1] + other[1]), initial=(terms.cash, 0))
    ]


def targets(*values: float) -> Floats:
    return np.array(values, np.float64)


# --- by hand ------------------------------------------------------------------------------------------------


def test_a_target_trades_at_the_open_of_the_next_bar() -> None:
    found = run(bars_of([10, 20, 40, 50]), targets(1, NAN, 0, NAN), plain(100))
    assert found.fills == [Fill(5, 20, 0), Fill(-5, 50, 0)]
    assert found.at.tolist() == [1, 3]
    assert found.book.cash == 250
    assert found.equity.tolist() == [100, 200, 250, 250]
    assert found.weight.tolist() == [0, 1, 1, 0]


def test_buying_with_costs_by_hand() -> None:
    """10,000 at 100.00, 0.1 % worse is 100.10; with a fee of 0.1 % a coin costs 100.2001: 99.800 coins for
    9,989.98 and a fee of 9.98998. Sold at 110.00, 0.1 % worse is 109.89: 10,967.022,
    and a fee of 10.96703, rounded up."""
    bars = bars_of([10_000, 10_000, 11_000, 11_000], decimals=2)
    found = run(bars, targets(1, 0, NAN, NAN), coins(slippage=Decimal("0.001")))
    assert found.fills == [Fill(99_800, 10_010, 998_998), Fill(-99_800, 10_989, 1_096_703)]
    assert found.book.cash == 1_000_000_000 - 998_998_000 - 998_998 + 1_096_702_200 - 1_096_703
    assert found.book.fees == 998_998 + 1_096_703


def test_a_short_by_hand() -> None:
    """Half of 1,000 short at 100: 5 coins; at 80 they gain 100. Then long with 1,100 at 80: 18 are bought."""
    found = run(bars_of([100, 100, 80, 80]), targets(-0.5, 1, NAN, NAN), plain(1000, allow_short=True))
    assert found.fills == [Fill(-5, 100, 0), Fill(18, 80, 0)]
    assert (found.book.lots, found.book.cash) == (13, 1500 - 18 * 80)
    assert found.equity.tolist() == [1000, 1100, 1100, 1100]


def test_the_same_target_again_asks_for_nothing_and_no_number_holds() -> None:
    found = run(bars_of([10, 10, 20, 40, 10, 10]), targets(0.5, 0.5, NAN, 0.5, np.inf, NAN), plain(100))
    assert found.fills == [Fill(5, 10, 0)]


def test_targets_are_clipped() -> None:
    assert run(bars_of([10, 10]), targets(9, NAN), plain(100)).fills == [Fill(10, 10, 0)]
    assert run(bars_of([10, 10]), targets(-9, NAN), plain(100)).fills == []
    short = plain(100, allow_short=True)
    assert run(bars_of([10, 10]), targets(-9, NAN), short).fills == [Fill(-10, 10, 0)]


def test_lots_are_rounded_toward_zero() -> None:
    short = plain(1000, lot=10, allow_short=True)
    assert run(bars_of([3, 3, 3]), targets(1, -1, NAN), short).fills == [Fill(330, 3, 0), Fill(-660, 3, 0)]


def test_prices_are_worse_by_the_slippage_and_on_the_tick() -> None:
    by_a_percent = plain(100_000, tick=5, slippage=RATE // 100)
    found = run(bars_of([1000, 1000, 1000, 1000]), targets(1, 0, NAN, NAN), by_a_percent)
    assert [fill.price for fill in found.fills] == [1010, 990]
    odd = run(bars_of([1001, 1001, 1001, 1001]), targets(1, 0, NAN, NAN), by_a_percent)
    assert [fill.price for fill in odd.fills] == [1015, 990]


def test_the_smallest_order_is_measured_at_the_price_that_is_paid() -> None:
    """Ten coins are worth 1,000 at the open, and 990 where they are sold."""
    bars, sold = bars_of([100, 100, 100, 100]), targets(1, 0, NAN, NAN)
    at_the_open = plain(2_000, slippage=RATE // 100, min_notional=1_000, tick=1, lot=10)
    assert run(bars, sold, at_the_open).book.lots == 10
    a_little_less = plain(2_000, slippage=RATE // 100, min_notional=990, tick=1, lot=10)
    assert run(bars, sold, a_little_less).book.lots == 0


def test_a_short_that_lost_everything_is_closed_and_nothing_more_is_traded() -> None:
    short = plain(1000, allow_short=True)
    found = run(bars_of([100, 100, 150, 210, 50, 50]), targets(-1, NAN, NAN, 1, 1, 1), short)
    assert found.fills == [Fill(-10, 100, 0), Fill(10, 210, 0)]
    assert found.book.ruined
    assert found.equity.tolist()[-1] == -100


def test_the_entry_is_an_average_of_what_is_open() -> None:
    terms = plain(10_000, allow_short=True)
    book = Book(terms.cash)
    step(book, 0.5, 100, terms)
    assert (book.lots, book.entry) == (50, Decimal(100))
    step(book, 0.9, 200, terms)
    assert book.lots == 67
    assert book.cost == 50 * 100 + 17 * 200
    step(book, -0.1, 200, terms)
    assert book.lots < 0
    assert book.entry == 200


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="belong together"):
        run(bars_of([1, 2]), targets(1), plain(5))
    with pytest.raises(ValueError, match="belong together"):
        run(bars_of([1, 2], decimals=2), targets(1, 1), plain(5))
    with pytest.raises(ValueError, match="above zero"):
        run(bars_of([0, 2]), targets(1, 1), plain(5))
    with pytest.raises(ValueError, match="cash, tick and lot"):
        plain(0)
    with pytest.raises(ValueError, match="fees and slippage"):
        plain(1, fee_rate=RATE)


def test_no_bar_and_one_bar_trade_nothing() -> None:
    assert run(bars_of([]), targets(), plain(5)).fills == []
    assert run(bars_of([3]), targets(1), plain(5)).equity.tolist() == [5]


def test_terms_come_from_decimals() -> None:
    found = coins(min_notional=Decimal(5), min_quantity=Decimal("0.0015"), price_decimals=4)
    assert (found.price_decimals, found.lot_decimals, found.tick, found.lot) == (4, 3, 100, 1)
    assert (found.cash, found.min_notional, found.min_quantity) == (10_000 * 10**7, 5 * 10**7, 2)
    assert found.fee_rate == RATE // 1000
    assert found.money(found.cash) == 10_000
    coarse = coins(tick=Decimal(10), lot=Decimal(5))
    assert (coarse.price_decimals, coarse.lot_decimals, coarse.tick, coarse.lot) == (0, 0, 10, 5)


def test_buying_and_holding_is_the_hand_calculation() -> None:
    opens = [100, 120, 90, 300]
    found = run(bars_of(opens, [110, 100, 250, 330]), targets(1, NAN, NAN, NAN), plain(1200))
    assert found.equity.tolist() == [1200, 10 * 100, 10 * 250, 10 * 330]


# --- always -------------------------------------------------------------------------------------------------


@settings(max_examples=400, deadline=None)
@given(history=histories(), terms=terms())
def test_a_run_is_one_step_after_the_other(history: History, terms: Terms) -> None:
    bars, wanted = history
    book, fills, at = Book(terms.cash), [], []
    for index in range(1, len(bars)):
        fill = step(book, float(wanted[index - 1]), int(bars.open[index]), terms)
        if fill:
            fills.append(fill)
            at.append(index)
    found = run(bars, wanted, terms)
    assert (found.fills, found.at.tolist(), found.book) == (fills, at, book)


@settings(max_examples=400, deadline=None)
@given(history=histories(), terms=terms())
def test_cash_and_coins_are_conserved_to_the_unit(history: History, terms: Terms) -> None:
    bars, wanted = history
    book, cash, lots, fees = Book(terms.cash), terms.cash, 0, 0
    for target, price in zip(wanted.tolist(), bars.open[1:].tolist(), strict=False):
        if fill := step(book, target, price, terms):
            cash, lots, fees = cash - fill.lots * fill.price - fill.fee, lots + fill.lots, fees + fill.fee
            assert fill.lots != 0
        assert (cash, lots, fees) == (book.cash, book.lots, book.fees)


@settings(max_examples=400, deadline=None)
@given(history=histories(), terms=terms(allow_short=False))
def test_without_shorts_nothing_is_owed(history: History, terms: Terms) -> None:
    found = run(*history, terms)
    assert all(cash >= 0 and lots >= 0 for cash, lots in kept(found, terms))
    assert not found.book.ruined


@settings(max_examples=400, deadline=None)
@given(history=histories(), terms=terms(allow_short=True))
def test_nothing_is_opened_beyond_what_the_book_is_worth(history: History, terms: Terms) -> None:
    """After a fill that enters, what is held and the fee are worth no more than the book was before it."""
    found = run(*history, terms)
    for (cash, lots), fill in zip(kept(found, terms), found.fills, strict=False):
        held = lots + fill.lots
        if abs(held) > abs(lots) or held * lots < 0:
            assert abs(held) * fill.price + fill.fee <= cash + lots * fill.price


@settings(max_examples=400, deadline=None)
@given(history=histories(), terms=terms())
def test_what_is_traded_is_on_the_grid_and_above_the_minimums(history: History, terms: Terms) -> None:
    found = run(*history, terms)
    fills = found.fills[:-1] if found.book.ruined else found.fills
    for fill in fills:
        assert abs(fill.lots) >= terms.min_quantity
        assert abs(fill.lots) * fill.price >= terms.min_notional
        assert fill.lots % terms.lot == 0
        assert fill.price % terms.tick == 0
        assert fill.fee * RATE >= abs(fill.lots) * fill.price * terms.fee_rate


@settings(max_examples=400, deadline=None)
@given(history=histories(), other=histories(), terms=terms(), data=st.data())
def test_time_flows_forward(history: History, other: History, terms: Terms, data: st.DataObject) -> None:
    """Whatever comes after a bar changes no fill at or before it: neither its close nor its target does."""
    bars, wanted = history
    late, late_wanted = other
    cut = data.draw(st.integers(1, len(bars)))
    changed = bars_of(
        [*bars.open[:cut].tolist(), *late.open.tolist()],
        [*bars.close[: cut - 1].tolist(), 77, *late.close.tolist()],
    )
    whole = run(bars, wanted, terms)
    part = run(changed, np.concatenate((wanted[: cut - 1], [0.3], late_wanted)), terms)
    count = int(np.searchsorted(whole.at, cut))
    assert whole.fills[:count] == part.fills[: int(np.searchsorted(part.at, cut))]
    assert whole.equity[: cut - 1].tolist() == part.equity[: cut - 1].tolist()
