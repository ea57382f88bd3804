"""Figures of closed trades, pure. Sums are exact; ratios are statistics and therefore floats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, localcontext
from typing import Final

from holdfast.journal.schemas import (
    CurvePoint,
    FiguresView,
    GroupBy,
    GroupView,
    StatisticsView,
)
from holdfast.portfolio.ledger import EXACT

MOST_POINTS: Final = 2000
WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CENT: Final = Decimal("1e-8")
_ZERO: Final = Decimal(0)
_NAMELESS: Final = {
    "tag": "No tag",
    "symbol": "No symbol",
    "setup": "No setup",
    "mood": "No mood",
    "weekday": "No time",
    "hour": "No time",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is counted of a trade. ``pnl`` is None while it is open, or a price is missing."""

    by_hand: bool
    series: str
    name: str
    direction: str
    entry_at: datetime | None
    exit_at: datetime | None
    pnl: Decimal | None

    @property
    def is_over(self) -> bool:
        return self.exit_at is not None and self.pnl is not None

    @property
    def seconds(self) -> float | None:
        return (self.exit_at - self.entry_at).total_seconds() if self.exit_at and self.entry_at else None


@dataclass(frozen=True, slots=True)
class Told:
    """A trade as one entry tells of it. ``identity`` is the same for every entry that tells of it."""

    identity: object
    trade: Outcome
    setup: str
    mood: str
    tags: tuple[str, ...]


def statistics(told: Sequence[Told], by: GroupBy) -> StatisticsView:
    """Everything of these trades, and the same by what ``by`` names. A trade with two tags counts in both. A
    group is found whatever its letters' case, as the filters find it, and is called as it was last."""
    over = [one for one in told if one.trade.is_over]
    once = _distinct(over)
    still_open = {one.identity for one in told if not one.trade.is_over}
    groups: dict[str, list[Told]] = {}
    names: dict[str, tuple[str, str]] = {}
    for one in over:
        for key, label in _keys(one, by):
            groups.setdefault(key.lower(), []).append(one)
            names[key.lower()] = key, label
    views = [
        GroupView(key=key, label=label, **figures([one.trade for one in _distinct(members)]).model_dump())
        for (key, label), members in zip(names.values(), groups.values(), strict=True)
    ]
    return StatisticsView(
        by=by,
        overall=figures([one.trade for one in once]),
        groups=_in_order(views, by),
        curve=curve([one.trade for one in once]),
        open=len(still_open),
        by_hand=sum(one.trade.by_hand for one in once),
    )


def figures(trades: Sequence[Outcome]) -> FiguresView:
    """``trades`` are over."""
    with localcontext(EXACT):
        results = [trade.pnl for trade in trades if trade.pnl is not None]
        wins = [result for result in results if result > 0]
        losses = [result for result in results if result < 0]
        total, won, lost = sum(results, _ZERO), sum(wins, _ZERO), sum(losses, _ZERO)
        average, average_loss = _mean(total, len(results)), _mean(lost, len(losses))
        held = [trade.seconds for trade in trades if trade.seconds is not None]
        return FiguresView(
            trades=len(results),
            won=len(wins),
            lost=len(losses),
            win_rate=len(wins) / len(results) if results else None,
            total=total,
            average=average,
            average_win=_mean(won, len(wins)),
            average_loss=average_loss,
            profit_factor=float(won / -lost) if losses else None,
            expectancy=float((total / len(results)) / (-lost / len(losses))) if losses else None,
            largest_loss=min(losses, default=None),
            holding_seconds=sum(held) / len(held) if held else None,
        )


def curve(trades: Iterable[Outcome]) -> list[CurvePoint]:
    """The running total, in the order the trades ended. The total is of all of them, also of those that are
    too old to be shown."""
    ended = sorted(
        ((trade.exit_at, trade.pnl) for trade in trades if trade.exit_at and trade.pnl is not None),
        key=lambda one: one[0],
    )
    points, total = [], _ZERO
    with localcontext(EXACT):
        for at, pnl in ended:
            total += pnl
            points.append(CurvePoint(at=at, pnl=pnl, total=total))
    return points[-MOST_POINTS:]


def _distinct(told: Iterable[Told]) -> list[Told]:
    return list({one.identity: one for one in told}.values())


def _mean(total: Decimal, count: int) -> Decimal | None:
    return (total / count).quantize(_CENT) if count else None


def _keys(one: Told, by: GroupBy) -> list[tuple[str, str]]:
    """Key and label of every group this belongs to."""
    trade = one.trade
    match by:
        case "tag":
            return [(tag, tag) for tag in one.tags] or [("", _NAMELESS[by])]
        case "symbol":
            return [(trade.series, trade.name)] if trade.series else [("", _NAMELESS[by])]
        case "setup" | "mood":
            name = one.setup if by == "setup" else one.mood
            return [(name, name or _NAMELESS[by])]
        case "direction":
            return [(trade.direction, trade.direction.capitalize())]
    if trade.entry_at is None:
        return [("", _NAMELESS[by])]
    if by == "weekday":
        day = trade.entry_at.weekday()
        return [(str(day), WEEKDAYS[day])]
    hour = trade.entry_at.hour
    return [(f"{hour:02}", f"{hour:02}:00")]


def _in_order(views: Iterable[GroupView], by: GroupBy) -> list[GroupView]:
    """Days and hours as they follow one another, the rest by how much there is of it."""
    if by in ("weekday", "hour"):
        return sorted(views, key=lambda view: view.key)
    return sorted(views, key=lambda view: (-view.trades, view.label))
