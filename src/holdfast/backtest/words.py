"""What a back-test says of its own limits, for people. Pure."""

from typing import Any, Final

from holdfast.backtest.reading import Gaps
from holdfast.core.bars import Bars
from holdfast.core.time import utc_minute
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.causality import Report

_FINDINGS: Final = {
    "future": (
        "look-ahead",
        "The script looks into the future. This result is not one it could have had.",
    ),
    "random": ("repaint", "The script gives other values each time. This result is one of many."),
    "start": ("warm-up", "The script's values depend on where the bars begin."),
}


FILL: Final = "Have the history filled (open its chart and go back to that time), then run it again."


def caution(kind: str, message: str, detail: str = "") -> dict[str, Any]:
    return {"kind": kind, "message": message, "detail": detail}


def of_bars(bars: Bars, timeframe: Timeframe, span: tuple[int, int], gaps: Gaps, venue: bool) -> list[Any]:
    """What is missing of the span that was asked for."""
    found = []
    start, until = span
    first, last = int(bars.time[0]), int(bars.time[-1])
    if first > start + timeframe.longest:
        advice = FILL if venue else ""
        found.append(caution("gaps", f"There are bars only from {utc_minute(first)} UTC on.", advice))
    if last + 2 * timeframe.longest < until:
        found.append(caution("gaps", f"There are no bars after {utc_minute(last)} UTC."))
    if gaps.missing:
        holes = f"{gaps.count:,} holes" if gaps.count > 1 else "one hole"
        found.append(
            caution(
                "gaps",
                f"{gaps.missing:,} bars are missing, in {holes}.",
                f"The longest misses {gaps.longest:,}. An order in a hole is filled at the first "
                "bar after it. A market that closes at night looks like this, too.",
            )
        )
    return found


def of_warm_up(seen: int, wanted: int) -> dict[str, Any]:
    """The script saw less before the span than it would have, because the rest is not here."""
    return caution(
        "warm-up",
        f"The script saw {seen:,} {'bar' if seen == 1 else 'bars'} before the first that is traded, "
        f"not {wanted:,}.",
        f"No more was fetched for it. {FILL}",
    )


def of_check(report: Report, made: int, planned: int) -> list[Any]:
    """What the check for looking ahead found, the worst first."""
    if not planned:
        return [
            caution(
                "other",
                "Too few bars to check whether the script looks ahead: the result may be too good.",
                "Run it over a longer time or on shorter bars.",
            )
        ]
    told = [
        caution(kind, message, " ".join(texts))
        for finding, (kind, message) in _FINDINGS.items()
        if (texts := [one.text for one in report.findings if one.kind == finding])
    ]
    if made < planned:
        told.append(
            caution(
                "other",
                f"The check for looking ahead took long: {made} of {planned} runs were made.",
                "A shorter time or longer bars are checked wholly.",
            )
        )
    elif not report.complete:
        told.append(
            caution(
                "other",
                "It was not checked wholly whether the script looks ahead: the result may be too good.",
                "The script fails over a part of these bars. Let it run over any number of them.",
            )
        )
    return told


def ruined() -> dict[str, Any]:
    return caution(
        "other",
        "A short lost everything, and nothing was traded afterwards.",
        "It was closed at the next open. A real exchange would have closed it earlier.",
    )


def unlisted(more: int, most: int) -> dict[str, Any]:
    return caution("other", f"The first {most:,} trades are listed.", f"{more:,} more count in the figures.")


def unused(signals: int) -> dict[str, Any]:
    told = f"{signals:,} signals trade" if signals > 1 else "One signal trades"
    return caution("other", f"{told} nothing.", "They say info, or are before the first bar.")


def untraded() -> dict[str, Any]:
    return caution(
        "other",
        "Nothing was traded.",
        "No weight was asked for, or every order was below the smallest the market takes.",
    )
