"""Scripts say what they mean, and are told what they did wrong: in words, with the line."""

import numpy as np
import pytest
from tests.scripts.language.helpers import BARS, fault, good, run

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language import frame
from holdfast.scripts.language import output as out
from holdfast.scripts.language.warm import examples, warm

EVERYTHING = """
script("All of it", pane="Index")
length = input.int("Length", 14, min=2, max=200, help="Bars")
level = input.float("Level", 30.5)
r = ta.rsi(bars.close, length)
plot(r, "RSI", color="blue")
plot(bars.hl2, "Middle", style="dots", overlay=True)
hline(level, "low")
up = ta.crossover(r, level)
marker(up, "buy", shape="up", at="below", color="green")
signal(np.where(up, 2, 0))
target(np.where(r > 50, 0.5, np.nan))
alert(up, "{symbol} above {Level} ({Length}) at {price}, {time}")
log("length", length)
print("a", 1, sep="-")
"""


def test_everything_a_script_says_comes_out() -> None:
    output = good(EVERYTHING)
    assert (output.title, output.overlay, output.pane) == ("All of it", False, "Index")
    assert [(one.name, one.kind, one.default, one.min) for one in output.inputs] == [
        ("length", "int", 14, 2),
        ("level", "float", 30.5, None),
    ]
    assert [(one.id, one.kind, one.pane, one.colour) for one in output.plots] == [
        ("rsi", "line", "own", out.COLOURS.index("blue")),
        ("middle", "dots", "price", 1),
    ]
    assert np.array_equal(output.plots[1].values, (BARS.high + BARS.low) / 2)
    assert [(one.value, one.label) for one in output.lines] == [(30.5, "low")]
    marker = output.markers[0]
    assert (marker.shape, marker.at, out.COLOURS[marker.colour]) == ("up", "below", "green")
    assert marker.on.any()
    assert output.signals is not None
    assert np.array_equal(output.signals, marker.on.astype(float))
    assert output.target is not None
    assert set(np.unique(output.target[~np.isnan(output.target)])) == {0.5}
    assert output.alerts[0].message == "{symbol} above 30.5 (14) at {price}, {time}"
    assert np.array_equal(output.alerts[0].on, marker.on)
    assert output.logs == ["length 14", "a-1"]
    told = out.told(output.alerts[0].message, symbol="{price}", price="5", time="now")
    assert told == "{price} above 30.5 (14) at 5, now"


def test_weights_alone_leave_out_what_is_drawn() -> None:
    output = good(EVERYTHING, wanted="weights")
    assert not output.plots + output.markers + output.lines
    assert output.target is not None
    assert output.signals is not None
    assert len(output.alerts) == 1
    assert len(output.inputs) == 2


def test_inputs_are_what_was_chosen() -> None:
    source = (
        'n = input.int("Length", 14, max=20)\nx = input.float("Width", 2)\nb = input.bool("Short")\n'
        'c = input.choice("Mode", "fast", ["fast", "slow"])\ns = input.source("Price", "close")\n'
        'k = input.color("Colour", "teal")\nt = input.timeframe("Longer", "1h")\n'
        "log(n, x, b, c, k, t); plot(s)"
    )
    assert good(source).logs == ["14 2.0 False fast teal 1h"]
    chosen = {
        "length": "7",
        "width": "1.5",
        "short": "true",
        "mode": "slow",
        "price": "high",
        "colour": "red",
        "longer": "4h",
    }
    output = good(source, inputs=chosen)
    assert output.logs == ["7 1.5 True slow red 4h"]
    assert np.array_equal(output.plots[0].values, BARS.high)
    assert good(source, inputs={"length": 7.0, "short": True}).logs == ["7 2.0 True fast teal 1h"]


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"length": "21"}, "Length must be a whole number of 20 or less, not '21'"),
        ({"length": "2.5"}, "Length must be a whole number"),
        ({"length": True}, "Length must be a whole number"),
        ({"width": "nan"}, "Width must be a number"),
        ({"width": "1e999"}, "Width must be a number"),
        ({"short": "perhaps"}, "Short must be true or false"),
        ({"mode": "Fast"}, "Mode must be one of fast, slow"),
        ({"mode": 3}, "Mode must be one of"),
        ({"lenght": 3}, "no input 'lenght'. Did you mean length?"),
        ({"length": "9" * 5000}, "Length must be a whole number"),
    ],
)
def test_wrong_inputs_are_refused(inputs: dict[str, object], words: str) -> None:
    source = (
        'input.int("Length", 14, max=20); input.float("Width", 2); input.bool("Short")\n'
        'input.choice("Mode", "fast", ["fast", "slow"])\ntarget(1)'
    )
    found = fault(source, inputs=inputs)
    assert found.kind == "refused"
    assert words in found.message
    assert run(source, inputs=inputs).inputs, "a form can still be drawn"


