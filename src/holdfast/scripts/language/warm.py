"""Use everything once: what is loaded lazily cannot be loaded any more once the jail is closed. Pure."""

import inspect
from importlib.resources import files
from typing import Final

import numpy as np

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language import frame
from holdfast.scripts.language.library import FUNCTIONS
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import Task, execute

_BARS: Final = 400
_NUMPY: Final = """
import collections, dataclasses, decimal, enum, fractions, functools, heapq, itertools, math, operator
import statistics, typing
x = bars.close
plot(np.polyval(np.polyfit(np.arange(len(x)), x, 2), np.arange(len(x))))
plot(np.convolve(x, np.ones(5) / 5)[: len(x)], style="dots")
np.linalg.svd(np.outer(x[:5], x[:5])); np.linalg.lstsq(np.vander(x[:9], 2), x[:9], rcond=None)
np.linalg.inv(np.eye(3) * 2); np.fft.rfft(x); np.ma.masked_invalid(x).mean(); np.corrcoef(x, x)
np.polynomial.Polynomial.fit(np.arange(9.0), x[:9], 2)(1.0)
np.lib.stride_tricks.sliding_window_view(x, 9).std(axis=1)
np.percentile(x, 5); np.median(x); np.unique(x); np.histogram(x); np.interp(1.5, [1, 2], [1, 2])
np.random.default_rng(1).normal(size=3); np.random.rand(3); np.nanquantile(x, 0.5); np.einsum("i,i", x, x)
np.datetime_as_string(bars.time.astype("datetime64[s]")); np.searchsorted(x, 1.0); np.nanstd(x)
statistics.linear_regression(x[:9], x[:9]); statistics.NormalDist(0, 1).cdf(1); decimal.Decimal("1.5").sqrt()
print(x, x[:3].tolist(), f"{x[0]:.2f}", bars.time.astype("datetime64[s]")[0], 10**40, str(np.float64(1)))
print("%s %r" % (math.pi, {1: (2, [3])}), "é".casefold(), repr(bars)[:10], fractions.Fraction(1, 3))
"""
_BROKEN: Final = (
    "x = (", "  x", "plot(cloze)", "ta.rsii", "bars.cloze", "import os", "open('x')", "1 / 0", "plot([1])",
    "signal = 1\nsignal(2)", "def f(): return f()\nf()", "plot('ж')", "raise ValueError('x')", "x = '\x00'",
)  # fmt: skip


def warm() -> None:
    """Run the examples, every function of ta, much of numpy and the usual mistakes over a few bars.

    Raises:
        RuntimeError: one of them does not do what it should.
    """
    position = np.arange(_BARS)
    close = 100 + 10 * np.sin(position / 7) + position / 50
    bars = FloatBars(
        position.astype(np.int64) * 3600, close - 1, close + 2, close - 2, close, 5 + np.cos(position)
    )
    for source in [*examples().values(), _every_function(), _NUMPY]:
        _expect(source, bars, faulty=False)
    for source in _BROKEN:
        _expect(source, bars, faulty=True)


def examples() -> dict[str, str]:
    """The sources of the examples by their names."""
    found = files("holdfast.scripts").joinpath("examples").iterdir()
    named = {one.name.removesuffix(".py"): one.read_text() for one in found if one.name.endswith(".py")}
    return dict(sorted(named.items()))


def _expect(source: str, bars: FloatBars, *, faulty: bool) -> None:
    output = execute(Task(source, "warm:UP", "UP", Timeframe.H1), bars)
    again = frame.decode(frame.encode(output, _BARS), _BARS)
    if (again.error is not None) != faulty:
        raise RuntimeError(f"a script that warms the sandbox gives {_said(again)}: {source[:60]!r}")


def _said(output: Output) -> str:
    return "no error" if output.error is None else output.error.message


def _every_function() -> str:
    """A script that calls each function of ta with its usual inputs."""
    calls = []
    for name, function in FUNCTIONS.items():
        needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
        given = ["bars" if one.name == "bars" else "bars.close" for one in needed]
        calls.append(f"ta.{name}({', '.join(given)})")
    return "\n".join(calls)
