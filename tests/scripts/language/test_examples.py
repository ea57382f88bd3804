"""Scripts that look ahead are found, honest ones are not, and the examples are honest."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.scripts.bars import ordinary_bars, strange_bars
from tests.scripts.language.helpers import good

from holdfast.core.bars import Bars, FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts import causality
from holdfast.scripts.causality import Report, Run
from holdfast.scripts.language.output import Fault, Output
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.language.warm import examples

BARS = ordinary_bars(3_000, 1, step=3_600).as_floats()
EXAMPLES = pytest.mark.parametrize("name", examples())


def checked(source: str, seed: int = 7, bars: FloatBars = BARS) -> Report:
    task = Task(source, "test:X", "X", Timeframe.H1)
    examiner = causality.Examiner(bars.time)
    for run in causality.plan(len(bars.time), seed):
        examiner.see(run, execute(task, run.of(bars)))
    return examiner.report()


def test_there_are_examples() -> None:
    assert len(examples()) >= 6


@EXAMPLES
def test_an_example_says_something(name: str) -> None:
    source = examples()[name]
    output = good(source, BARS, timeframe=Timeframe.H1)
    assert output.title != "Untitled script"
    assert output.inputs
    assert output.plots
    assert source.startswith('"""')
    weights = output.target if output.target is not None else output.signals
    assert weights is not None
    assert len(np.unique(weights[~np.isnan(weights)])) > 1
    assert not output.logs
    assert any(marker.on.any() for marker in output.markers) or name == "macd"


@EXAMPLES
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_example_passes_the_check(name: str, seed: int) -> None:
    bars = ordinary_bars(3_000, seed, step=3_600).as_floats()
    report = checked(examples()[name], seed, bars)
    assert (report.state, report.findings, report.complete) == ("clean", [], True)
    assert report.runs == 12
    assert report.warmup is not None


@EXAMPLES
@settings(max_examples=10, deadline=None)
@given(data=st.data())
def test_what_comes_later_changes_nothing_in_an_example(name: str, data: st.DataObject) -> None:
    bars, other = data.draw(strange_bars()), data.draw(strange_bars())
    cut = data.draw(st.integers(1, len(bars)))
    seen = bars.take(slice(cut))
    changed = Bars.concat([seen, other.take(other.time > seen.time[-1])])
    chosen = {"longer_bars": "1h"} if name == "daily_trend" else {}
    whole, part, different = (
        good(examples()[name], one.as_floats(), inputs=chosen) for one in (bars, seen, changed)
    )
    assert causality.compare(whole, part, cut) == []
    assert causality.compare(different, part, cut) == []


CHEATS = {
    "a shift into the future": (
        "target(np.append(np.sign(np.diff(bars.close)), 0))",
        "future",
        "1 bar ahead",
    ),
    "five bars ahead": ("plot(np.append(bars.close[5:], [np.nan] * 5))", "future", "5 bars ahead"),
    "a score of the whole history": (
        "z = (bars.close - bars.close.mean()) / bars.close.std()\ntarget(-np.clip(z, -1, 1))",
        "future",
        "a mean or a maximum over all",
    ),
    "a level of the whole history": ("hline(bars.close.mean(), 'mean')", "future", "level 'mean'"),
    "noise": ("signal(np.random.default_rng().normal(size=len(bars)))", "random", "each time"),
    "noise of the machine": (
        "plot(np.random.SeedSequence().entropy % 1000 + bars.close)",
        "random",
        "each time",
    ),
    "only with long histories": (
        "ahead = np.append(np.sign(np.diff(bars.close)), 0)\n"
        "target(ahead if len(bars) > 2_000 else ta.rising(bars.close))",
        "future",
        "target",
    ),
    "smoothed from both sides": (
        "plot(np.convolve(bars.close, np.ones(9) / 9, mode='same'))",
        "future",
        "4 bars ahead",
    ),
    "a large weight that hides small ones": (
        "w = np.append(np.sign(np.diff(bars.close)), 0) * 0.5\nw[0] = 1e12\ntarget(w)",
        "future",
        "target",
    ),
    "a marker painted back": (
        "top = np.append(bars.high[1:], 0) < bars.high\nmarker(top, 'top')",
        "future",
        "marker 'top'",
    ),
    "an alert in time": ("alert(np.append(np.diff(bars.close), 0) > 0, 'buy')", "future", "alert 1"),
    "a plot that is there at the end only": (
        "if len(bars) == 3_000: plot(1, 'late')",
        "future",
        "plot 'late'",
    ),
}