MISTAKES = [
    # name used wrongly, kind, part of the message, line
    ("x = 1\ny = (", "syntax", "never closed", 2),
    ("  x = 1", "syntax", "indent", 1),
    ("\n\nx = '\u202e'", "syntax", "invisible character", 3),
    ("x = '\x00'", "syntax", "invisible character", 1),
    ("x = '\u061c'", "syntax", "invisible character", 1),
    ("(" * 5000, "syntax", "too many", 1),
    ("x = " + "-" * 60_000 + "1", "syntax", "too many", None),
    ("plot(cloze)", "script", "'cloze' is not known here. Did you mean bars.close?", 1),
    ("plot(rsi(1))", "script", "Did you mean ta.rsi?", 1),
    ("plot(bars.cloze)", "script", "Did you mean close?", 1),
    ('plot(bars.at("1h").cloze)', "script", "Did you mean close?", 1),
    ("bars.close[0] = 1", "script", "cannot be changed", 1),
    ("bars.close = 1", "script", "FrozenInstanceError", 1),
    ("bars()", "script", "not callable", 1),
    ('bars.at("1m")', "script", "shorter than the bars (5m)", 1),
    ('bars.at("7m")', "script", "'7m' is no timeframe", 1),
    ("bars.at(60)", "script", "no timeframe", 1),
    ('bars.at("1h", 5)', "script", "is a function", 1),
    ('bars.at("1h", lambda h: h.close[1:])', "script", "one value for each", 1),
    ('bars.at("1h", lambda h: None)', "script", "must return numbers", 1),
    ("ta.rsii(bars.close)", "script", "ta has no 'rsii'. Did you mean rsi?", 1),
    ("ta()", "script", "not called by itself", 1),
    ("ta.sma(bars, 20)", "script", "one series, such as bars.close", 1),
    ("ta.sma(5, 20)", "script", "flat array", 1),
    ("ta.sma('x', 20)", "script", "flat array", 1),
    ("ta.atr(bars.close, 14)", "script", "takes all of the bars", 1),
    ("ta.true_range(bars.close)", "script", "takes all of the bars", 1),
    ("ta.sma(bars.close, 1)", "script", "length must be a whole number from 2 to 500", 1),
    ("ta.highest(bars.close, 0)", "script", "length must be a whole number from 1 to 500", 1),
    ("ta.sma()", "script", "missing a required argument: 'values'", 1),
    ("ta.shift(bars.close, -1)", "script", "look ahead", 1),
    ("ta.crossover(bars.close, bars.close[1:])", "script", "different lengths", 1),
    ("ta.hold(bars.close > 1, [True])", "script", "different lengths", 1),
    ("bars.close + bars.close[1:]", "script", "ta.shift()", 1),
    ("if bars.close > 1:\n    pass", "script", "np.where", 1),
    ("input('x')", "script", "input.int(", 1),
    ("input.integer('x', 1)", "script", "Did you mean int?", 1),
    ("input.symbol('x')", "refused", "not available", 1),
    ("input.int(14)", "script", "missing", 1),
    ("input.int(14, 14)", "script", "are texts", 1),
    ("input.int('!?', 14)", "script", "a letter or a digit", 1),
    ("input.int('a', '14')", "script", "leave out the quotes", 1),
    ("input.int('a', 1.5)", "script", "The default does not fit", 1),
    ("input.int('a', 5, max=3)", "script", "The default does not fit", 1),
    ("input.int('a', 5, max='x')", "script", "The max of 'a' must be a number", 1),
    ("input.float('a', 5, step=0)", "script", "The step of 'a'", 1),
    ("input.float('a', float('nan'))", "script", "The default does not fit", 1),
    ("input.bool('a', 3)", "script", "The default does not fit", 1),
    ("input.choice('a', 'x', 'xyz')", "script", "a list of different texts", 1),
    ("input.choice('a', 'x', [])", "script", "a list of different texts", 1),
    ("input.choice('a', 'z', ['x', 'y'])", "script", "The default does not fit", 1),
    ("input.source('a', 'clse')", "script", "The default does not fit", 1),
    ("input.color('a', 'beige')", "script", "The default does not fit", 1),
    ("input.timeframe('a', '7m')", "script", "The default does not fit", 1),
    ("input.int('a', 5)\ninput.int('A', 5)", "script", "Two inputs are called 'A'", 2),
    ("script(5)", "script", "A label of script() is text", 1),
    ("script('a')\nscript('b')", "script", "called twice", 2),
    ("script('a', universe=True)", "refused", "not available yet", 1),
    ("script('a', colour=1)", "script", "colour", 1),
    ("plot()", "script", "missing", 1),
    ("plot(None)", "script", "got nothing", 1),
    ("plot('x')", "script", "not str", 1),
    ("plot(bars)", "script", "such as bars.close", 1),
    ("plot(bars.close * 1j)", "script", "one number", 1),
    ("plot([10**400] * len(bars))", "script", "one number", 1),
    ("plot({1: 2})", "script", "not dict", 1),
    ("plot(ta.macd(bars.close))", "script", "3 series at once", 1),
    ("plot(np.diff(bars.close))", "result", "599 values for 600 bars", 1),
    ("plot(np.ones((600, 2)))", "result", "the shape (600, 2)", 1),
    ("plot(1, 5)", "script", "text in quotes", 1),
    ("plot(1, style='bar')", "script", "style='bar'", 1),
    ("plot(1, color='vilet')", "script", "Did you mean violet?", 1),
    ("plot(1, color=8)", "script", "no color", 1),
    ("plot(1, color=[])", "script", "no color", 1),
    ("hline(bars.close)", "script", "one number", 1),
    ("hline(np.nan)", "script", "this is none", 1),
    ("hline('x')", "script", "one number", 1),
    ("marker(True, shape='star')", "script", "shape='star'", 1),
    ("marker(True, at='left')", "script", "at='left'", 1),
    ("marker(bars.close[1:] > 1)", "result", "599 values", 1),
    ("signal('buy')", "script", "one number", 1),
    ("signal(1)\nsignal(1)", "script", "called twice", 2),
    ("signal(np.ones(3))", "result", "3 values for 600", 1),
    ("target(1)\ntarget(1)", "script", "called twice", 2),
    ("target(np.ones(3))", "result", "3 values for 600", 1),
    ("alert(True)", "script", "missing", 1),
    ("alert(True, '')", "script", "a condition and a message", 1),
    ("alert(True, 5)", "script", "a condition and a message", 1),
    ("alert(True, '{symbl}')", "script", "Did you mean symbol?", 1),
    ("alert(True, '{symbol.__class__}')", "script", "which nothing fills in", 1),
    ("alert(np.ones(3), 'x')", "result", "3 values for 600", 1),
    ("import os", "refused", "'os' cannot be imported. A script may import bisect", 1),
    ("from os import path", "refused", "'os' cannot be imported", 1),
    ("from . import x", "refused", "cannot be imported", 1),
    ("import pandas", "refused", "Use numpy and ta", 1),
    ("import numpi", "refused", "Did you mean numpy?", 1),
    ("import numpy.nothing", "refused", "cannot be imported", 1),
    ("__import__('socket')", "refused", "cannot be imported", 1),
    ("open('/etc/passwd')", "refused", "no files", 1),
    ("eval('1')", "refused", "not available", 1),
    ("exit()", "refused", "ends with its last line", 1),
    ("raise SystemExit", "script", "stopped itself", 1),
    ("raise KeyboardInterrupt", "script", "stopped itself", 1),
    ("raise PermissionError(1, 'x')", "refused", "no files", 1),
    ("def f():\n    return f()\nf()", "script", "without end", 2),
    ("1 / 0", "script", "divided by zero", 1),
    ("[1][3]", "script", "IndexError: list index out of range", 1),
    ("signal = 3\nsignal(1)", "script", "hides Holdfast's signal", 2),
    ("bytearray(10**14)", "limit", "memory", 1),
    ("class Odd(Exception):\n    def __str__(self): raise Odd\nraise Odd", "script", "Odd.", 3),
    ("class Own(BaseException): pass\nraise Own('x')", "script", "Own: x", 2),
    ("import json.decoder", "refused", "cannot be imported", 1),
    ("raise SyntaxError('x')", "syntax", "x", None),
    ("x = 1\n" * 60_000, "limit", "is the most", None),
    ("x = 'é'\n" * 8_000, "limit", "72,000 bytes", None),
]


