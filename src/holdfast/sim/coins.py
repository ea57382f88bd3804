"""The coins of the simulated world: well-known ones from ``coins.json``, and generated ones below them.

Prices and supplies of the well-known coins are of the order seen in 2026; they place each coin where a reader
expects it and claim nothing more. The generated coins are the same for every seed, so that tables which map
coins to instruments stay valid; only their prices differ.
"""

import json
import math
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final

from holdfast.sim.noise import Noise

GENERATED: Final = 430
SECTORS: Final = (
    "major",
    "exchange",
    "payments",
    "smart",
    "defi",
    "meme",
    "ai",
    "gaming",
    "privacy",
    "stock",
)
_NAMING_SEED: Final = 7
_DAY_MS: Final = 86_400_000


def day_ms(year: int, month: int, day: int) -> int:
    """Milliseconds since the epoch at midnight UTC."""
    return int(datetime(year, month, day, tzinfo=UTC).timestamp()) * 1000


@dataclass(frozen=True, slots=True)
class SimCoin:
    """``price`` is the level the coin's price wanders around, in USD; ``daily_vol`` its own daily volatility,
    ``beta`` its loading on the whole market. A coin with a ``parent`` follows it at ``ratio``, growing by
    ``accrual`` a year. ``supply`` None makes its market cap unknown. ``leaves_ms`` is when CoinGecko drops
    it, ``frozen_ms`` when its ``last_updated`` stops moving, ``redenominations`` are (ms, old units per new).
    """

    id: str
    symbol: str
    name: str
    price: float
    supply: float | None
    max_supply: float | None
    daily_volume: float
    daily_vol: float
    beta: float
    sector: str
    categories: tuple[str, ...]
    pegged: bool = False
    parent: str = ""
    ratio: float = 1.0
    accrual: float = 0.0
    leaves_ms: int | None = None
    frozen_ms: int | None = None
    redenominations: tuple[tuple[int, float], ...] = ()
    generated: bool = False

    @property
    def on_coingecko(self) -> bool:
        return self.sector != "stock"

    @property
    def cap(self) -> float:
        """Market cap in USD at the level price; for a coin without a known supply, none: 0."""
        return self.price * (self.supply or 0.0)


def all_coins() -> tuple[SimCoin, ...]:
    """Every coin, the well-known ones first."""
    data = _data()
    known = [_known(*row) for row in data["coins"]]
    pegged = [_pegged(*row) for row in data["pegged"]]
    by_id = {coin.id: coin for coin in known}
    tracking = [_tracking(by_id, *row) for row in data["tracking"]]
    stocks = [_stock(*row) for row in data["stocks"]]
    taken = {coin.symbol for coin in (*known, *pegged, *tracking, *stocks)}
    return (*known, *pegged, *tracking, *stocks, *_generated(taken, data["syllables"]))


def category_names() -> dict[str, str]:
    """CoinGecko's names of the categories, by id."""
    names: dict[str, str] = _data()["categories"]
    return names


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(files("holdfast.sim").joinpath("coins.json").read_text())
    return loaded


def _known(
    coin_id: str, symbol: str, name: str, price: float, supply: float, max_supply: float | None,
    sector: str, volume_ratio: float, vol_percent: float, categories: list[str],
) -> SimCoin:  # fmt: skip
    beta = 1.0 if coin_id == "bitcoin" else 1.0 + 0.05 * vol_percent
    return SimCoin(
        coin_id, symbol, name, price, supply, max_supply, price * supply * volume_ratio, vol_percent / 100,
        beta, sector, tuple(categories),
    )  # fmt: skip


def _pegged(
    coin_id: str, symbol: str, name: str, price: float, supply: float, volume_ratio: float,
    categories: list[str],
) -> SimCoin:  # fmt: skip
    return SimCoin(
        coin_id, symbol, name, price, supply, None, price * supply * volume_ratio,
        0.008 if price > 100 else 0.0003, 0.0, "major", tuple(categories), pegged=True,
    )  # fmt: skip


def _tracking(
    by_id: dict[str, SimCoin], coin_id: str, symbol: str, name: str, parent: str, ratio: float,
    supply: float, accrual: float, volume_ratio: float, categories: list[str],
) -> SimCoin:  # fmt: skip
    price = by_id[parent].price * ratio
    return replace(
        by_id[parent], id=coin_id, symbol=symbol, name=name, price=price, supply=supply, max_supply=None,
        daily_volume=price * supply * volume_ratio, categories=tuple(categories),
        parent=parent, ratio=ratio, accrual=accrual,
    )  # fmt: skip