@pytest.mark.parametrize("name", CHEATS)
@pytest.mark.parametrize("seed", [1, 2**62])
def test_a_cheat_is_found(name: str, seed: int) -> None:
    source, kind, words = CHEATS[name]
    report = checked(source, seed)
    assert report.state == "suspect"
    assert {one.kind for one in report.findings} == {kind}
    assert any(words in one.text for one in report.findings), report.findings
    assert all(one.time in BARS.time for one in report.findings)


HONEST = {
    "nothing": "",
    "an average": "plot(ta.ema(bars.close, 30))",
    "random numbers of a seed": "plot(bars.close)\nnp.random.rand()",
    "a schedule": "w = np.full(len(bars), np.nan)\nw[bars.index % 24 == 0] = 0.5\ntarget(w)",
    "longer bars": "plot(bars.at('4h', lambda b: ta.rsi(b.close)))\nplot(bars.at('1d').volume)",
    "words with a price": "alert(bars.close > 0, f'now {bars.close[-1]}')",
    "a loop": "w, out = 0.0, []\nfor c, o in zip(bars.close, bars.open):\n    w = 0.9 * w + (c > o)\n"
    "    out.append(w / 10)\ntarget(out)",
}


@pytest.mark.parametrize("name", HONEST)
def test_an_honest_script_is_clean(name: str) -> None:
    report = checked(HONEST[name])
    assert (report.state, report.findings) == ("clean", [])


@pytest.mark.parametrize(
    "source", ["plot(ta.obv(bars))", "plot(np.cumsum(bars.volume))", "target(np.arange(len(bars)) % 2)"]
)
def test_what_remembers_where_the_bars_began_is_told_but_is_no_cheat(source: str) -> None:
    seeds = [seed for seed in range(20) if causality.plan(3_000, seed)[-1].since % 2]
    report = checked(source, seeds[0])
    assert report.state == "clean"
    assert [one.kind for one in report.findings] == ["start"]
    assert "where the bars begin" in report.findings[0].text
    assert report.warmup is None


def test_a_script_that_fails_on_fewer_bars_was_not_checked() -> None:
    report = checked("plot(bars.close[2_900])")
    assert (report.state, report.complete) == ("unchecked", False)
    assert "fails when it is given fewer bars: IndexError" in report.findings[0].text


def test_a_script_that_fails_was_not_checked() -> None:
    report = checked("plot(x)")
    assert (report.state, report.findings, report.complete) == ("unchecked", [], False)
    examiner = causality.Examiner(BARS.time)
    assert examiner.report().state == "unchecked"
    examiner.see(Run("whole", 0, 3_000), Output("x"))
    assert examiner.report().state == "unchecked"
    examiner.see(Run("again", 0, 3_000), Output("x", error=Fault("limit", "too long")))
    assert examiner.report().state == "unchecked"


def test_a_report_can_be_kept() -> None:
    kept = checked(CHEATS["noise"][0]).as_json()
    assert kept["state"] == "suspect"
    assert kept["findings"][0].keys() == {"kind", "output", "time", "text"}
    assert kept["findings"][0]["output"] == "signal"


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 5_000), st.integers(0, 2**63 - 1))
def test_a_plan_fits_its_bars(bars: int, seed: int) -> None:
    runs = causality.plan(bars, seed)
    if bars < causality.FEWEST:
        assert runs == []
        return
    assert [run.kind for run in runs[:2]] == ["whole", "again"]
    assert all(0 <= run.since < run.until <= bars for run in runs)
    parts = [run.until for run in runs if run.kind == "part"]
    assert len(parts) == causality.PARTS + 1
    assert runs[2].until == bars - 1
    assert parts[1:] == sorted({*parts} - {bars - 1})
    assert runs[-1].since > 0


def test_another_seed_is_another_plan() -> None:
    assert causality.plan(3_000, 1) == causality.plan(3_000, 1)
    parts, others = (
        {run.until for run in causality.plan(3_000, seed) if run.kind == "part"} for seed in (1, 2)
    )
    assert len(parts & others) < 4
    assert causality.plan(3_000, 1)[-1] != causality.plan(3_000, 2)[-1]
