"""Past levels from CoinGecko's charts."""

from datetime import timedelta

import pytest
from tests.indices.builders import NOW

from holdfast.indices.backfill import needs_market_caps, rebuilt_levels
from holdfast.indices.catalogue import BITCOIN, DEFINITIONS, ETHEREUM
from holdfast.indices.valuation import Composition, Member

BTC_D = DEFINITIONS["btc-d"]
STEP = timedelta(minutes=5)
PAIR = (Member(BITCOIN, "BTCUSDT", 1), Member(ETHEREUM, "ETHUSDT", 1))


def series(*points):
    return [(NOW + timedelta(minutes=minute), value) for minute, value in points]


def rebuilt(history, definition=BTC_D, members=PAIR, divisor=1.0, minutes=20):
    composition = Composition(definition.id, NOW, "1", members, divisor)
    return rebuilt_levels(
        definition, composition, history, start=NOW, end=NOW + timedelta(minutes=minutes), step=STEP
    )


def test_points_that_do_not_meet_are_held_until_the_next():
    levels = rebuilt(
        {
            BITCOIN: series((-1, 60.0), (4, 60.0), (9, 80.0), (14, 80.0), (19, 80.0)),
            ETHEREUM: series((-2, 40.0), (3, 40.0), (8, 40.0), (13, 20.0), (18, 20.0)),
        }
    )
    assert [(at - NOW).total_seconds() / 60 for at, _ in levels] == [0, 5, 10, 15, 20]
    assert [level for _, level in levels] == pytest.approx([60.0, 60.0, 200 / 3, 80.0, 80.0])


def test_a_moment_without_every_figure_has_no_level():
    levels = rebuilt(
        {BITCOIN: series((-1, 60.0), (4, 60.0), (9, 60.0)), ETHEREUM: series((9, 40.0), (12, 0.0))}
    )
    assert [(at - NOW).total_seconds() / 60 for at, _ in levels] == [10]
    assert rebuilt({BITCOIN: series((0, 60.0)), ETHEREUM: []}) == []


def test_a_figure_is_not_held_for_ever():
    levels = rebuilt({BITCOIN: series((0, 60.0)), ETHEREUM: series((0, 40.0))}, minutes=60)
    assert len(levels) == 4, "at 0, 5, 10 and 15 minutes; not after three steps"


def test_pairs_and_baskets_are_rebuilt_from_prices():
    assert needs_market_caps(BTC_D)
    pair, basket = DEFINITIONS["eth-btc"], DEFINITIONS["top-10"]
    assert not needs_market_caps(pair)
    assert not needs_market_caps(basket)
    history = {BITCOIN: series((0, 100.0)), ETHEREUM: series((0, 5.0))}
    ratio = rebuilt(history, pair, tuple(reversed(PAIR)), minutes=0)
    assert [level for _, level in ratio] == pytest.approx([0.05])
    held = (Member(BITCOIN, "BTCUSDT", 1, 3.0), Member(ETHEREUM, "ETHUSDT", 1, 40.0))
    points = rebuilt(history, basket, held, divisor=0.5, minutes=0)
    assert [level for _, level in points] == pytest.approx([1000.0])
