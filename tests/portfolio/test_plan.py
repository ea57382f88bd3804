import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.core.instruments import InstrumentStatus, Side
from holdfast.core.targets import Target
from holdfast.portfolio.plan import Held, PlanDraft, build_close_plan, build_open_plan, digest
from holdfast.portfolio.rounding import Wish, round_lots
from holdfast.portfolio.sweep import LegMarket, sweep

from .markets import TAKER, instrument, market

D = Decimal

ALLOWANCE = D("0.005")
PLENTY = D(10**12)


def target(of: LegMarket, weight: float) -> Target:
    symbol = of.instrument.symbol
    return Target(symbol.lower(), symbol, weight, float(of.mid))


def open_plan(legs: list[tuple[LegMarket, float]], size: str, **changes: Any) -> PlanDraft:
    arguments: dict[str, Any] = {
        "direction": 1,
        "size": D(size),
        "markets": {of.instrument.symbol: of for of, _ in legs},
        "allowance": ALLOWANCE,
        "available": PLENTY,
    }
    return build_open_plan([target(*leg) for leg in legs], **(arguments | changes))


BTC = market(instrument("BTCUSDT"), 1_000_000)
ETH = market(instrument("ETHUSDT", tick="0.01", lot="0.01", least="0.01"), 400_000)
SOL = market(instrument("SOLUSDT", tick="0.01", lot="0.1", least="0.1"), 20_000)


def test_a_leg_by_hand() -> None:
    plan = open_plan([(BTC, 0.4)], "10000")
    leg = plan.legs[0]

    assert (leg.action, leg.side, leg.quantity) == ("trade", Side.BUY, D("0.04"))
    assert leg.expected_price == D("100000.1")
    assert leg.limit_price == D("100500.1")
    assert leg.notional == D("4000.004")
    assert leg.fee == D("2.2000022")
    assert leg.slippage == D("0.002")
    assert plan.margin_needed == D("4014.2040142")
    assert plan.margin_needed == plan.gross * (1 + TAKER + D("0.003"))
    assert plan.problems == ()


def test_a_short_of_the_index_turns_every_side() -> None:
    legs = [(BTC, 0.4), (ETH, -0.4)]
    long, short = open_plan(legs, "10000"), open_plan(legs, "10000", direction=-1)

    assert [leg.side for leg in long.legs] == [Side.BUY, Side.SELL]
    assert [leg.side for leg in short.legs] == [Side.SELL, Side.BUY]
    assert short.legs[0].limit_price == D("99500")


def test_expected_price_is_the_average_over_the_levels_it_needs() -> None:
    thin = replace(BTC, asks=((D(100000), D("0.5")), (D(100100), D(1))))
    cost = sweep(thin, Side.BUY, 1000, ALLOWANCE)

    assert cost.value == D(50000) + D(50050)
    assert cost.expected_price == D(100050)
    assert cost.problem == ""


@pytest.mark.parametrize(
    ("asks", "words"),
    [
        (((D(100000), D("0.5")),), "holds only 0.5 of 1"),
        (((D(100000), D("0.9")), (D(102000), D(1))), "too thin"),
        (((D(102000), D(10)),), "too thin"),
    ],
    ids=["not enough", "the last level is beyond the limit", "a wide spread"],
)
def test_a_thin_book_blocks_with_its_reason(asks: Any, words: str) -> None:
    plan = open_plan([(replace(BTC, asks=asks), 1.0)], "100000")

    assert any(words in problem and "BTCUSDT" in problem for problem in plan.problems)


