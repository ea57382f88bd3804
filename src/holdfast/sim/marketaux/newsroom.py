"""The articles of the simulated press: one every ten minutes, the same for the same seed and moment.

Besides plain news there is at fixed shares what a reader of the real service must live with: articles without
entities, sentiment null and exactly zero, several coins of opposite mood, shares with a coin's ticker,
symbols spelt in several ways, hostile HTML in highlights, and groups of similar articles.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from holdfast.sim.coins import SimCoin, all_coins

SLOT_MS: Final = 10 * 60_000
KEPT_SLOTS: Final = 14 * 24 * 6
"""Two weeks are kept."""
COINS: Final = 40
DOMAINS: Final = (
    "coinwire.example",
    "ledgerpost.example",
    "chaindaily.example",
    "tokenherald.example",
    "marketbrief.example",
)
HOSTILE: Final = (
    "<script>alert(document.cookie)</script>",
    '<img src=x onerror="alert(1)">',
    "<a href='javascript:alert(1)'>claim your airdrop</a>",
    "&lt;iframe src=//evil.example&gt;",
    "</em></p><svg/onload=alert(1)>",
)
_GOOD: Final = (
    ("{name} rallies as institutional inflows reach a record", 0.82),
    ("{name} gains after a major upgrade goes live", 0.61),
    ("Crypto funds add {name} for a third week", 0.44),
    ("Adoption of {name} grows as fees fall", 0.31),
)
_BAD: Final = (
    ("{name} plunges as long positions are liquidated", -0.78),
    ("Exploit drains a bridge holding {name}", -0.86),
    ("Regulator opens an investigation into {name} staking", -0.49),
    ("{name} slips while traders take profit", -0.27),
)
_FLAT: Final = (
    ("{name} trades sideways ahead of the rate decision", 0.0),
    ("What to know about {name} this week", 0.02),
)
_GENERAL: Final = (
    "Crypto exchanges publish their quarterly reports",
    "Lawmakers set a date for the blockchain hearing",
    "Stablecoin issuers face a massive lawsuit over reserves",
    "Crypto market celebrates a great week of growth",
)


@dataclass(frozen=True, slots=True)
class Article:
    """``row`` is what the service tells of it, without its ``similar`` articles."""

    published_ms: int
    row: dict[str, Any]
    similar: tuple[dict[str, Any], ...] = ()


class Newsroom:
    """Reads articles at any moment without a memory of what came before."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._coins = [coin for coin in all_coins() if coin.on_coingecko and not coin.pegged][:COINS]
        self._written: dict[int, Article] = {}

    def articles(self, now_ms: int) -> Iterator[Article]:
        """What is published by ``now_ms``, the newest first."""
        newest = now_ms // SLOT_MS
        for slot in [slot for slot in self._written if slot < newest - 2 * KEPT_SLOTS]:
            del self._written[slot]
        for slot in range(newest, newest - KEPT_SLOTS, -1):
            article = self._article(slot)
            if article.published_ms <= now_ms:
                yield article

    def entities(self) -> list[dict[str, Any]]:
        """Every coin the press writes about."""
        return [_named(coin, f"CC:{coin.symbol.upper()}") for coin in self._coins]

    def _article(self, slot: int) -> Article:
        found = self._written.get(slot)
        if found is None:
            found = self._written[slot] = self._write(slot)
        return found

    def _write(self, slot: int) -> Article:
        draw = random.Random(f"{self._seed}:{slot}")  # noqa: S311  no secret
        published_ms = slot * SLOT_MS + draw.randrange(SLOT_MS)
        kind, coin = draw.random(), self._coin(draw)
        if kind < 0.12:
            row = _row(draw, draw.choice(_GENERAL), published_ms, [])
        elif kind < 0.24:
            row = self._two_moods(draw, coin, published_ms)
        else:
            row = self._of_one(draw, coin, published_ms, kind)
        if draw.random() >= 0.15:
            return Article(published_ms, row)
        copies = tuple(_copy(draw, row, published_ms) for _ in range(draw.randint(1, 2)))
        return Article(published_ms, row, copies)

    def _coin(self, draw: random.Random) -> SimCoin:
        """Large coins are written about more often."""
        return self._coins[min(int(draw.expovariate(1 / 5)), len(self._coins) - 1)]

    def _of_one(self, draw: random.Random, coin: SimCoin, published_ms: int, kind: float) -> dict[str, Any]:
        title, mood = draw.choice(draw.choice((_GOOD, _BAD, _GOOD, _BAD, _FLAT)))
        title = title.format(name=coin.name)
        score: float | None = round(mood + draw.uniform(-0.1, 0.1), 4) if mood else 0.0
        if kind < 0.32:
            score = None
        text = f"<em>{coin.name}</em> [+{draw.randrange(60, 400)} characters]"
        if kind > 0.93:
            text = f"{draw.choice(HOSTILE)} {text}"
        entities = [_entity(draw, coin, score, text, title)]
        if 0.32 <= kind < 0.37:
            entities.append(_share(draw, coin))
        return _row(draw, title, published_ms, entities)

    def _two_moods(self, draw: random.Random, coin: SimCoin, published_ms: int) -> dict[str, Any]:
        others = [other for other in self._coins if other is not coin]
        other = draw.choice(others[:8])
        title = f"{coin.name} outshines {other.name} as crypto traders rotate"
        entities = [
            _entity(draw, coin, round(draw.uniform(0.3, 0.8), 4), f"<em>{coin.name}</em> leads", title),
            _entity(draw, other, round(-draw.uniform(0.3, 0.8), 4), f"<em>{other.name}</em> lags", title),
        ]
        return _row(draw, title, published_ms, entities)


