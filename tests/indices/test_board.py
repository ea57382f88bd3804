"""The board: what blocks trading, and in which words."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.indices.builders import NOW, coin, instrument, quote

from holdfast.core.errors import NotFound
from holdfast.core.instruments import InstrumentStatus
from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import DEFINITIONS
from holdfast.indices.valuation import Composition, Member
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard

NAMES = ["bitcoin", "ethereum", "pepe"]
COINS = {
    "bitcoin": coin("bitcoin", price=100.0, supply=6.0),
    "ethereum": coin("ethereum", price=10.0, supply=30.0),
    "pepe": coin("pepe", price=0.001, supply=100_000.0),
    "tether": coin("tether", price=1.0, supply=500.0, kind="stable"),
}
MEMBERS = (
    Member("bitcoin", "BTCUSDT", 1),
    Member("ethereum", "ETHUSDT", 1),
    Member("pepe", "1000PEPEUSDT", 1000),
)


class Stage:
    """A board whose every input can be spoiled."""

    def __init__(self):
        self.quotes = QuoteBoard()
        self.book = InstrumentBook()
        self.board = IndexBoard(self.quotes, self.book, poll_seconds=300)
        self.coins = dict(COINS)
        self.instruments = {m.symbol: instrument(m.symbol, multiplier=m.multiplier) for m in MEMBERS}
        for symbol, price in (("BTCUSDT", 100), ("ETHUSDT", 10), ("1000PEPEUSDT", 1)):
            self.quotes.put(quote(symbol, price, prev_24h=Decimal(price)))

    def stale_reason(self, now=NOW):
        return self.targets(now).stale_reason

    def targets(self, now=NOW):
        self.book.replace(list(self.instruments.values()))
        compositions = {"btc-d": Composition("btc-d", NOW, "1", MEMBERS)}
        self.board.take(self.coins, compositions, NOW)
        return self.board.targets("btc-d", now)


@pytest.fixture
def stage():
    return Stage()


def test_fresh_inputs_make_targets_per_unit_of_base(stage):
    targets = stage.targets()
    assert targets.stale_reason == ""
    assert targets.level == pytest.approx(60.0)
    assert targets.source_version == "1/2026-11-21T12:00:00Z"
    assert targets.as_of == NOW
    assert [t.weight for t in targets.targets] == pytest.approx([0.4, -0.3, -0.1])
    assert [t.reference_price for t in targets.targets] == pytest.approx([100.0, 10.0, 1.0])
    assert targets.targets[2].symbol == "1000PEPEUSDT"


def test_an_old_quote(stage):
    assert stage.stale_reason(NOW + timedelta(seconds=10)) == ""
    reason = stage.stale_reason(NOW + timedelta(seconds=11))
    assert reason.startswith("Bybit's price of Bitcoin (BTCUSDT) is more than 10 seconds old.")
    assert "2 more" in reason


def test_old_market_caps(stage):
    later = NOW + timedelta(minutes=15, seconds=1)
    for q in stage.quotes.all():
        stage.quotes.put(replace(q, at=later))
    assert stage.stale_reason(later) == "CoinGecko's market caps are more than 15 minutes old."


def test_slow_polling_widens_the_limit():
    stage = Stage()
    stage.board = IndexBoard(stage.quotes, stage.book, poll_seconds=600)
    later = NOW + timedelta(minutes=29)
    for q in stage.quotes.all():
        stage.quotes.put(replace(q, at=later))
    assert stage.stale_reason(later) == ""


def test_one_coin_coingecko_stopped_updating(stage):
    stage.coins["ethereum"] = replace(COINS["ethereum"], source_at=NOW - timedelta(minutes=16))
    assert stage.stale_reason() == "CoinGecko's figures of Ethereum are more than 15 minutes old."


def test_a_clock_of_coingecko_that_is_wrong_for_all_is_no_age(stage):
    stage.coins = {i: replace(c, source_at=NOW - timedelta(days=900)) for i, c in COINS.items()}
    assert stage.stale_reason() == ""


def test_one_coin_that_vanished_from_the_list(stage):
    stage.coins["pepe"] = replace(COINS["pepe"], fetched_at=NOW - timedelta(minutes=16))
    assert "Pepe" in stage.stale_reason()


def test_prices_that_contradict_each_other(stage):
    stage.quotes.put(quote("ETHUSDT", "11.2"))
    assert stage.stale_reason().startswith(
        "Ethereum: price mismatch: 11.2 USDT at Bybit, 10 USD at CoinGecko"
    )


@pytest.mark.parametrize(
    "status", [InstrumentStatus.REDUCE_ONLY, InstrumentStatus.CLOSED, InstrumentStatus.PRELAUNCH]
)
def test_a_market_that_does_not_trade(stage, status):
    stage.instruments["ETHUSDT"] = instrument("ETHUSDT", status=status)
    assert stage.stale_reason() == "Ethereum: ETHUSDT is not open for trading at Bybit."


def test_a_delisted_market(stage):
    del stage.instruments["ETHUSDT"]
    assert stage.stale_reason() == "Ethereum: ETHUSDT is not listed at Bybit."


def test_without_a_quote_the_level_is_shown_with_coingeckos_price_but_stale(stage):
    stage.quotes = QuoteBoard()
    stage.board = IndexBoard(stage.quotes, stage.book)
    targets = stage.targets()
    assert targets.level == pytest.approx(60.0)
    assert "has not sent a price of Bitcoin" in targets.stale_reason
    assert stage.board.minimum("btc-d") is None


def test_a_member_without_any_figures_makes_no_level(stage):
    stage.coins["ethereum"] = coin("ethereum", supply=None)
    targets = stage.targets()
    assert targets.targets == ()
    assert "missing" in targets.stale_reason
    assert stage.board.level("btc-d", NOW).level is None


def test_names_of_assets(stage):
    stage.targets()
    assert stage.board.asset("bitcoin") == ("Bitcoin", "BIT")
    assert stage.board.asset("gone-coin") == ("gone-coin", "GONE-COIN")


def test_the_detail_lists_members_and_what_is_larger_but_excluded(stage):
    stage.targets()
    detail = stage.board.detail("btc-d", NOW)
    assert [m.asset_id for m in detail.members] == NAMES
    assert detail.members[2].price == pytest.approx(0.001)
    assert detail.members[2].market_cap == pytest.approx(100.0)
    assert not any(m.stale for m in detail.members)
    assert [(e.asset_id, e.reason) for e in detail.excluded] == [("tether", "pegged to another asset")]
    assert detail.gross_per_unit == pytest.approx(0.8)
    assert detail.change_24h == pytest.approx(0.0)


def test_unknown_indices_are_not_found(stage):
    for ask in (stage.board.targets, stage.board.level, stage.board.summary, stage.board.detail):
        with pytest.raises(NotFound):
            ask("nope", NOW)
    with pytest.raises(NotFound):
        stage.board.minimum("nope")


def test_an_index_without_members_yet_says_so(stage):
    stage.targets()
    for index_id in DEFINITIONS.keys() - {"btc-d"}:
        assert "not been chosen" in stage.board.targets(index_id, NOW).stale_reason