def test_the_venues_band_limits_the_limit() -> None:
    plan = open_plan([(replace(BTC, highest_buy=D("100200.17")), 0.4)], "10000")
    assert plan.legs[0].limit_price == D("100200.1")

    below = open_plan([(replace(BTC, highest_buy=D("99000")), 0.4)], "10000")
    assert "too thin" in below.problems[0]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (market(instrument(status=InstrumentStatus.REDUCE_ONLY), 1_000_000), "delisted"),
        (market(instrument(status=InstrumentStatus.CLOSED), 1_000_000), "not open"),
        (market(instrument(status=InstrumentStatus.PRELAUNCH), 1_000_000), "not open"),
        (replace(BTC, bids=()), "empty"),
        (replace(BTC, trouble="it is halted: the books differ"), "the books differ"),
        (market(instrument(most="0.01"), 1_000_000), "at most 0.01"),
    ],
)
def test_an_instrument_that_cannot_be_opened_blocks(changed: LegMarket, words: str) -> None:
    targets = [Target("btc", "BTCUSDT", 0.4, 100_000.0)]
    plan = build_open_plan(
        targets,
        direction=1,
        size=D(10000),
        markets={"BTCUSDT": changed},
        allowance=ALLOWANCE,
        available=PLENTY,
    )

    assert any(words in problem for problem in plan.problems)


def test_an_unlisted_symbol_and_a_contradicting_price_block() -> None:
    targets = [Target("btc", "BTCUSDT", 0.4, 90_000.0), Target("x", "XUSDT", 0.4, 1.0)]
    plan = build_open_plan(
        targets, direction=1, size=D(10000), markets={"BTCUSDT": BTC}, allowance=ALLOWANCE, available=PLENTY
    )

    assert "3% away" in plan.problems[0]
    assert "does not list" in plan.problems[1]


def test_two_targets_of_one_symbol_are_refused() -> None:
    with pytest.raises(ValueError, match="same symbol"):
        open_plan([(BTC, 0.4), (BTC, 0.1)], "1000")


def test_missing_margin_is_named() -> None:
    plan = open_plan([(BTC, 0.4)], "10000", available=D(4000))
    assert "4,014.21 USDT of margin" in plan.problems[0]
    assert "14.21 USDT are missing" in plan.problems[0]

    exactly = open_plan([(BTC, 0.4)], "10000", available=plan.margin_needed)
    assert exactly.problems == ()

    unknown = open_plan([(BTC, 0.4)], "10000", available=None)
    assert "not known yet" in unknown.problems[0]


def test_a_tiny_leg_is_left_out_with_its_reason() -> None:
    plan = open_plan([(BTC, 0.9), (SOL, -0.002)], "1000")
    skipped = plan.legs[1]

    assert (skipped.action, skipped.quantity) == ("skip", 0)
    assert "20.01 USDT" in skipped.note
    assert plan.left_out == 2
    assert skipped.residual_notional == skipped.target_notional == -2
    assert plan.tracking_error == pytest.approx((2 + 0) / 902, abs=0.0003)
    assert plan.problems == ()


def test_nothing_to_trade_is_a_problem() -> None:
    assert "nothing" in open_plan([(BTC, 0.4)], "10").problems[0]


def test_net_is_brought_towards_zero_by_turning_a_rounding() -> None:
    """Both legs alone would round down and up; together they hedge better when one is turned."""
    wishes = [Wish(D(140), D(100), 1), Wish(D(-148), D(30), 1), Wish(D("8"), D(1), 1)]

    lots = round_lots(wishes)

    assert lots == [1, 4, 8]
    assert abs(sum(w.error(n) for w, n in zip(wishes, lots, strict=True))) == 12


@st.composite
def baskets(draw: st.DrawFn) -> tuple[list[Target], dict[str, LegMarket], D, int]:
    """Any mix of grids, minimums, prices, depths and weights a venue may show."""
    count = draw(st.integers(1, 12))
    markets, targets = {}, []
    for i in range(count):
        symbol = f"C{i:02}USDT"
        of = instrument(
            symbol,
            tick=draw(st.sampled_from(["0.0000001", "0.0001", "0.01", "0.1", "0.5"])),
            lot=draw(st.sampled_from(["0.001", "0.01", "0.1", "1", "10", "100"])),
            least=draw(st.sampled_from(["0.001", "0.1", "1", "10", "1000"])),
            least_value=draw(st.sampled_from(["1", "5", "10"])),
        )
        markets[symbol] = market(
            of,
            draw(st.integers(1_000, 2_000_000)),
            levels=draw(st.integers(1, 4)),
            depth=draw(st.sampled_from(["1", "1000", "1000000000"])),
        )
        weight = draw(st.floats(-1, 1, allow_nan=False, allow_subnormal=False))
        targets.append(Target(symbol, symbol, weight, float(markets[symbol].mid)))
    size = D(draw(st.integers(1, 10**9))) / 100
    return targets, markets, size, draw(st.sampled_from([1, -1]))


