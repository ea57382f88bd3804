"""From the ways a source writes a coin to our asset. Pure.

A ticker alone is never enough: SUI, LINK and SOL are also shares, and tickers are reused. So only entities
that are said to be coins count, a name that is another coin's outweighs the ticker, and of coins that share a
ticker the one with that name, or the largest, is meant.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.indices.universe import Coin, CoinKind

COIN_TYPES: Final = frozenset({"cryptocurrency", "currency"})
FIAT: Final = frozenset(
    {
        "USD", "EUR", "GBP", "JPY", "CHF", "AUD", "CAD", "NZD", "CNY", "CNH", "HKD", "SGD", "KRW", "INR",
        "BRL", "MXN", "ZAR", "TRY", "SEK", "NOK", "DKK", "PLN", "RUB",
    }
)  # fmt: skip
_QUOTES: Final = ("USDT", "USDC", "USD", "EUR", "GBP", "BTC", "ETH")
_MULTIPLE: Final = re.compile(r"^10+(?=[A-Z])")
"""1000PEPE is a thousand PEPE."""
_SUFFIX: Final = re.compile(r"\s*(/|-)?\s*\b(usd|us dollar|usdt|tether|eur|euro|token|coin|price)$")


class AssetBook:
    """The known coins by ticker, name and id."""

    def __init__(self, coins: Mapping[str, Coin], former: Iterable[tuple[str, str]] = ()) -> None:
        self.coins = dict(coins)
        self._tickers: dict[str, list[Coin]] = defaultdict(list)
        self._names: dict[str, Coin] = {}
        for coin in sorted(self.coins.values(), key=_importance):
            self._tickers[coin.ticker.upper()].append(coin)
            self._names.setdefault(_folded(coin.name), coin)
        for asset_id, ticker in former:
            if asset_id in self.coins and not self._tickers.get(ticker.upper()):
                self._tickers[ticker.upper()].append(self.coins[asset_id])

    def __len__(self) -> int:
        return len(self.coins)

    def of_entity(self, symbol: str, name: str, kind: str) -> Coin | None:
        """The coin an entity of a source stands for, if it is one."""
        if kind.lower() not in COIN_TYPES:
            return None
        known = self._names.get(_folded(name)) or self._names.get(_SUFFIX.sub("", _folded(name)))
        for ticker in _tickers_in(symbol):
            if kind.lower() == "currency" and ticker in FIAT:
                return None
            found = self._tickers.get(ticker, [])
            if known is not None and known in found:
                return known
            if found:
                return known or found[0]
        return known

    def of_symbol(self, text: str) -> Coin | None:
        """The coin that a person or a venue's symbol means: ``bitcoin``, ``BTC``, ``BTCUSDT``, ``CC:BTC``,
        ``1000PEPEUSDT``."""
        if text.lower() in self.coins:
            return self.coins[text.lower()]
        for ticker in _tickers_in(text):
            for candidate in (ticker, _MULTIPLE.sub("", ticker, count=1)):
                if candidate in self._tickers:
                    return self._tickers[candidate][0]
        return self._names.get(_folded(text))


def _tickers_in(symbol: str) -> list[str]:
    """What may be the ticker in ``CC:BTC``, ``BTC``, ``BTC-USD``, ``BTC/USD``, ``BTCUSD``, ``BTC.CC``; the
    likeliest first."""
    whole = symbol.strip().upper().rpartition(":")[2]
    base = re.split(r"[-/._\s]", whole)[0]
    shortened = [whole.removesuffix(q) for q in _QUOTES if whole.endswith(q) and len(whole) > len(q) + 1]
    return [ticker for ticker in dict.fromkeys((whole, base, *shortened)) if ticker]


def _importance(coin: Coin) -> tuple[bool, float]:
    """Originals before their wrapped and staked forms, then by market cap."""
    return coin.kind in (CoinKind.WRAPPED, CoinKind.STAKED), -(coin.market_cap or 0.0)


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
