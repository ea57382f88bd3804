"""The mood of an article: from the source where it gives one, estimated by a word list where not. Pure."""

import math
import re
from collections.abc import Iterable
from enum import StrEnum
from functools import cache
from typing import Final

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

BOUND: Final = 0.05
"""From here on a mood is one: the bound that the authors of VADER use for its compound score."""


class Basis(StrEnum):
    """Who says so."""

    MARKETAUX = "marketaux"
    WORD_LIST = "word_list"
    NONE = "none"


class Mood(StrEnum):
    """``unknown`` is not ``neutral``: nobody has said anything, and no word tells."""

    POSITIVE = "positive"
    NEUTRAL = "neutral"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"


CRYPTO_WORDS: Final = {
    "rally": 2.2, "rallies": 2.2, "surge": 2.2, "surges": 2.2, "soars": 2.5, "jumps": 1.8, "gains": 1.6,
    "bullish": 2.4, "breakout": 1.6, "inflows": 1.6, "adoption": 1.5, "upgrade": 1.2, "approval": 1.8,
    "approves": 1.8, "halving": 0.8, "outshines": 1.6, "rebounds": 1.6, "all_time_high": 2.6,
    "record_high": 2.4, "short_squeeze": 1.0,
    "plunge": -2.5, "plunges": -2.5, "slumps": -2.2, "tumbles": -2.2, "slips": -1.2, "dump": -2.0,
    "bearish": -2.4, "outflows": -1.6, "liquidated": -2.2, "liquidation": -2.0, "exploit": -2.6,
    "exploited": -2.8, "hack": -2.8, "hacked": -3.0, "drains": -2.2, "delisting": -2.0, "delisted": -2.0,
    "depeg": -2.6, "depegs": -2.6, "insolvent": -3.0, "rugpull": -3.2, "rug_pull": -3.2,
    "death_cross": -1.6, "sell_off": -2.0, "ponzi": -3.0, "subpoena": -1.8, "investigation": -1.4,
    "take_profit": -0.8, "take_profits": -0.8, "profit_taking": -0.8,
}  # fmt: skip
"""Words of the market in VADER's measure (−4..4). Phrases are joined by an underscore."""
_NEUTRAL_HERE: Final = ("token", "share", "shares", "interest", "trust", "security", "securities", "gas")
"""Words that VADER takes for moods and that are names of things here."""
_PHRASES: Final = re.compile(
    "|".join(word.replace("_", r"[\s-]+") for word in CRYPTO_WORDS if "_" in word), re.IGNORECASE
)


def mood_of(score: float | None) -> Mood:
    if score is None:
        return Mood.UNKNOWN
    if score >= BOUND:
        return Mood.POSITIVE
    return Mood.NEGATIVE if score <= -BOUND else Mood.NEUTRAL


def weighted(scores: Iterable[tuple[float, float | None]]) -> float | None:
    """The mean of (match score, sentiment), weighted by the match; those without a sentiment have no say.

    Returns:
        None if nobody has: that is not neutral.
    """
    known = [(max(match, 0.0), score) for match, score in scores if score is not None]
    if not known:
        return None
    total = math.fsum(match for match, _ in known)
    if total <= 0:
        return math.fsum(score for _, score in known) / len(known)
    return math.fsum(match * score for match, score in known) / total


def estimated(text: str, language: str) -> float | None:
    """VADER's compound score with the words of the crypto market (Hutto and Gilbert, 2014), −1..1.

    Returns:
        None where no word of the list stands in the text, or it is not English.
    """
    if language.lower() not in ("en", ""):
        return None
    joined = _PHRASES.sub(lambda found: re.sub(r"[\s-]+", "_", found.group().lower()), text)
    scores = _analyser().polarity_scores(joined)
    if scores["pos"] == 0 and scores["neg"] == 0:
        return None
    return float(scores["compound"])


@cache
def _analyser() -> SentimentIntensityAnalyzer:
    analyser = SentimentIntensityAnalyzer()
    for word in _NEUTRAL_HERE:
        analyser.lexicon.pop(word, None)
    analyser.lexicon.update(CRYPTO_WORDS)
    return analyser