def planned(
    basket: tuple[list[Target], dict[str, LegMarket], D, int], available: D | None = PLENTY
) -> PlanDraft:
    targets, markets, size, direction = basket
    return build_open_plan(
        targets,
        direction=1 if direction > 0 else -1,
        size=size,
        markets=markets,
        allowance=ALLOWANCE,
        available=available,
    )


@settings(max_examples=300, deadline=None)
@given(baskets(), st.integers(0, 10**12))
def test_never_overspends(basket: Any, cents: int) -> None:
    available = D(cents) / 100
    plan = planned(basket, available)

    assert plan.margin_needed >= plan.gross * (1 + TAKER + D("0.003"))
    assert bool(plan.margin_needed > available) == any("missing" in problem for problem in plan.problems)


@settings(max_examples=300, deadline=None)
@given(baskets())
def test_every_order_is_one_the_venue_takes(basket: Any) -> None:
    _, markets, _, _ = basket
    plan = planned(basket)
    for leg in plan.legs:
        if leg.action != "trade":
            assert leg.quantity == 0
            continue
        of = markets[leg.symbol].instrument
        assert leg.quantity % of.lot == 0
        assert leg.quantity >= of.min_quantity
        assert leg.limit_price % of.tick == 0
        if leg.problem:
            continue
        assert leg.quantity * leg.limit_price >= of.min_notional
        assert leg.side.sign * (leg.limit_price - leg.expected_price * (1 + leg.side.sign * ALLOWANCE)) <= D(
            "1e-11"
        )


@settings(max_examples=300, deadline=None)
@given(baskets())
def test_no_leg_misses_by_more_than_a_lot_or_the_least_order(basket: Any) -> None:
    _, markets, _, _ = basket
    for leg in planned(basket).legs:
        of = markets[leg.symbol]
        least = of.instrument.min_lots(of.mid * (1 - ALLOWANCE) ** 2) * of.instrument.lot * of.mid
        assert abs(leg.residual_notional) <= max(of.instrument.lot * of.mid, least) + D("1e-8")
        wanted = leg.target_notional
        assert leg.action == "skip" or leg.side.sign * wanted > 0


@settings(max_examples=200, deadline=None)
@given(baskets(), st.randoms(use_true_random=False))
def test_deterministic_and_the_same_in_any_order(basket: Any, shuffler: random.Random) -> None:
    targets, markets, size, direction = basket
    mixed = list(targets)
    shuffler.shuffle(mixed)
    again = planned((mixed, dict(reversed(markets.items())), size, direction))

    assert planned(basket) == again
    assert [leg.symbol for leg in again.legs] == sorted(markets)


wishes_of_legs = st.lists(
    st.builds(
        Wish,
        wanted=st.integers(-(10**7), 10**7).map(lambda n: D(n) / 100),
        lot_value=st.integers(1, 10**5).map(lambda n: D(n) / 100),
        least=st.integers(1, 50),
    ),
    max_size=7,
)


