"""What is missing, and why. Spans are (from, until) in UTC seconds, half open. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np

from holdfast.core.bars import Ints

Span = tuple[int, int]


class Reason(StrEnum):
    """``exchange_down``: the venue has no bar although it makes one every minute. ``no_trades``: it makes
    none while nobody trades. ``not_traded``: it ends with the trading, halted or taken off the list.
    ``not_listed``: nobody could trade it yet. ``not_fetched``: nobody has asked."""

    EXCHANGE_DOWN = "exchange_down"
    NOT_TRADED = "not_traded"
    NOT_LISTED = "not_listed"
    NOT_FETCHED = "not_fetched"
    NO_TRADES = "no_trades"


@dataclass(frozen=True, slots=True)
class Gap:
    """No bar opens in [``start``, ``until``)."""

    start: int
    until: int
    reason: Reason


EVERY_MINUTE: Final = frozenset({"binance", "bybit"})
"""Venues that make a bar of every minute, with the last price and no volume when nobody trades."""


def reason_for(source: str) -> Reason:
    """Why a bar can be missing that the source has been asked for."""
    return Reason.EXCHANGE_DOWN if source in EVERY_MINUTE else Reason.NO_TRADES


def runs(times: Ints, step: int) -> list[Span]:
    """The spans that bars of ``step`` seconds at ``times`` cover without a hole."""
    if not len(times):
        return []
    breaks = np.flatnonzero(np.diff(times) != step)
    heads = np.concatenate((times[:1], times[breaks + 1])).tolist()
    tails = (np.concatenate((times[breaks], times[-1:])) + step).tolist()
    return list(zip(heads, tails, strict=True))


def union(spans: Iterable[Span]) -> list[Span]:
    """The same seconds in the fewest spans, in order."""
    joined: list[Span] = []
    for start, until in sorted(span for span in spans if span[0] < span[1]):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(until, joined[-1][1])
        else:
            joined.append((start, until))
    return joined


def outside(spans: Iterable[Span], start: int, until: int) -> list[Span]:
    """What of [start, until) no span covers."""
    left, holes = start, []
    for begin, end in union(spans):
        if begin >= until:
            break
        if begin > left:
            holes.append((left, begin))
        left = max(left, end)
    if left < until:
        holes.append((left, until))
    return holes


def named(holes: Sequence[Span], known: Sequence[Gap]) -> list[Gap]:
    """The holes, cut where their reasons change; without a known reason nobody has asked."""
    found: list[Gap] = []
    for start, until in holes:
        pieces = [
            Gap(max(start, gap.start), min(until, gap.until), gap.reason)
            for gap in known
            if gap.start < until and gap.until > start
        ]
        bare = outside([(piece.start, piece.until) for piece in pieces], start, until)
        pieces += [Gap(begin, end, Reason.NOT_FETCHED) for begin, end in bare]
        found += sorted(pieces, key=lambda piece: piece.start)
    return found