@pytest.mark.parametrize(("source", "kind", "words", "line"), MISTAKES, ids=[one[0][:30] for one in MISTAKES])
def test_a_mistake_is_told_in_words(source: str, kind: str, words: str, line: int | None) -> None:
    found = fault(source)
    assert (found.kind, found.line) == (kind, line)
    assert words in found.message
    assert len(found.message) <= out.LONGEST_TEXT


def test_a_mistake_in_a_function_has_the_line_of_the_mistake() -> None:
    found = fault("def f(x):\n    y = 1\n    return plot(x)\n\nf(bars)\n")
    assert found.line == 3


@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("plot(1, f'p{i}')", out.MOST_PLOTS),
        ("hline(i)", out.MOST_LINES),
        ("marker(True)", out.MOST_MARKERS),
        ("alert(True, 'x')", out.MOST_ALERTS),
        ("input.int(f'i{i}', 1)", out.MOST_INPUTS),
    ],
)
def test_there_is_a_most_of_everything(line: str, most: int) -> None:
    good(f"for i in range({most}): {line}")
    found = fault(f"for i in range({most + 1}):\n    {line}")
    assert (found.kind, found.line) == ("limit", 2)
    assert str(most) in found.message


def test_names_and_logs_are_kept_short() -> None:
    output = good(
        f"script('t' * 300)\nplot(1, 'a\\x00\\ud800\\u202e' + 'l' * 300)\n"
        f"for i in range({out.MOST_LOGS + 5}): print('x' * 9000)"
    )
    assert len(output.title) == out.LONGEST_NAME
    assert output.plots[0].label.startswith("a\ufffd\ufffd\ufffdl")
    assert len(output.plots[0].label) == out.LONGEST_NAME
    assert len(output.logs) == out.MOST_LOGS
    assert len(output.logs[0]) == out.LONGEST_LOG
    assert "No more than" in output.logs[-1]