@settings(max_examples=300, deadline=None)
@given(wishes_of_legs)
def test_turning_roundings_never_loses_against_the_nearest_lots(wishes: list[Wish]) -> None:
    def badness(lots: list[int]) -> D:
        errors = [wish.error(count) for wish, count in zip(wishes, lots, strict=True)]
        return abs(sum(errors, D(0))) + sum((abs(error) for error in errors), D(0))

    def nearest(wish: Wish) -> int:
        below = int(abs(wish.wanted) // wish.lot_value)
        if below < wish.least:
            return wish.least if 2 * abs(wish.wanted) >= wish.least * wish.lot_value else 0
        choices = (below, below + 1)
        return min(choices, key=lambda count: (abs(wish.error(count)), count))

    lots = round_lots(wishes)
    assert badness(lots) <= badness([nearest(wish) for wish in wishes])
    assert all(count == 0 or count >= wish.least for wish, count in zip(wishes, lots, strict=True))


# Closing


def close_plan(held: list[Held], *markets: LegMarket, available: D | None = PLENTY) -> PlanDraft:
    return build_close_plan(
        held, markets={of.instrument.symbol: of for of in markets}, allowance=ALLOWANCE, available=available
    )


def test_a_close_reverses_exactly_what_the_sleeve_holds_and_needs_no_margin() -> None:
    held = [Held("BTCUSDT", "btc", D("0.04"), D("0.05")), Held("ETHUSDT", "eth", D("-1.5"), D("-1.5"))]
    plan = close_plan(held, BTC, ETH, available=D(0))

    assert [(leg.side, leg.quantity) for leg in plan.legs] == [(Side.SELL, D("0.04")), (Side.BUY, D("1.5"))]
    assert plan.margin_needed == 0
    assert plan.tracking_error == 0
    assert plan.problems == ()


def test_a_part_closed_by_hand_is_booked_and_the_rest_traded() -> None:
    by_hand = ((D("-0.01"), D(90_000)), (D("-0.02"), D(96_000)))
    plan = close_plan([Held("BTCUSDT", "btc", D("0.01"), D("0.01"), by_hand)], BTC)

    assert [(leg.action, leg.side, leg.quantity) for leg in plan.legs] == [
        ("by_hand", Side.SELL, D("0.03")),
        ("trade", Side.SELL, D("0.01")),
    ]
    assert plan.legs[0].expected_price == 94_000
    assert plan.legs[0].notional == 2_820
    assert plan.gross == plan.legs[1].notional


def test_a_position_closed_entirely_by_hand_can_still_be_closed() -> None:
    plan = close_plan([Held("BTCUSDT", "btc", D(0), D(0), ((D("-0.03"), D(90_000)),))])

    assert [leg.action for leg in plan.legs] == ["by_hand"]
    assert plan.problems == ()


def test_closing_against_the_users_own_short_needs_margin() -> None:
    """The sleeve holds 0.04 and the user is short 0.05 himself: selling 0.04 makes the account shorter."""
    held = [Held("BTCUSDT", "btc", D("0.04"), D("-0.01"))]

    plan = close_plan(held, BTC, available=D(100))
    assert plan.margin_needed == pytest.approx(D("0.04") * D(100_000) * D("1.00355"))
    assert "missing" in plan.problems[0]


def test_dust_stays_with_its_reason() -> None:
    small = market(instrument("ETHUSDT", tick="0.01", lot="0.01", least="0.1"), 400_000)
    plan = close_plan(
        [Held("ETHUSDT", "eth", D("0.05"), D("0.05")), Held("BTCUSDT", "btc", D(1), D(1))], small, BTC
    )

    assert plan.legs[1].action == "skip"
    assert "stays in your account" in plan.legs[1].note
    assert plan.left_out == pytest.approx(D(200), abs=D("0.01"))


def test_an_exit_below_the_least_value_is_tried_only_where_it_reduces() -> None:
    cheap = market(instrument("XUSDT", tick="0.01", lot="1", least="1"), 100)

    assert close_plan([Held("XUSDT", "x", D(3), D(3))], cheap).legs[0].action == "trade"
    assert close_plan([Held("XUSDT", "x", D(3), D(-7))], cheap).legs[0].action == "skip"


def test_a_delisted_leg_may_be_closed_while_the_venue_takes_it_and_blocks_after() -> None:
    leaving = market(instrument(status=InstrumentStatus.REDUCE_ONLY), 1_000_000)
    gone = market(instrument(status=InstrumentStatus.CLOSED), 1_000_000)
    held = [Held("BTCUSDT", "btc", D("0.04"), D("0.04"))]

    assert close_plan(held, leaving).problems == ()
    assert "not open" in close_plan(held, gone).problems[0]
    assert "does not list" in close_plan(held).problems[0]


def test_the_digest_names_the_content() -> None:
    body = {"size": D("1000.00"), "legs": [{"weight": 0.1, "note": "é"}]}

    assert digest(body) == digest({"legs": [{"note": "é", "weight": 0.1}], "size": D("1000"), "digest": "x"})
    assert digest(body) != digest({**body, "size": D("1000.01")})
    assert len(digest(body)) == 64
