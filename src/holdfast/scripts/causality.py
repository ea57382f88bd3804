"""Does a script look ahead? Run it over parts of its bars and compare: what it says about a bar may depend on
that bar and earlier ones only. Sampling finds cheats; it proves nothing. Pure.

Who checks makes a ``plan`` with a seed the script cannot know, runs each of it, and shows the outputs to an
``Examiner``, the run over all bars first. Three questions: is a second run the same (else "random"), does the
beginning of the bars alone give the same values (else "future"), and do the values forget where the bars
began (else "start": sums over all of history; honest, but another history gives other values).
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np

from holdfast.core.bars import FloatBars, Ints
from holdfast.core.time import utc_minute
from holdfast.scripts.language.output import Flags, Floats, Output

State = Literal["clean", "suspect", "unchecked"]

PARTS: Final = 8
"""Beginnings of the bars that are run alone, besides the one that leaves out the last bar."""
FEWEST: Final = 50
"""Fewer bars show nothing."""
WARMUP: Final = 1000
"""After so many bars a value must have forgotten where the bars began."""
TOLERANCE: Final = 1e-9
FORGOTTEN: Final = 1e-6
"""What the beginning of the bars may still change after the warm-up, as a share."""
_NEAR: Final = 100
_MOST_FINDINGS: Final = 12


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a check: over the bars from position ``since`` up to before ``until``."""

    kind: Literal["whole", "again", "part", "late"]
    since: int
    until: int

    def of(self, bars: FloatBars) -> FloatBars:
        which = slice(self.since, self.until)
        return FloatBars(
            bars.time[which],
            bars.open[which],
            bars.high[which],
            bars.low[which],
            bars.close[which],
            bars.volume[which],
        )


@dataclass(frozen=True, slots=True)
class Mismatch:
    """``output`` has another value at position ``bar`` of the whole, the first of ``count``."""

    output: str
    bar: int
    count: int
    whole: float
    part: float
    only_once: bool = False
    """It is in one of the two outputs only."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found, in words. ``time``: UTC seconds of the first bar concerned."""

    kind: Literal["future", "random", "start"]
    output: str
    time: int | None
    text: str


