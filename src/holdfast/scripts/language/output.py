"""What comes out of a script: one value per bar of everything it draws, signals or wants to hold. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Value = int | float | str | bool

PlotKind = Literal["line", "columns", "histogram", "area", "dots"]
Pane = Literal["price", "own"]
Shape = Literal["up", "down", "circle", "flag"]
Place = Literal["below", "above"]
InputKind = Literal["int", "float", "bool", "choice", "source", "color", "timeframe"]
FaultKind = Literal["syntax", "script", "limit", "refused", "result"]

COLOURS: Final = ("violet", "teal", "pink", "green", "amber", "blue", "red", "grey")
"""Colour number i is ``COLOURS[i]``, the web app's token ``--plot-{i + 1}``."""

MOST_PLOTS: Final = 64
MOST_LINES: Final = 32
MOST_MARKERS: Final = 32
MOST_ALERTS: Final = 32
MOST_INPUTS: Final = 64
MOST_OPTIONS: Final = 50
MOST_LOGS: Final = 200
LONGEST_NAME: Final = 80
LONGEST_LOG: Final = 500
LONGEST_TEXT: Final = 300
"""Of helps, messages of alerts and errors, and values of inputs."""


@dataclass(frozen=True, slots=True)
class InputSpec:
    """One thing the user may choose.

    ``name`` is the key in ``Task.inputs``, made of ``label``. ``min``, ``max`` and ``step`` are of numbers;
    ``options`` of everything that is chosen from a list (choice, source, color, timeframe).
    """

    name: str
    label: str
    kind: InputKind
    default: Value
    min: float | None = None
    max: float | None = None
    step: float | None = None
    options: list[str] | None = None
    help: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Plot:
    """One value per bar; NaN draws nothing. ``id`` is unique in its output."""

    id: str
    label: str
    kind: PlotKind
    pane: Pane
    colour: int
    values: Floats


@dataclass(frozen=True, slots=True)
class Line:
    """A level across the script's pane."""

    value: float
    label: str
    colour: int


@dataclass(frozen=True, slots=True, eq=False)
class Marker:
    """A sign at every bar where ``on`` is true."""

    label: str
    shape: Shape
    at: Place
    colour: int
    on: Flags


@dataclass(frozen=True, slots=True, eq=False)
class AlertColumn:
    """A message for every bar where ``on`` is true. Inputs are filled in already; ``told`` does the rest."""

    message: str
    on: Flags


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no result, for people, with what to do.

    ``kind``: "syntax" (no Python), "script" (went wrong while it ran, or uses a name wrongly), "limit" (too
    much, too long), "refused" (not allowed to scripts, or a wrong input), "result" (outputs that do not fit
    the bars, or an unreadable result). ``line`` counts from 1.
    """

    kind: FaultKind
    message: str
    line: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Output:
    """Everything a script said. With an ``error`` there are inputs and logs, but no columns.

    ``overlay``: drawn over the price, else in a pane of its own called ``pane``. ``signals``: -1, 0 or +1 per
    bar. ``target``: the wanted weight per bar, NaN = hold; finite numbers are not clipped here. Either is
    ``None`` when the script does not say it.
    """

    title: str
    overlay: bool = False
    pane: str = ""
    inputs: list[InputSpec] = field(default_factory=list)
    plots: list[Plot] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    signals: Floats | None = None
    target: Floats | None = None
    alerts: list[AlertColumn] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    error: Fault | None = None


FIELDS: Final = ("symbol", "price", "time")
"""What a message of an alert may hold besides labels of inputs, in braces."""

BRACES: Final = re.compile(r"\{([^{}]*)\}")


def told(message: str, *, symbol: str, price: str, time: str) -> str:
    """An alert's message with its fields filled in; other braces stay as they are."""
    return filled(message, {"symbol": symbol, "price": price, "time": time})


def filled(message: str, values: Mapping[str, str]) -> str:
    """The message with ``{name}`` replaced where the name is known; no attribute or format is looked up."""
    return BRACES.sub(lambda found: values.get(found[1], found[0]), message)


_UNSHOWN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
"""Control characters, halves of characters, and marks that change the order in which text is read."""


def clean(text: str, most: int) -> str:
    """At most so many characters, each of which can be stored and shown."""
    text = _UNSHOWN.sub("\ufffd", text)
    return text if len(text) <= most else text[: most - 1] + "…"
