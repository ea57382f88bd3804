"""Eligibility: the traps that real market-cap data set."""

from datetime import timedelta

import pytest
from tests.indices.builders import NOW, coin, instrument

from holdfast.core.instruments import InstrumentStatus
from holdfast.indices import reviewed
from holdfast.indices.intake import readings
from holdfast.indices.universe import (
    CoinKind,
    Listing,
    guessed_kind,
    ineligible_reason,
    largest,
    untradable_reason,
)

LISTING = Listing("AAAUSDT", 1)


def reason(a_coin, *, listing=LISTING, listed=None, venue_price=1.0):
    return ineligible_reason(a_coin, listing, listed or instrument("AAAUSDT"), venue_price)


def test_a_plain_coin_with_a_normal_instrument_is_eligible():
    assert reason(coin("a")) == ""


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (CoinKind.STABLE, "pegged"),
        (CoinKind.WRAPPED, "counted already"),
        (CoinKind.STAKED, "staked"),
        (CoinKind.UNKNOWN, "not reviewed"),
    ],
)
def test_only_plain_coins_are_eligible(kind, words):
    assert words in reason(coin("a", kind=kind))


@pytest.mark.parametrize("missing", [{"price": None}, {"supply": None}, {"cap": None, "supply": None}])
def test_unknown_figures_exclude(missing):
    assert "unknown" in reason(coin("a", **missing))


def test_redenomination_with_the_old_supply_is_noticed():
    """1:1000 under the same ticker: the price has changed, the supply has not."""
    assert "do not agree" in reason(coin("bittorrent", price=1000.0, supply=1e9, cap=1e9), venue_price=1000.0)


def test_redenomination_known_only_to_the_venue_is_a_price_mismatch():
    assert "price mismatch" in reason(coin("a", price=1.0), venue_price=1000.0)


def test_multiplied_symbols_are_compared_per_coin():
    pepe = coin("pepe", price=0.00001)
    thousand = Listing("1000PEPEUSDT", 1000)
    listed = instrument("1000PEPEUSDT", multiplier=1000)
    assert reason(pepe, listing=thousand, listed=listed, venue_price=0.0101) == ""
    assert "price mismatch" in reason(pepe, listing=thousand, listed=listed, venue_price=0.00001)


def test_a_multiplier_the_venue_reads_differently_excludes():
    thousand = Listing("1000PEPEUSDT", 1000)
    assert "multiplier" in reason(
        coin("pepe", price=0.00001), listing=thousand, listed=instrument("1000PEPEUSDT"), venue_price=0.01
    )


@pytest.mark.parametrize("difference", [0.91, 1.0, 1.09])
def test_prices_may_differ_within_the_band(difference):
    assert reason(coin("a"), venue_price=difference) == ""


@pytest.mark.parametrize("difference", [0.89, 1.11])
def test_prices_beyond_the_band_exclude(difference):
    assert "price mismatch" in reason(coin("a"), venue_price=difference)


def test_no_instrument_no_price_no_listing():
    assert "no reviewed" in ineligible_reason(coin("a"), None, None, None)
    assert "not listed" in ineligible_reason(coin("a"), LISTING, None, 1.0)
    assert "no price" in ineligible_reason(coin("a"), LISTING, instrument("AAAUSDT"), None)


@pytest.mark.parametrize("status", [s for s in InstrumentStatus if s is not InstrumentStatus.TRADING])
def test_only_instruments_that_trade_normally(status):
    assert "not open" in untradable_reason("AAAUSDT", instrument("AAAUSDT", status=status))


def test_an_announced_delisting_excludes_at_once():
    leaving = instrument("AAAUSDT", delivery_at=NOW + timedelta(days=5))
    assert "delists" in untradable_reason("AAAUSDT", leaving)


@pytest.mark.parametrize(
    ("coin_id", "name", "ticker", "price", "kind"),
    [
        ("some-new-usd", "Some New USD", "snusd", 0.999, CoinKind.STABLE),
        ("new-dollar", "New Dollar", "ndl", 1.001, CoinKind.STABLE),
        ("euro-thing", "Euro Thing", "eurx", 1.01, CoinKind.STABLE),
        ("bridged-foo", "Bridged Foo", "foo", 12.0, CoinKind.WRAPPED),
        ("binance-peg-bar", "Binance-Peg Bar", "bar", 3.0, CoinKind.WRAPPED),
        ("new-staked-sol", "New Staked SOL", "nsol", 90.0, CoinKind.STAKED),
        ("foo", "Restaked Foo", "rfoo", 90.0, CoinKind.STAKED),
        ("plain", "Plain Coin", "pln", 1.0, None),
    ],
)
def test_what_nobody_has_reviewed_is_guessed_fail_safe(coin_id, name, ticker, price, kind):
    assert guessed_kind(coin_id, name, ticker, price) is kind