def _row(
    draw: random.Random, title: str, published_ms: int, entities: list[dict[str, Any]]
) -> dict[str, Any]:
    identity = UUID(int=draw.getrandbits(128), version=4)
    domain = draw.choice(DOMAINS)
    slug = "-".join(word.strip(",.").lower() for word in title.split())
    return {
        "uuid": str(identity),
        "title": title,
        "description": f"{title}. What it means for the simulated crypto market.",
        "keywords": "crypto, simulated",
        "snippet": f"{title}. This article is part of a simulation and tells of no real event...",
        "url": f"https://{domain}/{slug}-{str(identity)[:8]}",
        "image_url": f"https://images.{domain}/{str(identity)[:8]}.png",
        "language": "en",
        "published_at": stamp(published_ms),
        "source": domain,
        "relevance_score": None,
        "entities": entities,
    }


def _copy(draw: random.Random, row: dict[str, Any], published_ms: int) -> dict[str, Any]:
    """The same news as another publisher told it a little earlier."""
    other = _row(draw, row["title"], published_ms - draw.randrange(SLOT_MS), row["entities"])
    return other | {"title": f"{row['title']} - report", "similar": []}


def _named(coin: SimCoin, symbol: str) -> dict[str, Any]:
    return {
        "symbol": symbol,
        "name": coin.name,
        "exchange": None,
        "exchange_long": None,
        "country": "global",
        "type": "cryptocurrency",
        "industry": "N/A",
    }


def _entity(draw: random.Random, coin: SimCoin, score: float | None, text: str, title: str) -> dict[str, Any]:
    ticker = coin.symbol.upper()
    symbol = draw.choice((f"CC:{ticker}", ticker, f"{ticker}USD"))
    return _named(coin, symbol) | {
        "match_score": round(draw.uniform(5, 45), 6),
        "sentiment_score": score,
        "highlights": [
            {
                "highlight": title.replace(coin.name, f"<em>{coin.name}</em>"),
                "sentiment": score,
                "highlighted_in": "title",
            },
            {"highlight": text, "sentiment": score, "highlighted_in": "main_text"},
        ],
    }


def _share(draw: random.Random, coin: SimCoin) -> dict[str, Any]:
    """A share whose ticker is that of a coin: real ones are SUI, LINK and SOL."""
    return {
        "symbol": coin.symbol.upper(),
        "name": f"{coin.name} Communities Inc.",
        "exchange": "NYSE",
        "exchange_long": "New York Stock Exchange",
        "country": "us",
        "type": "equity",
        "industry": "Real Estate",
        "match_score": round(draw.uniform(50, 90), 6),
        "sentiment_score": -0.9,
        "highlights": [],
    }


def stamp(at_ms: int) -> str:
    """Marketaux's form of a moment."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z")