@dataclass(frozen=True, slots=True)
class Report:
    """``state``: "suspect" if values know the future or change by themselves, "unchecked" if not every run
    gave values. ``warmup``: bars after which the values had forgotten where the bars began; ``None`` if they
    never did, or it was not tried."""

    state: State
    findings: list[Finding]
    complete: bool
    runs: int
    bars: int
    warmup: int | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def cuts(bars: int, seed: int, parts: int = PARTS) -> list[int]:
    """How many bars each part has: all but one first, which finds most, then random numbers between a fifth
    and all but two, the shortest first."""
    random = np.random.default_rng(seed)
    chosen = random.choice(np.arange(max(2, bars // 5), bars - 1), min(parts, bars // 2), replace=False)
    return [bars - 1, *sorted(int(one) for one in chosen)]


def plan(bars: int, seed: int, parts: int = PARTS) -> list[Run]:
    """The runs of a check, the one over all bars first; none for too few bars."""
    if bars < FEWEST:
        return []
    random = np.random.default_rng([seed, 1])
    late = int(random.integers(1, max(2, bars // 4)))
    return [
        Run("whole", 0, bars),
        Run("again", 0, bars),
        *(Run("part", 0, cut) for cut in cuts(bars, seed, parts)),
        Run("late", late, bars),
    ]


def compare(whole: Output, part: Output, cut: int) -> list[Mismatch]:
    """What the first ``cut`` bars alone say otherwise. An output that only one of them has counts as well."""
    return list(_mismatches(whole, part, 0, cut))


def compare_late(whole: Output, late: Output, start: int, warmup: int = WARMUP) -> list[Mismatch]:
    """What the bars from ``start`` on alone say otherwise, after ``warmup`` of them."""
    return list(_mismatches(whole, late, start, None, warmup))


class Examiner:
    """Compares each run with the one over all bars as it comes, so that no two outputs are kept."""

    def __init__(self, time: Ints) -> None:
        self._time = time
        self._whole: Output | None = None
        self._random: dict[str, Mismatch] = {}
        self._future: dict[str, list[tuple[int, Mismatch]]] = {}
        self._start: dict[str, Mismatch] = {}
        self._failed: list[str] = []
        self._warmup: int | None = None
        self._runs = 0

    def see(self, run: Run, output: Output) -> None:
        """Take the output of one run, the whole's first."""
        self._runs += 1
        if run.kind == "whole":
            self._whole = output
        elif self._whole is None or self._whole.error is not None:
            return
        elif output.error is not None:
            self._failed.append(output.error.message)
        elif run.kind == "again":
            self._random = {one.output: one for one in compare(self._whole, output, run.until)}
        elif run.kind == "part":
            for one in compare(self._whole, output, run.until):
                self._future.setdefault(one.output, []).append((run.until, one))
        else:
            self._see_late(run, self._whole, output)

    def _see_late(self, run: Run, whole: Output, output: Output) -> None:
        found = list(_mismatches(whole, output, run.since, None))
        latest = max((one.bar + one.count for one in found), default=run.since)
        self._warmup = latest - run.since if latest < len(self._time) else None
        if len(self._time) - run.since > WARMUP:
            self._start = {one.output: one for one in compare_late(whole, output, run.since)}

    def report(self) -> Report:
        """What was found in all of the runs so far."""
        findings = list(self._findings())
        seen = self._whole is not None and self._whole.error is None and self._runs > 1
        complete = seen and not self._failed
        if any(one.kind != "start" for one in findings):
            state: State = "suspect"
        else:
            state = "clean" if complete else "unchecked"
        return Report(state, findings[:_MOST_FINDINGS], complete, self._runs, len(self._time), self._warmup)

    def _findings(self) -> Iterator[Finding]:
        for name, one in self._random.items():
            yield self._finding(
                "random", one, f"The {name} is different each time the script runs. Leave out what is random."
            )
        for name, found in self._future.items():
            if name not in self._random:
                yield self._looks_ahead(name, found)
        for name, one in self._start.items():
            if name not in self._random and name not in self._future:
                yield self._finding("start", one, self._remembers(name, one))
        if self._failed:
            yield Finding(
                "start", "", None, f"The script fails when it is given fewer bars: {self._failed[0]}"
            )

    def _remembers(self, name: str, one: Mismatch) -> str:
        return (
            f"The {name} depends on where the bars begin, even {WARMUP:,} bars later: {_short(one.part)} "
            f"instead of {_short(one.whole)} at the bar of {self._when(one.bar)}. Use windows of fixed "
            "length instead of everything so far, or shorter averages."
        )

    def _looks_ahead(self, name: str, found: list[tuple[int, Mismatch]]) -> Finding:
        cut, one = max(found, key=lambda each: each[0])
        reaches = {cut - one.bar for cut, one in found if cut < len(self._time) - 1}
        if one.only_once:
            return self._finding(
                "future",
                one,
                f"The {name} is not there each time.",
            )
        if len(reaches) == 1 and (reach := reaches.pop()) <= _NEAR:
            how = f"It looks {reach} {'bar' if reach == 1 else 'bars'} ahead."
        else:
            how = "It uses bars that come later, for example a mean or a maximum over all of them."
        text = (
            f"The {name} changes when later bars are there: {_short(one.part)} at the bar of "
            f"{self._when(one.bar)} while the bars end {self._when(cut - 1)}, {_short(one.whole)} with all "
            f"bars. {how}"
        )
        return self._finding("future", one, text)

    def _finding(self, kind: Literal["future", "random", "start"], one: Mismatch, text: str) -> Finding:
        return Finding(kind, one.output, int(self._time[one.bar]), text)

    def _when(self, bar: int) -> str:
        return utc_minute(int(self._time[bar]))


def _mismatches(
    whole: Output, part: Output, start: int, cut: int | None, skip: int = 0
) -> Iterator[Mismatch]:
    """``part`` begins at ``start`` and ends before ``cut``, or with the whole; its first ``skip`` values do
    not count."""
    until = start + _bars(part, whole) if cut is None else cut
    wholes, parts = dict(_columns(whole, until)), dict(_columns(part, until - start))
    for name in wholes | parts:
        if name not in wholes or name not in parts:
            yield Mismatch(name, start, max(until - start, 1), np.nan, np.nan, only_once=True)
            continue
        expected, found = wholes[name][start:until], parts[name]
        share, drawn = TOLERANCE if cut is not None else FORGOTTEN, name.startswith("plot")
        wrong = skip + np.flatnonzero(_differ(expected[skip:], found[skip:], share, drawn=drawn))
        if len(wrong):
            first, last = int(wrong[0]), int(wrong[-1])
            count = last - first + 1
            yield Mismatch(name, start + first, count, float(expected[first]), float(found[first]))


def _differ(one: Floats, other: Floats, share: float, *, drawn: bool) -> Flags:
    """What is ``drawn`` is measured by the size of all its values, because small differences of large ones
    are not exact. What is traded is not: one large weight could hide all the others."""
    known = np.abs(one[~np.isnan(one)])
    size = float(known.max()) if drawn and len(known) else 1.0
    return ~np.isclose(one, other, rtol=share, atol=share * size, equal_nan=True)


def _bars(part: Output, whole: Output) -> int:
    """How many bars there are values for."""
    lengths = [len(values) for output in (part, whole) for _, values in _columns(output, 0) if len(values)]
    return lengths[0] if lengths else 1


def _columns(output: Output, bars: int) -> Iterator[tuple[str, Floats]]:
    """Everything with a value per bar, by a name for people; a level is one on each of ``bars`` bars."""
    seen: Counter[str] = Counter()
    for name, values in _named(output, bars):
        seen[name] += 1
        yield (name if seen[name] == 1 else f"{name} ({seen[name]})"), values


def _named(output: Output, bars: int) -> Iterator[tuple[str, Floats]]:
    if output.target is not None:
        yield "target", output.target
    if output.signals is not None:
        yield "signal", output.signals
    for plot in output.plots:
        yield f"plot {plot.label!r}", plot.values
    for marker in output.markers:
        yield f"marker {marker.label!r}", marker.on.astype(np.float64)
    for number, alert in enumerate(output.alerts, start=1):
        yield f"alert {number}", alert.on.astype(np.float64)
    for number, line in enumerate(output.lines, start=1):
        yield f"level {line.label or number!r}", np.full(bars, line.value)


def _short(value: float) -> str:
    return "no value" if np.isnan(value) else f"{value:.6g}"