def test_a_result_that_is_too_large_is_a_limit() -> None:
    count = 70_000
    price = np.ones(count)
    bars = FloatBars(np.arange(count) * 300, *[price] * 5)
    found = fault("for i in range(64): plot(i)", bars)
    assert found.kind == "limit"
    assert "fewer plots" in found.message
    assert good("for i in range(64): plot(i)\ntarget(1)", bars, wanted="weights").target is not None
    long = fault(
        "o = [str(i) + 'x' * 70 for i in range(50)]\nfor i in range(64): input.choice(f'{i}', o[0], o)"
    )
    assert long.kind == "limit"


def test_what_is_no_number_is_held_and_not_drawn() -> None:
    output = good(
        "x = np.full(len(bars), 2.0)\nx[:4] = [np.nan, np.inf, -np.inf, -3]\n"
        "plot(x)\ntarget(x)\nsignal(x)\nmarker(x)"
    )
    assert output.target is not None
    assert output.signals is not None
    assert np.array_equal(output.plots[0].values[:5], [np.nan, np.nan, np.nan, -3, 2], equal_nan=True)
    assert np.array_equal(output.target[:5], [np.nan, np.nan, np.nan, -3, 2], equal_nan=True)
    assert output.signals[:5].tolist() == [0, 0, 0, -1, 1]
    assert output.markers[0].on[:5].tolist() == [False, False, False, True, True]
    assert "beyond -1 to 1 on 597 bars" in output.logs[0]


