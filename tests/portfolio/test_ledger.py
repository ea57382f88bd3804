from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.portfolio.ledger import Line, eaten, fold, grain, share_forced, share_out, unaltered

D = Decimal


def trade(quantity: str, price: str, reference: str) -> list[Line]:
    amount = D(quantity)
    return [
        Line("trade", "BTCUSDT", "BTCUSDT", amount, reference),
        Line("trade", "USDT", "BTCUSDT", -amount * D(price), reference),
    ]


def test_a_long_that_is_added_to_and_half_closed() -> None:
    leg = fold(trade("1", "100", "a") + trade("1", "110", "b") + trade("-1", "120", "c"))["BTCUSDT"]

    assert leg.quantity == 1
    assert leg.entry_price == 105
    assert leg.realised == 15
    assert leg.unrealised(D(130)) == 25
    assert leg.price_pnl(D(130)) == 40


def test_a_short_that_crosses_to_long_starts_a_new_entry() -> None:
    leg = fold(trade("-2", "100", "a") + trade("3", "90", "b"))["BTCUSDT"]

    assert (leg.quantity, leg.entry_price, leg.realised) == (1, 90, 20)


def test_fees_are_positive_when_paid_and_stay_in_their_own_asset() -> None:
    lines = [
        Line("fee", "USDT", "BTCUSDT", D("-0.5"), "a"),
        Line("fee", "MNT", "BTCUSDT", D("-0.1"), "b"),
        Line("funding", "USDT", "BTCUSDT", D("0.25"), "c"),
    ]
    leg = fold(lines)["BTCUSDT"]

    assert leg.fees == {"USDT": D("0.5"), "MNT": D("0.1")}
    assert leg.funding == {"USDT": D("0.25")}
    assert leg.price_pnl(D(1)) == 0


def test_a_kind_that_nobody_wrote_is_an_error() -> None:
    with pytest.raises(ValueError, match="gift"):
        fold([Line("gift", "USDT", "BTCUSDT", D(1), "a")])


quantities = st.integers(-10_000, 10_000).filter(bool).map(lambda lots: D(lots) * D("0.001"))
prices = st.integers(1, 10_000_000).map(lambda ticks: D(ticks) * D("0.01"))


@given(st.lists(st.tuples(quantities, prices), max_size=30), prices)
def test_realised_and_unrealised_add_up_exactly(fills: list[tuple[D, D]], mark: D) -> None:
    lines = [
        line for i, (quantity, price) in enumerate(fills) for line in trade(str(quantity), str(price), str(i))
    ]
    leg = fold(lines).get("BTCUSDT")
    if leg is None:
        return
    cash = sum((-quantity * price for quantity, price in fills), D(0))
    held = sum((quantity for quantity, _ in fills), D(0))

    assert leg.quantity == held
    assert leg.realised + leg.unrealised(mark) == leg.price_pnl(mark) == cash + held * mark
    if leg.entry_price is not None:
        assert (
            min(p for _, p in fills) - D("1e-12") <= leg.entry_price <= max(p for _, p in fills) + D("1e-12")
        )


@given(
    st.integers(-(10**9), 10**9),
    st.lists(st.integers(-(10**6), 10**6), max_size=8),
    st.integers(-(10**6), 10**6).filter(bool),
)
def test_shares_add_up_and_miss_by_less_than_a_unit(units: int, weights: list[int], whole: int) -> None:
    unit = D("1e-8")
    amount = units * unit
    keyed = {i: D(weight) / 1000 for i, weight in enumerate(weights)}
    shares, rest = share_out(amount, keyed, D(whole) / 1000, unit)

    assert sum(shares.values(), rest) == amount
    for key, share in shares.items():
        assert abs(share - amount * keyed[key] / (D(whole) / 1000)) < unit
    assert share_out(amount, keyed, D(whole) / 1000, unit) == (shares, rest)


def test_the_last_unit_goes_to_the_largest_remainder() -> None:
    shares, rest = share_out(D("0.10"), {"a": D(1), "b": D(1), "c": D(1)}, D(3), D("0.01"))

    assert shares == {"a": D("0.04"), "b": D("0.03"), "c": D("0.03")}
    assert rest == 0


def test_an_amount_off_the_grid_or_nothing_to_share_over_is_an_error() -> None:
    with pytest.raises(ValueError, match="multiple"):
        share_out(D("0.001"), {}, D(1), D("0.01"))
    with pytest.raises(ValueError, match="nothing"):
        share_out(D(1), {}, D(0), D("0.01"))


def test_a_delivery_of_the_whole_position_leaves_everybody_flat() -> None:
    shares, manual = share_forced(D("-3"), {"a": D(3), "b": D(-1)}, D(1))

    assert shares == {"a": D(-3), "b": D(1)}
    assert manual == -1


def test_a_forced_fill_beyond_the_net_position_is_not_the_sleeves() -> None:
    assert share_forced(D("-5"), {"a": D(3)}, D(0)) == ({"a": D(-3)}, D(-2))
    assert share_forced(D("2"), {"a": D(3)}, D(0)) == ({}, D(2))


@given(st.lists(quantities, min_size=1, max_size=5), quantities, quantities)
def test_forced_shares_add_up_to_the_fill(sleeves: list[D], manual: D, fill: D) -> None:
    shares, rest = share_forced(fill, dict(enumerate(sleeves)), manual)

    assert sum(shares.values(), rest) == fill


@pytest.mark.parametrize(
    ("fill", "sleeve", "manual", "expected"),
    [
        ("-2", "5", "0", "-2"),
        ("2", "-5", "0", "2"),
        ("-2", "5", "1", "-1"),
        ("-2", "5", "2", None),
        ("-9", "5", "1", "-5"),
        ("2", "5", "0", None),
        ("-4", "5", "-2", "-3"),
        ("-1", "5", "-5", None),
        ("-1", "5", "-9", None),
        ("1", "5", "-9", None),
    ],
    ids=[
        "sold part of a long",
        "bought back part of a short",
        "own holding first",
        "own holding covers all",
        "never more than the sleeve holds",
        "same side",
        "only down to flat: the short before is the user's own",
        "flat account",
        "net is the user's own short",
        "buying back the own short",
    ],
)
def test_what_a_manual_fill_eats(fill: str, sleeve: str, manual: str, expected: str | None) -> None:
    assert eaten(D(fill), {"a": D(sleeve)}, D(manual)) == ({"a": D(expected)} if expected else {})


def test_the_largest_leg_gives_first_and_the_other_side_never() -> None:
    parts = eaten(D("-6"), {"small": D(2), "large": D(5), "short": D(-1)}, D(0))

    assert parts == {"large": D(-5), "small": D(-1)}


@given(st.lists(quantities, min_size=1, max_size=5), quantities, quantities)
def test_eating_never_takes_more_than_there_is(sleeves: list[D], manual: D, fill: D) -> None:
    held = dict(enumerate(sleeves))
    parts = eaten(fill, held, manual)
    net = sum(sleeves, manual)

    assert all((part > 0) == (fill > 0) and abs(part) <= abs(held[key]) for key, part in parts.items())
    assert abs(sum(parts.values())) <= min(abs(fill), abs(net), abs(sum(sleeves)))


def test_unaltered_is_never_beyond_flat() -> None:
    assert unaltered(D(5), D(-2)) == 3
    assert unaltered(D(-5), D(7)) == 0
    assert unaltered(D(5), D(0)) == 5


def test_grain() -> None:
    assert grain(D("0.010"), D(5)) == D("0.01")
    assert grain(D(100)) == 1
