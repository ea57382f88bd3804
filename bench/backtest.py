"""How long a back-test of 1,000,000 bars takes: a cross of two averages, with fees.

Run: ``python bench/backtest.py``. Times are of CPU, the least of a few runs; ratios are what counts. Beside
ours stands a plain loop over the bars in floats, as one writes it by hand, and vectorbt where it is there.
"""

import resource
import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import numpy as np

from holdfast.backtest.engine import Book, Fill, Terms, run, step
from holdfast.backtest.outcome import outcome
from holdfast.core.bars import Bars, Floats
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language.run import Task, execute

BARS: Final = 1_000_000
FAST, SLOW = 20, 100
FEE: Final = 0.0005
RUNS: Final = 5
ORDER_BAR: Final = 5.0
FRESH_BAR: Final = 1.0

SCRIPT: Final = f"""\
script("Cross")
quick, slow = ta.sma(bars.close, {FAST}), ta.sma(bars.close, {SLOW})
target(np.where(np.isnan(slow), np.nan, np.where(quick > slow, 1.0, 0.0)))
"""


def main() -> None:
    """Print one row per measurement."""
    bars, terms = made(), terms_of()
    floats = bars.as_floats()
    task = Task(SCRIPT, "made:COIN", "COIN", Timeframe.M1, {}, "weights")
    scripted, output = least(lambda: execute(task, floats))
    assert output.target is not None
    targets: Floats = output.target
    traded, result = least(lambda: run(bars, targets, terms))
    told, _ = least(lambda: outcome(bars, targets, terms), runs=2)
    ordered, (book, fills) = least(lambda: order_path(bars, targets, terms), runs=2)
    if (book, fills) != (result.book, result.fills):
        raise RuntimeError("the order path and the vectorised path differ")
    looped, worth = least(lambda: plain_loop(floats.open, floats.close, targets), runs=2)
    off = abs(worth / float(result.equity[-1]) - 1)
    print(f"{BARS:,} bars, {len(result.fills):,} fills; the plain loop ends {off:.4%} off ours")
    row("script (two averages)", scripted)
    row("vectorised path: fills and equity", traded)
    row("with holding, trades and figures", told)
    row("order path: one step a bar", ordered, f"bar {ORDER_BAR:.0f} s, ratio {ordered / ORDER_BAR:.2f}")
    row("plain loop in floats", looped, f"{looped / traded:.1f} x the vectorised path")
    fresh = in_a_fresh_process()
    row("first result in a fresh process", fresh, f"bar {FRESH_BAR:.0f} s, ratio {fresh / FRESH_BAR:.2f}")
    beside_vectorbt(floats.open, floats.close, scripted + traded)


def row(what: str, seconds: float, more: str = "") -> None:
    print(f"{what:<44}{seconds * 1000:>10.1f} ms   {more}")


def least(work: Callable[[], Any], runs: int = RUNS) -> tuple[float, Any]:
    """Seconds of CPU of the quickest run, and what it gave."""
    times = []
    for _ in range(runs):
        begun = time.process_time()
        given = work()
        times.append(time.process_time() - begun)
    return min(times), given


def made() -> Bars:
    random = np.random.default_rng(7)
    close = np.rint(3_000_000 * np.exp(np.cumsum(random.normal(0, 0.0005, BARS)))).astype(np.int64)
    opened = np.concatenate((close[:1], close[:-1]))
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    times = 1_600_000_020 + 60 * np.arange(BARS, dtype=np.int64)
    return Bars(times, opened, high, low, close, np.ones(BARS, np.int64), 2, 3)


def terms_of() -> Terms:
    return Terms.of(
        capital=Decimal(10_000_000),
        tick=Decimal("0.01"),
        lot=Decimal("0.001"),
        fee_rate=Decimal(str(FEE)),
        slippage=Decimal(0),
        allow_short=False,
        min_notional=Decimal(5),
    )


def order_path(bars: Bars, targets: Floats, terms: Terms) -> tuple[Book, list[Fill]]:
    book, fills = Book(terms.cash), []
    for target, price in zip(targets[:-1].tolist(), bars.open[1:].tolist(), strict=True):
        if fill := step(book, target, price, terms):
            fills.append(fill)
    return book, fills


def plain_loop(opens: Floats, closes: Floats, targets: Floats) -> float:
    """What one writes by hand: a weight, floats, a curve."""
    cash, coins, before = 10_000_000.0, 0.0, 0.0
    equity = [cash]
    for target, price, close in zip(
        targets[:-1].tolist(), opens[1:].tolist(), closes[1:].tolist(), strict=True
    ):
        if target == target and target != before:
            before = target
            wanted = target * (cash + coins * price) / (price * (1 + FEE))
            cash -= (wanted - coins) * price + abs(wanted - coins) * price * FEE
            coins = wanted
        equity.append(cash + coins * close)
    return equity[-1]


def in_a_fresh_process() -> float:
    """Seconds of CPU from the start of Python to the first result, making the bars included."""
    code = (
        "import bench.backtest as b; from holdfast.scripts.language.run import Task, execute;"
        "from holdfast.core.timeframes import Timeframe; bars = b.made();"
        "t = Task(b.SCRIPT, 'made:COIN', 'COIN', Timeframe.M1, {}, 'weights');"
        "print(b.run(bars, execute(t, bars.as_floats()).target, b.terms_of()).equity[-1])"
    )
    begun = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ended.ru_utime + ended.ru_stime - begun.ru_utime - begun.ru_stime


def beside_vectorbt(opens: Floats, closes: Floats, ours: float) -> None:
    """Its averages, crosses, orders and equity, once they are compiled."""
    try:
        import vectorbt  # type: ignore[import-not-found]
    except ImportError:
        print("vectorbt is not installed here: not compared")
        return

    def theirs() -> float:
        quick, slow = vectorbt.MA.run(closes, FAST), vectorbt.MA.run(closes, SLOW)
        above = (quick.ma > slow.ma).to_numpy()
        entries, exits = np.roll(above, 1), np.roll(~above, 1)
        entries[0] = exits[0] = False
        portfolio = vectorbt.Portfolio.from_signals(
            closes, entries, exits, price=opens, fees=FEE, init_cash=10_000_000, freq="1min"
        )
        return float(portfolio.value().iloc[-1])

    theirs()
    taken, _ = least(theirs)
    row("vectorbt, warm: averages to equity", taken, f"{taken / ours:.1f} x ours (script and fills)")


if __name__ == "__main__":
    main()
