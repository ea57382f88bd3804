"""Choosing members: on the calendar, or when one can no longer be traded."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.indices.builders import NOW, coin, instrument

from holdfast.core.instruments import InstrumentStatus
from holdfast.indices.catalogue import DEFINITIONS
from holdfast.indices.reconstitution import is_due, reconstitute
from holdfast.indices.universe import CoinKind, Listing

LIMIT = timedelta(minutes=15)
NAMES = ["bitcoin", "ethereum", *(f"coin-{n:02d}" for n in range(14))]
COINS = {name: coin(name, price=2.0, supply=1e9 / (rank + 1)) for rank, name in enumerate(NAMES)}
LISTINGS = {name: Listing(f"{name.upper()}USDT", 1) for name in NAMES}
INSTRUMENTS = {listing.symbol: instrument(listing.symbol) for listing in LISTINGS.values()}
PRICES = dict.fromkeys(INSTRUMENTS, 2.0)


def chosen(index_id="btc-d", *, before=None, coins=COINS, instruments=INSTRUMENTS, prices=PRICES, now=NOW):
    return reconstitute(DEFINITIONS[index_id], before, coins, LISTINGS, instruments, prices, now)


def ids(composition):
    return [member.asset_id for member in composition.members]


def due(composition, *, index_id="btc-d", coins=COINS, instruments=INSTRUMENTS, now=NOW):
    return is_due(DEFINITIONS[index_id], composition, coins, instruments, now, LIMIT)


def test_dominance_holds_the_eleven_largest_eligible_coins():
    composition = chosen()
    assert ids(composition) == NAMES[:11]
    assert all(member.quantity == 0 for member in composition.members)


def test_a_pegged_coin_makes_room_for_the_next():
    coins = COINS | {"coin-00": coin("coin-00", price=2.0, supply=1e12, kind=CoinKind.STABLE)}
    assert ids(chosen(coins=coins)) == [n for n in NAMES if n != "coin-00"][:11]


def test_the_pair_holds_exactly_its_two_coins():
    assert ids(chosen("eth-btc")) == ["ethereum", "bitcoin"]


def test_the_basket_is_capped_and_starts_at_its_base():
    composition = chosen("top-10")
    values = [member.quantity * 2.0 for member in composition.members]
    assert len(values) == 10
    assert max(values) / sum(values) == pytest.approx(0.30)
    assert sum(values) / composition.divisor == pytest.approx(1000.0)


def test_the_level_of_the_basket_goes_on_where_it_was():
    first = chosen("top-10")
    risen = {symbol: price * 1.5 for symbol, price in PRICES.items()}
    shuffled = {
        name: coin(name, price=3.0, supply=c.supply * (3 if name == "coin-12" else 1))
        for name, c in COINS.items()
    }
    second = chosen("top-10", before=first, coins=shuffled, prices=risen)
    assert ids(second) != ids(first)
    level = sum(m.quantity * 3.0 for m in second.members) / second.divisor
    assert level == pytest.approx(1500.0)


def test_too_small_a_universe_or_a_missing_subject_chooses_nothing():
    few = {name: COINS[name] for name in NAMES[:10]}
    assert chosen(coins=few) is None
    without_bitcoin = {name: c for name, c in COINS.items() if name != "bitcoin"}
    assert chosen(coins=without_bitcoin) is None
    assert chosen("eth-btc", coins=without_bitcoin) is None
    assert chosen("eth-d", coins=without_bitcoin) is not None


def due_after(composition, index_id, **passed):
    later = NOW + timedelta(**passed)
    polled = {name: replace(c, fetched_at=later) for name, c in COINS.items()}
    return due(composition, index_id=index_id, coins=polled, now=later)


def test_members_change_at_midnight_and_baskets_at_the_month():
    assert due(None)
    daily, monthly = chosen(), chosen("top-10")
    assert not due_after(daily, "btc-d", hours=11)
    assert due_after(daily, "btc-d", hours=12)
    assert not due_after(monthly, "top-10", days=9)
    assert due_after(monthly, "top-10", days=10)


def test_a_wobbling_figure_changes_no_members():
    wobble = COINS | {"coin-12": coin("coin-12", price=2.0, supply=1e12)}
    assert not due(chosen(), coins=wobble)


def test_a_member_that_cannot_be_traded_any_more_leaves_at_once():
    composition = chosen()
    for status in (InstrumentStatus.REDUCE_ONLY, InstrumentStatus.CLOSED):
        closing = INSTRUMENTS | {"COIN-03USDT": instrument("COIN-03USDT", status=status)}
        assert due(composition, instruments=closing)
        assert "coin-03" not in ids(chosen(before=composition, instruments=closing))
    outsider = INSTRUMENTS | {"COIN-13USDT": instrument("COIN-13USDT", status=InstrumentStatus.CLOSED)}
    assert not due(composition, instruments=outsider)


def test_a_member_that_turns_out_to_be_pegged_or_vanishes_for_long_leaves():
    composition = chosen()
    assert due(composition, coins=COINS | {"coin-01": coin("coin-01", kind=CoinKind.WRAPPED)})
    gone = coin("coin-01", fetched_at=NOW - timedelta(minutes=14))
    assert not due(composition, coins=COINS | {"coin-01": gone})
    assert due(composition, coins=COINS | {"coin-01": replace(gone, fetched_at=NOW - LIMIT * 1.1)})


def test_a_new_version_of_the_methodology_chooses_anew():
    composition = chosen()
    old = type(composition)(composition.index_id, composition.effective_at, "0", composition.members)
    assert due(old)


def test_a_collapsed_member_stays_until_the_next_date():
    """LUNA: almost all value gone between two dates. The index takes the loss; it does not drop the coin."""
    collapsed = COINS | {"coin-02": coin("coin-02", price=0.00001, supply=1e9)}
    assert not due(chosen("top-10"), index_id="top-10", coins=collapsed)
