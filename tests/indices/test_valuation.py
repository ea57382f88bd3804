"""An index at one moment."""

from datetime import timedelta

import numpy as np
import pytest
from tests.indices.builders import NOW, coin

from holdfast.core.errors import NotFound
from holdfast.indices.catalogue import BITCOIN, DEFINITIONS, ETHEREUM, definition_of
from holdfast.indices.valuation import Composition, Member, MemberPrice, coin_price, value

BTC_D = DEFINITIONS["btc-d"]
MEMBERS = (
    Member(BITCOIN, "BTCUSDT", 1),
    Member(ETHEREUM, "ETHUSDT", 1),
    Member("pepe", "1000PEPEUSDT", 1000),
)
COINS = {
    BITCOIN: coin(BITCOIN, price=100.0, supply=6.0),
    ETHEREUM: coin(ETHEREUM, price=10.0, supply=30.0),
    "pepe": coin("pepe", price=0.001, supply=100_000.0),
}


def composition(definition, members=MEMBERS, divisor=1.0):
    return Composition(definition.id, NOW, "1", members, divisor)


def prices(*values, day_ago=None):
    return [MemberPrice(v, day_ago and day_ago[i], NOW) for i, v in enumerate(values)]


def test_dominance_is_supply_times_live_price():
    valuation = value(BTC_D, composition(BTC_D), COINS, prices(100.0, 10.0, 0.001))
    assert valuation.level == pytest.approx(60.0)
    assert valuation.weights == pytest.approx([0.4, -0.3, -0.1])
    assert valuation.shares == pytest.approx([0.6, 0.3, 0.1])
    moved = value(BTC_D, composition(BTC_D), COINS, prices(200.0, 10.0, 0.001))
    assert moved.level == pytest.approx(75.0), "the level moves with the live price between polls"


def test_ether_dominance_uses_the_same_members():
    eth_d = DEFINITIONS["eth-d"]
    valuation = value(eth_d, composition(eth_d), COINS, prices(100.0, 10.0, 0.001))
    assert valuation.level == pytest.approx(30.0)
    assert valuation.weights == pytest.approx([-0.6, 0.7, -0.1])


def test_the_pair_is_a_price_ratio():
    pair = DEFINITIONS["eth-btc"]
    members = (MEMBERS[1], MEMBERS[0])
    valuation = value(pair, composition(pair, members), COINS, prices(10.0, 100.0))
    assert valuation.level == pytest.approx(0.1)
    assert valuation.weights == pytest.approx([1.0, -1.0])


def test_the_basket_uses_frozen_quantities_and_its_divisor():
    basket = DEFINITIONS["top-10"]
    members = (Member(BITCOIN, "BTCUSDT", 1, 3.0), Member(ETHEREUM, "ETHUSDT", 1, 70.0))
    valuation = value(basket, composition(basket, members, divisor=1.0), COINS, prices(100.0, 10.0))
    assert valuation.level == pytest.approx(1000.0)
    assert valuation.weights == pytest.approx([0.3, 0.7])
    drifted = value(basket, composition(basket, members), COINS, prices(200.0, 10.0))
    assert drifted.weights == pytest.approx([6 / 13, 7 / 13])


def test_the_change_of_a_day_uses_the_same_supplies():
    valuation = value(
        BTC_D, composition(BTC_D), COINS, prices(100.0, 10.0, 0.001, day_ago=[50.0, 10.0, 0.001])
    )
    before = 300 / 700
    assert valuation.change_24h == pytest.approx(0.6 / before - 1)
    unknown = value(BTC_D, composition(BTC_D), COINS, prices(100.0, 10.0, 0.001, day_ago=[50.0, None, 0.001]))
    assert unknown.change_24h is None


def test_a_missing_price_or_supply_makes_no_level():
    with pytest.raises(ValueError, match="missing"):
        value(BTC_D, composition(BTC_D), COINS, prices(100.0, 0.0, 0.001))
    without = COINS | {ETHEREUM: coin(ETHEREUM, price=10.0, supply=None)}
    with pytest.raises(ValueError, match="missing"):
        value(BTC_D, composition(BTC_D), without, prices(100.0, 10.0, 0.001))


def price_of(venue_price=10.0, age=0.0, member=MEMBERS[1], a_coin=COINS[ETHEREUM]):
    return coin_price(a_coin, member, venue_price, 9.0, NOW - timedelta(seconds=age), NOW)


def test_a_fresh_plausible_price_is_no_trouble():
    assert price_of() == MemberPrice(10.0, 9.0, NOW)


def test_old_missing_and_contradicting_prices_name_coin_and_reason():
    assert "more than 10 seconds old" in price_of(age=10.5).trouble
    assert "Ethereum (ETHUSDT)" in price_of(age=10.5).trouble
    assert price_of(age=9.5).trouble == ""
    assert "price mismatch" in price_of(venue_price=12.0).trouble
    missing = coin_price(COINS[ETHEREUM], MEMBERS[1], None, None, None, NOW)
    assert missing.now == 10.0
    assert "has not sent a price" in missing.trouble


def test_multiplied_symbols_are_priced_per_coin():
    pepe = price_of(venue_price=1.01, member=MEMBERS[2], a_coin=COINS["pepe"])
    assert pepe.now == pytest.approx(0.00101)
    assert pepe.day_ago == pytest.approx(0.009)


def test_every_definition_says_what_it_is():
    for definition in DEFINITIONS.values():
        assert len(definition.methodology) >= 4
        assert all(sentence.endswith(".") for sentence in definition.methodology)
        assert definition.version
    with pytest.raises(NotFound):
        definition_of("doge-d")


def test_weights_are_finite_for_wild_values():
    wild = {BITCOIN: coin(BITCOIN, supply=1e13), ETHEREUM: coin(ETHEREUM, supply=1e-3), "pepe": COINS["pepe"]}
    valuation = value(BTC_D, composition(BTC_D), wild, prices(1e5, 1e-9, 1.0))
    assert np.all(np.isfinite(valuation.weights))
    assert valuation.weights.sum() == pytest.approx(0, abs=1e-12)
