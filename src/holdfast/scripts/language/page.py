"""What a script writes on: plots, markers, signals, targets. Checks each as it is written. Pure."""

import sys
from collections.abc import Callable
from typing import Any, Final, Literal, cast, get_args

import numpy as np

from holdfast.core.bars import FloatBars
from holdfast.scripts.language import output as out
from holdfast.scripts.language.inputs import Inputs, name_of
from holdfast.scripts.language.output import (
    COLOURS,
    AlertColumn,
    Fault,
    Flags,
    Floats,
    Line,
    Marker,
    Output,
    Pane,
    Place,
    Plot,
    PlotKind,
    Shape,
    clean,
)
from holdfast.scripts.language.words import Mistake, did_you_mean

UNTITLED: Final = "Untitled script"
_ALIASES: Final = {
    "purple": "violet", "cyan": "teal", "magenta": "pink", "lime": "green", "yellow": "amber",
    "orange": "amber", "gold": "amber", "gray": "grey", "black": "grey", "white": "grey",
}  # fmt: skip


class Page:
    """Collects what one run of a script says about ``bars`` bars."""

    def __init__(self, bars: int, inputs: Inputs, wanted: Literal["all", "weights"]) -> None:
        self._bars = bars
        self._inputs = inputs
        self._all = wanted == "all"
        self._title: str | None = None
        self._overlay = False
        self._pane = ""
        self._plots: list[tuple[str, str, PlotKind, bool | None, int, Floats]] = []
        self._lines: list[Line] = []
        self._markers: list[Marker] = []
        self._alerts: list[AlertColumn] = []
        self._signals: Floats | None = None
        self._target: Floats | None = None
        self._logs: list[str] = []

    @property
    def names(self) -> dict[str, Callable[..., None]]:
        """What a script calls."""
        return {
            "script": self.script,
            "plot": self.plot,
            "hline": self.hline,
            "marker": self.marker,
            "signal": self.signal,
            "target": self.target,
            "alert": self.alert,
            "log": self.log,
        }

    # --- what scripts call ----------------------------------------------------------------------------------

    def script(self, title: str, *, overlay: bool = False, pane: str = "", universe: bool = False) -> None:
        """The title of the script. With overlay=True its plots lie over the price, otherwise in a pane of
        their own, which can be given a name."""
        if universe:
            raise Mistake(
                "Scripts over many symbols at once, script(universe=True), are not available yet. Leave "
                "universe out and write the script for one symbol; run it on each symbol you want.",
                "refused",
            )
        if self._title is not None:
            raise Mistake("script() is called twice. A script has one title.")
        self._title = self._label("script", title) or UNTITLED
        self._overlay, self._pane = bool(overlay), self._label("script", pane)

    def plot(
        self,
        values: Any,
        label: str = "",
        color: str | int | None = None,
        style: str = "line",
        overlay: bool | None = None,
    ) -> None:
        """Draw one value per bar; nothing where it is NaN. Styles: line, columns, histogram, area, dots.
        overlay=True draws over the price, overlay=False in the script's own pane; otherwise script() says."""
        self._room("plot", self._plots, out.MOST_PLOTS)
        column = self._column("plot", values)
        label = self._label("plot", label) or f"Plot {len(self._plots) + 1}"
        kind = self._one_of("plot", "style", style, PlotKind)
        colour = self._colour("plot", color, len(self._plots))
        self._plots.append((self._free_id(label), label, kind, overlay, colour, column))

    def hline(self, value: float, label: str = "", color: str | int | None = "grey") -> None:
        """Draw one level across the script's pane."""
        self._room("hline", self._lines, out.MOST_LINES)
        if np.ndim(value) != 0:
            raise Mistake("hline() takes one number. Use plot() for a value per bar.")
        level = float(self._numbers("hline", value))
        if not np.isfinite(level):
            raise Mistake("hline() takes one number, and this is none (NaN or infinite).")
        self._lines.append(Line(level, self._label("hline", label), self._colour("hline", color, 7)))

    def marker(
        self,
        on: Any,
        label: str = "",
        shape: str = "circle",
        at: str = "above",
        color: str | int | None = None,
    ) -> None:
        """Put a sign on every bar where the condition is true. Shapes: up, down, circle, flag; at "above" or
        "below" the bar."""
        self._room("marker", self._markers, out.MOST_MARKERS)
        self._markers.append(
            Marker(
                self._label("marker", label),
                self._one_of("marker", "shape", shape, Shape),
                self._one_of("marker", "at", at, Place),
                self._colour("marker", color, len(self._markers)),
                self._flags("marker", on),
            )
        )

    def signal(self, values: Any) -> None:
        """An opinion for each bar: above 0 is long, below 0 short (or out), 0 and NaN nothing new."""
        if self._signals is not None:
            raise Mistake("signal() is called twice. Put the signals together first, then call it once.")
        self._signals = np.sign(np.nan_to_num(self._column("signal", values))) + 0.0

    def target(self, weights: Any) -> None:
        """The share of the capital to hold after each bar: 1 all of it, 0 none, below 0 short. NaN means:
        leave it as it is. Each is known at the close of its bar and traded from the next one on."""
        if self._target is not None:
            raise Mistake("target() is called twice. Put the weights together first, then call it once.")
        column = self._column("target", weights)
        beyond = int(np.count_nonzero(np.abs(column) > 1))
        if beyond:
            self.log(f"target() is beyond -1 to 1 on {beyond} bars. It is limited to that when it is traded.")
        self._target = column

    def alert(self, on: Any, message: str) -> None:
        """A message for every bar where the condition is true. {symbol}, {price}, {time} and the labels of
        inputs are filled in."""
        self._room("alert", self._alerts, out.MOST_ALERTS)
        if not isinstance(message, str) or not message.strip():
            raise Mistake('alert() takes a condition and a message: alert(up, "{symbol}: crossed up").')
        known = [*out.FIELDS, *self._inputs.values]
        for name in out.BRACES.findall(message):
            if name not in known:
                raise Mistake(
                    f"The message has {{{name[:40]}}}, which nothing fills in.{did_you_mean(name, known)} "
                    f"There are {', '.join(f'{{{one}}}' for one in known)}."
                )
        filled = out.filled(message, self._inputs.values)
        self._alerts.append(AlertColumn(clean(filled, out.LONGEST_TEXT), self._flags("alert", on)))

    def log(self, *values: Any) -> None:
        """Write a line into the script's log, to see what it does. print() does the same."""
        if len(self._logs) == out.MOST_LOGS:
            self._logs[-1] = f"(No more than {out.MOST_LOGS} lines are kept.)"
            return
        self._logs.append(clean(" ".join(str(one) for one in values), out.LONGEST_LOG))

    # --- what comes of it -----------------------------------------------------------------------------------

    def output(self) -> Output:
        plots = [
            Plot(id, label, kind, self._pane_of(overlay), colour, values)
            for id, label, kind, overlay, colour, values in self._plots
        ]
        return Output(
            self._title or UNTITLED,
            self._overlay,
            self._pane,
            self._inputs.specs,
            plots if self._all else [],
            self._lines if self._all else [],
            self._markers if self._all else [],
            self._signals,
            self._target,
            self._alerts,
            self._logs,
        )

    def failed(self, fault: Fault) -> Output:
        """Only what helps to mend the script."""
        return Output(
            self._title or UNTITLED,
            self._overlay,
            self._pane,
            self._inputs.specs,
            logs=self._logs,
            error=fault,
        )

    # --- what may be written --------------------------------------------------------------------------------

    def _pane_of(self, overlay: bool | None) -> Pane:
        return "price" if (self._overlay if overlay is None else overlay) else "own"

    def _free_id(self, label: str) -> str:
        """Plots are columns beside the bars' times, the signals and the target."""
        wanted = name_of(label) or "plot"
        taken = {"time", "signals", "target", *(plot[0] for plot in self._plots)}
        free = (f"{wanted[:70]}_{number}" for number in range(2, sys.maxsize))
        return wanted if wanted not in taken else next(one for one in free if one not in taken)

    def _column(self, name: str, values: Any) -> Floats:
        """One finite number or NaN per bar, the script's own array left alone."""
        numbers = self._numbers(name, values)
        if numbers.ndim == 0:
            numbers = np.full(self._bars, numbers)
        self._fits(name, numbers.shape)
        return np.where(np.isfinite(numbers), numbers, np.nan)

    def _flags(self, name: str, on: Any) -> Flags:
        numbers = self._column(name, on)
        return cast(Flags, (numbers != 0) & ~np.isnan(numbers))

    def _numbers(self, name: str, values: Any) -> Floats:
        if isinstance(values, FloatBars):
            raise Mistake(f"{name}() takes one series, such as bars.close, not all of the bars.")
        if values is None:
            raise Mistake(f"{name}() got nothing (None). Does the function before it return its values?")
        if isinstance(values, tuple) and any(np.ndim(one) for one in values):
            raise Mistake(
                f"{name}() got {len(values)} series at once. Take them apart first, for example "
                "histogram, line, average = ta.macd(bars.close)."
            )
        try:
            array = np.asarray(values)
            if array.dtype.kind not in "biuf" and array.dtype.kind != "O":
                raise TypeError
            return array.astype(np.float64)
        except (TypeError, ValueError, OverflowError):
            kind = type(values).__name__
            raise Mistake(f"{name}() takes one number (or true and false) per bar, not {kind}.") from None

    def _fits(self, name: str, shape: tuple[int, ...]) -> None:
        if shape == (self._bars,):
            return
        if len(shape) != 1:
            raise Mistake(f"{name}() takes one value per bar; this has the shape {shape}.", "result")
        raise Mistake(
            f"{name}() got {shape[0]} values for {self._bars} bars; it takes one per bar. Calculate over all "
            "bars: ta.change() instead of np.diff(), ta.shift() instead of cutting a part off.",
            "result",
        )

    def _room(self, name: str, taken: list[Any], most: int) -> None:
        if len(taken) >= most:
            raise Mistake(f"A script calls {name}() at most {most} times.", "limit")

    def _label(self, name: str, label: Any) -> str:
        if not isinstance(label, str):
            raise Mistake(f"A label of {name}() is text in quotes, not {type(label).__name__}.")
        return clean(label.strip(), out.LONGEST_NAME)

    def _one_of(self, name: str, which: str, value: Any, choices: Any) -> Any:
        known = get_args(choices)
        if value in known:
            return value
        near = did_you_mean(str(value), known)
        raise Mistake(
            f"{name}({which}={str(value)[:40]!r}) is not known.{near} There are {', '.join(known)}."
        )

    def _colour(self, name: str, color: Any, count: int) -> int:
        if color is None:
            return count % len(COLOURS)
        if isinstance(color, int) and not isinstance(color, bool) and 0 <= color < len(COLOURS):
            return color
        word = _ALIASES.get(color, color) if isinstance(color, str) else color
        if word in COLOURS:
            return COLOURS.index(word)
        near = did_you_mean(str(color), COLOURS)
        raise Mistake(f"{name}() knows no color {str(color)[:40]!r}.{near} There are {', '.join(COLOURS)}.")