def test_plots_of_one_name_have_their_own_ids() -> None:
    output = good("for name in ('A b', 'a-B', 'Target', '', 'time', '!'): plot(1, name)")
    ids = [one.id for one in output.plots]
    assert ids == ["a_b", "a_b_2", "target_2", "plot_4", "time_2", "plot"]


def test_random_numbers_are_the_same_each_time_and_ours_are_left_alone() -> None:
    np.random.seed(5)
    before = np.random.get_state()[1].tolist()
    source = "plot(np.random.rand(len(bars)))"
    first, again, other = good(source, seed=3), good(source, seed=3), good(source, seed=4)
    assert np.array_equal(first.plots[0].values, again.plots[0].values)
    assert not np.array_equal(first.plots[0].values, other.plots[0].values)
    assert np.random.get_state()[1].tolist() == before


def test_a_script_cannot_change_the_bars_of_others() -> None:
    close = BARS.close.copy()
    fault("bars.close *= 2")
    fault("np.multiply(bars.close, 2, out=bars.close)")
    good("bars.close.copy()[:] = 1")
    assert np.array_equal(BARS.close, close)


def test_scripts_may_import_some_modules() -> None:
    good(
        "import numpy as np, math, statistics, numpy.linalg as la\nfrom collections import deque\n"
        "from numpy.lib.stride_tricks import sliding_window_view\n"
        "import numpy.fft\nassert numpy.fft.rfft and la.norm\nplot(math.pi)"
    )


def test_a_script_may_ask_what_there_is() -> None:
    good(
        "assert not hasattr(ta, 'vwapx') and getattr(input, 'date', 5) == 5 and hasattr(ta, 'rsi')\n"
        "try:\n    import pandas\nexcept ImportError:\n    pandas = None"
    )


def test_no_bars_are_no_values() -> None:
    none = FloatBars(np.empty(0, np.int64), *[np.empty(0)] * 5)
    for source in [EVERYTHING, *examples().values()]:
        output = good(source, none)
        assert all(len(plot.values) == 0 for plot in output.plots)
        frame.decode(frame.encode(output, 0), 0)


@pytest.mark.parametrize("count", [1, 2, 30])
def test_examples_take_few_bars(count: int) -> None:
    few = FloatBars(
        *(getattr(BARS, one)[:count] for one in ("time", "open", "high", "low", "close", "volume"))
    )
    for source in examples().values():
        good(source, few)


def test_everything_can_be_warmed() -> None:
    warm()


def test_weeks_and_months_have_numbers_too() -> None:
    day = 86_400
    time = np.array([0, 31, 59], np.int64) * day
    bars = FloatBars(time, *[np.ones(3)] * 5)
    assert good("print(bars.index.tolist())", bars, timeframe=Timeframe.MONTH).logs == ["[0, 1, 2]"]
    weeks = FloatBars(np.array([4, 11, 25], np.int64) * day, *[np.ones(3)] * 5)
    logs = good(
        "print(bars.index.tolist(), bars.weekday[0], bars.hour[0])", weeks, timeframe=Timeframe.W1
    ).logs
    numbers = logs[0].split("]")[0].strip("[").split(", ")
    assert [int(one) - int(numbers[0]) for one in numbers] == [0, 1, 3]
    assert logs[0].endswith("] 0 0")