def _stock(coin_id: str, symbol: str, name: str, price: float) -> SimCoin:
    """The underlying of a contract on a share: the venue lists it, CoinGecko does not know it."""
    return SimCoin(coin_id, symbol, name, price, None, None, 5e7, 0.02, 0.3, "stock", ())


_SECTOR_CATEGORY: Final = {
    "smart": "smart-contract-platform", "defi": "decentralized-finance-defi", "meme": "meme-token",
    "ai": "artificial-intelligence", "gaming": "gaming", "payments": "payment-solutions",
}  # fmt: skip


def _generated(taken: set[str], syllables: dict[str, str]) -> list[SimCoin]:
    noise = Noise(_NAMING_SEED)
    openings, middles, endings = (syllables[part].split() for part in ("openings", "middles", "endings"))
    coins: list[SimCoin] = []
    ids: set[str] = set()
    draw = 0
    while len(coins) < GENERATED:
        draw += 1
        picks = noise.uniform(0, range(12), draw).tolist()
        first, middle, ending = (
            words[int(u * len(words))] for words, u in zip((openings, middles, endings), picks, strict=False)
        )
        name = first + middle + ending
        symbol = _ticker(first, middle, ending, taken)
        if name.lower() in ids or symbol is None:
            continue
        ids.add(name.lower())
        taken.add(symbol)
        coins.append(_small_coin(len(coins), name, symbol, picks[3:]))
    return _with_oddities(coins)


def _ticker(first: str, middle: str, ending: str, taken: set[str]) -> str | None:
    full = (first + middle + ending).lower()
    candidates = (first + ending[0], first + middle + ending[0], first[:2] + ending[:2], full[:5], full)
    return next((c.lower() for c in candidates if len(c) >= 3 and c.lower() not in taken), None)


def _small_coin(rank: int, name: str, symbol: str, picks: list[float]) -> SimCoin:
    """Caps fall from 150 million by a power law; prices spread over seven decades as they do in life."""
    cap = 1.5e8 * (1 + rank / 25) ** -1.6 * math.exp(0.3 * (picks[0] - 0.5))
    price = 10 ** (-4.5 + 6.0 * picks[1] ** 1.3)
    sector = tuple(_SECTOR_CATEGORY)[int(picks[2] * len(_SECTOR_CATEGORY))]
    supply = cap / price
    return SimCoin(
        name.lower(), symbol, name, price, supply, supply * 1.5 if picks[3] < 0.6 else None,
        cap * (0.03 + 0.25 * picks[4] ** 2), 0.03 + 0.04 * picks[5], 1.0 + 0.5 * picks[6], sector,
        (_SECTOR_CATEGORY[sector],), generated=True,
    )  # fmt: skip


DELISTED: Final = {
    3: day_ms(2026, 6, 2),
    5: day_ms(2026, 12, 15),
    8: day_ms(2027, 6, 15),
    11: day_ms(2028, 6, 15),
}
"""Which generated coins the venue drops, and when (8:00 UTC that day); CoinGecko drops them a week later."""
_UNKNOWN_SUPPLY: Final = (2, 40, 41, 200)
_FROZEN: Final = {21: day_ms(2026, 9, 1)}
_REDENOMINATED: Final = {14: day_ms(2026, 4, 7), 17: day_ms(2027, 3, 2)}
_SAME_TICKER: Final = (31, 30)
"""The first of the two takes the ticker of the second."""


def _with_oddities(coins: list[SimCoin]) -> list[SimCoin]:
    """What a reader of the real service must live with, at fixed places and known times."""
    for rank, day in DELISTED.items():
        coins[rank] = replace(coins[rank], leaves_ms=day + 7 * _DAY_MS)
    for rank in _UNKNOWN_SUPPLY:
        coins[rank] = replace(coins[rank], supply=None, max_supply=None)
    for rank, day in _FROZEN.items():
        coins[rank] = replace(coins[rank], frozen_ms=day)
    for rank, day in _REDENOMINATED.items():
        coins[rank] = replace(coins[rank], redenominations=((day, 1000.0),))
    copy, original = _SAME_TICKER
    coins[copy] = replace(coins[copy], symbol=coins[original].symbol)
    return coins