def row(coin_id, ticker, *, price=1.0, cap=1e9, rank=1, **more):
    return {
        "id": coin_id,
        "symbol": ticker,
        "name": coin_id,
        "current_price": price,
        "market_cap": cap,
        "market_cap_rank": rank,
        "circulating_supply": cap / price if cap and price else None,
        "total_volume": 1.0,
        "last_updated": "2026-11-21T11:59:00.000Z",
    } | more


def judged(rows):
    found = readings(rows, reviewed.assets(), NOW)
    return {r.asset_id: r for r in found}


def test_a_fake_token_in_the_top_ten_is_not_reviewed():
    fake = judged([row("definitely-bitcoin", "btc", cap=9e12, rank=2)])["definitely-bitcoin"]
    assert fake.kind is CoinKind.UNKNOWN


def test_the_same_ticker_twice_makes_two_assets():
    found = judged([row("bitcoin", "btc"), row("bitcoin-the-other", "btc")])
    assert set(found) == {"bitcoin", "bitcoin-the-other"}


def test_matic_and_pol_are_counted_once():
    found = judged([row("matic-network", "matic"), row("polygon-ecosystem-token", "pol")])
    assert found["matic-network"].kind is CoinKind.WRAPPED
    assert found["polygon-ecosystem-token"].kind is CoinKind.COIN


def test_luna_old_and_new_are_different_assets():
    found = judged([row("terra-luna", "lunc"), row("terra-luna-2", "luna")])
    listings = reviewed.listings()
    assert listings[found["terra-luna"].asset_id].symbol != listings[found["terra-luna-2"].asset_id].symbol
    old, new = reviewed.assets()["terra-luna"].aliases, reviewed.assets()["terra-luna-2"].aliases
    luna_old = next(a for a in old if a.ticker == "LUNA")
    luna_new = next(a for a in new if a.ticker == "LUNA")
    assert luna_old.valid_to is not None
    assert luna_old.valid_to <= luna_new.valid_from


def test_null_zero_and_absurd_figures_are_unknown():
    found = judged(
        [
            row("bitcoin", "btc", price=None, cap=None, rank=None),
            row("ethereum", "eth", cap=0),
            row("solana", "sol") | {"market_cap": -5, "current_price": "12", "circulating_supply": 1e30},
        ]
    )
    assert found["bitcoin"].price is found["bitcoin"].market_cap is found["bitcoin"].rank is None
    assert found["ethereum"].market_cap is None
    assert found["solana"].market_cap is found["solana"].price is found["solana"].supply is None


def test_rows_that_make_no_sense_are_left_out():
    assert judged([{}, {"id": 5, "symbol": "x", "name": "y"}, {"id": "a", "symbol": None, "name": "b"}]) == {}


def test_the_largest_are_chosen_by_market_cap_not_by_rank():
    coins = {c.asset_id: c for c in (coin("a", supply=1e6), coin("b", supply=3e6), coin("c", supply=2e6))}
    assert largest(coins, dict.fromkeys(coins, ""), 2) == ["b", "c"]
    assert largest(coins, {"a": "", "b": "pegged", "c": ""}, 2) == ["c", "a"]


def test_ties_go_by_id():
    coins = {i: coin(i) for i in ("z", "m", "a")}
    assert largest(coins, dict.fromkeys(coins, ""), 3) == ["a", "m", "z"]


def test_the_reviewed_tables_are_sound():
    listings, assets = reviewed.listings(), reviewed.assets()
    assert len(listings) >= 120
    symbols = [listing.symbol for listing in listings.values()]
    assert len(set(symbols)) == len(symbols), "one instrument stands for one asset"
    assert all(symbol.endswith("USDT") for symbol in symbols)
    for listing in listings.values():
        digits = listing.symbol.removesuffix("USDT")
        if listing.multiplier != 1:
            assert str(listing.multiplier) in digits
    ids = [asset.asset_id for asset in assets.values()]
    assert len(set(ids)) == len(ids)
    kinds = {asset.asset_id: asset.kind for asset in assets.values()}
    assert all(kinds[asset_id] is CoinKind.COIN for asset_id in listings)
    for stable in ("tether", "usd-coin", "dai", "wrapped-bitcoin", "staked-ether", "weth"):
        assert kinds[stable] is not CoinKind.COIN
    for asset in assets.values():
        open_ended = [alias for alias in asset.aliases if alias.valid_to is None]
        assert len(open_ended) <= 1
