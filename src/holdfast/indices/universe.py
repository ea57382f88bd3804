"""Which coins an index may hold. Pure.

A coin is judged by what it is (a reviewed table, and a heuristic that fails safe for what nobody has
reviewed), by whether its figures make sense, and by whether the venue trades it normally at about the price
CoinGecko gives for it. Tickers play no part: they are reused, duplicated and changed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from holdfast.core.instruments import Instrument, InstrumentStatus

PRICE_BAND = 0.10
"""How far the venue's price and CoinGecko's may differ: far beyond any basis, far below a wrong coin."""

CAP_BAND = 0.10
"""How far market cap may differ from supply times price."""


class CoinKind(StrEnum):
    COIN = "coin"
    STABLE = "stable"
    WRAPPED = "wrapped"
    STAKED = "staked"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Coin:
    """An asset as the last poll knew it. Missing and zero figures are ``None``: unknown."""

    asset_id: str
    name: str
    ticker: str
    kind: CoinKind
    supply: float | None
    price: float | None
    market_cap: float | None
    source_at: datetime
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Listing:
    """The reviewed instrument of an asset: one unit of its base is ``multiplier`` coins."""

    symbol: str
    multiplier: int


_KIND_REASONS = {
    CoinKind.STABLE: "pegged to another asset",
    CoinKind.WRAPPED: "another form of a coin that is counted already",
    CoinKind.STAKED: "a staked form of another coin",
    CoinKind.UNKNOWN: "not reviewed yet",
}

_PEG_WORDS = ("usd", "dollar", "euro", "eur", "gold", "stable", "treasury", "t-bill")
_WRAPPED_WORDS = ("wrapped", "bridged", "pegged", "tokenized", "tokenised", "binance-peg")
_STAKED_WORDS = ("staked", "staking", "restaked", "liquid staked")


def guessed_kind(coin_id: str, name: str, ticker: str, price: float | None) -> CoinKind | None:
    """What a coin looks like by its name and price, or ``None`` if it looks like nothing special."""
    words = f"{name} {coin_id} {ticker}".lower()
    if any(word in words for word in _STAKED_WORDS):
        return CoinKind.STAKED
    if any(word in words for word in _WRAPPED_WORDS):
        return CoinKind.WRAPPED
    near_one = price is not None and abs(price - 1) <= 0.02
    if "usd" in ticker.lower() or (near_one and any(word in words for word in _PEG_WORDS)):
        return CoinKind.STABLE
    return None


def ineligible_reason(
    coin: Coin, listing: Listing | None, instrument: Instrument | None, venue_price: float | None
) -> str:
    """Why an index may not hold this coin now; "" if it may. ``venue_price`` is per unit of the base."""
    if coin.kind is not CoinKind.COIN:
        return _KIND_REASONS[coin.kind]
    figures = _figures_reason(coin)
    if figures:
        return figures
    if listing is None:
        return "no reviewed USDT perpetual at Bybit"
    trading = untradable_reason(listing.symbol, instrument)
    if trading:
        return trading
    if instrument and instrument.multiplier != listing.multiplier:
        return f"the reviewed multiplier of {listing.symbol} is not the one it is traded with"
    if not venue_price:
        return f"Bybit gives no price for {listing.symbol}"
    return mismatch_reason(coin, venue_price / listing.multiplier)


def untradable_reason(symbol: str, instrument: Instrument | None) -> str:
    """Why this instrument cannot be opened now; "" if it can."""
    if instrument is None:
        return f"{symbol} is not listed at Bybit"
    if instrument.status is not InstrumentStatus.TRADING:
        return f"{symbol} is not open for trading at Bybit"
    if instrument.delivery_at is not None:
        return f"Bybit delists {symbol} on {instrument.delivery_at:%d %B %Y}"
    return ""


def mismatch_reason(coin: Coin, coin_price: float) -> str:
    """Why the venue's price (per coin) cannot belong to this coin; "" if it can."""
    if coin.price is None or abs(coin_price / coin.price - 1) <= PRICE_BAND:
        return ""
    return (
        f"price mismatch: {coin_price:.6g} USDT at Bybit, {coin.price:.6g} USD at CoinGecko, "
        f"more than {PRICE_BAND:.0%} apart"
    )


def _figures_reason(coin: Coin) -> str:
    if coin.price is None or coin.supply is None or coin.market_cap is None:
        return "price, supply or market cap unknown"
    if abs(coin.supply * coin.price / coin.market_cap - 1) > CAP_BAND:
        return "supply, price and market cap do not agree"
    return ""


def largest(coins: Mapping[str, Coin], reasons: Mapping[str, str], count: int) -> list[str]:
    """The ids of the ``count`` largest eligible coins by market cap, largest first; ties by id.

    The source's own rank is not used: it does not always follow the market cap.
    """
    eligible = [coin for coin in coins.values() if reasons[coin.asset_id] == ""]
    ranked = sorted(eligible, key=lambda coin: (-(coin.market_cap or 0.0), coin.asset_id))
    return [coin.asset_id for coin in ranked[:count]]
