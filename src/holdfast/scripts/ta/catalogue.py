"""What an indicator is: a function, and what a chart must know to ask for its inputs and draw it. Pure."""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, ParamSpec, TypeVar, cast

import numpy as np
import numpy.typing as npt

from holdfast.core.bars import FloatBars

Floats = npt.NDArray[np.float64]
Value = int | float | str
Pane = Literal["price", "own"]
PlotKind = Literal["line", "histogram", "columns", "area", "band", "dots"]
InputKind = Literal["int", "float", "source", "choice"]

P = ParamSpec("P")
R = TypeVar("R")

LONGEST: Final = 500
"""The most bars an indicator may look at for one value, not counting what recursive ones need to settle."""


class BadInput(ValueError):
    """An input is not what the indicator takes; the message says what it takes."""


@dataclass(frozen=True, slots=True)
class Input:
    """One thing the user may choose. ``min`` and ``max`` are of numbers, ``options`` of choices."""

    name: str
    label: str
    kind: InputKind
    default: Value
    min: float | None = None
    max: float | None = None
    options: tuple[str, ...] | None = None

    def checked(self, value: object) -> Value:
        """The value, if it is one of those that can be chosen. Raises ``BadInput``."""
        if self.options is not None:
            if isinstance(value, str) and value in self.options:
                return value
            raise BadInput(f"{self.name} must be one of {', '.join(self.options)}, not {str(value)[:40]!r}")
        assert self.min is not None
        assert self.max is not None
        whole = self.kind == "int"
        kinds = (int, np.integer) if whole else (int, float, np.integer, np.floating)
        if not isinstance(value, kinds) or isinstance(value, bool) or not self.min <= value <= self.max:
            number = "a whole number" if whole else "a number"
            raise BadInput(
                f"{self.name} must be {number} from {self.min:g} to {self.max:g}, not {str(value)[:40]!r}"
            )
        return int(value) if whole else float(value)

    def read(self, text: str) -> Value:
        """The value somebody wrote. Raises ``BadInput``."""
        if self.options is not None:
            return self.checked(text)
        try:
            return self.checked(int(text) if self.kind == "int" else float(text))
        except (ValueError, OverflowError) as error:
            if isinstance(error, BadInput):
                raise
            return self.checked(text)


@dataclass(frozen=True, slots=True)
class Plot:
    """One column of values. ``colour`` is one of eight; a band is filled to the plot ``band_with``."""

    id: str
    label: str
    kind: PlotKind = "line"
    pane: Pane = "price"
    colour: int = 1
    band_with: str | None = None


@dataclass(frozen=True, slots=True)
class Indicator:
    """One entry of the registry.

    ``warmup(**inputs)``: how many bars before the first wanted one make its value what the whole history
    makes it: exactly for windows, to 1e-9 relative for recursive ones. Where an input ``anchor`` names a
    period of the calendar, the bars from the beginning of that period are needed besides; with
    ``period_before`` those of the last period before that has any.
    """

    id: str
    name: str
    group: str
    about: str
    inputs: tuple[Input, ...]
    plots: tuple[Plot, ...]
    levels: tuple[float, ...]
    warmup: Callable[..., int]
    function: Callable[..., Floats | tuple[Floats, ...]]
    period_before: bool = False


REGISTRY: Final[dict[str, Indicator]] = {}

SOURCES: Final[dict[str, Callable[[FloatBars], Floats]]] = {
    "close": lambda bars: bars.close,
    "open": lambda bars: bars.open,
    "high": lambda bars: bars.high,
    "low": lambda bars: bars.low,
    "hl2": lambda bars: (bars.high + bars.low) / 2,
    "hlc3": lambda bars: (bars.high + bars.low + bars.close) / 3,
    "ohlc4": lambda bars: (bars.open + bars.high + bars.low + bars.close) / 4,
}
SOURCE: Final = Input("source", "Source", "source", "close", options=tuple(SOURCES))


def length(default: int, name: str = "length", label: str = "Length", *, least: int = 2) -> Input:
    """A number of bars."""
    return Input(name, label, "int", default, least, LONGEST)


def number(name: str, label: str, default: float, least: float, most: float) -> Input:
    return Input(name, label, "float", default, least, most)


def own(id: str, label: str, colour: int = 1, kind: PlotKind = "line") -> Plot:
    """A plot in a pane of its own."""
    return Plot(id, label, kind, "own", colour)


def indicator(
    id: str,
    name: str,
    group: str,
    *,
    inputs: tuple[Input, ...] = (),
    plots: tuple[Plot, ...],
    levels: tuple[float, ...] = (),
    warmup: Callable[..., int],
    period_before: bool = False,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Enter a function into the registry. The first paragraph of its docstring is what users read about it.

    The function takes an array (if there is an input ``source``) or bars, then its inputs, and returns one
    array for each plot, as long as what it got. Around it inputs are checked, whatever is no number becomes
    NaN, and no bars make no values.
    """

    def enter(function: Callable[P, R]) -> Callable[P, R]:
        about = summary(function)
        known = {one.name: one for one in inputs if one is not SOURCE}
        signature = _with_defaults(inspect.signature(function), known)
        takes_bars = SOURCE not in inputs

        @functools.wraps(function)
        def checked(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{id}{_plain(signature)}: {error}") from None
            bound.apply_defaults()
            first, *rest = bound.arguments
            for each in rest:
                bound.arguments[each] = known[each].checked(bound.arguments[each])
            bound.arguments[first] = data = _clean(id, bound.arguments[first], takes_bars)
            if not len(data.time if isinstance(data, FloatBars) else data):
                return _nothing(len(plots))  # type: ignore[return-value]
            with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
                return function(*bound.args, **bound.kwargs)

        checked.__signature__ = signature  # type: ignore[attr-defined]
        REGISTRY[id] = Indicator(
            id, name, group, about, inputs, plots, levels, warmup, cast(Any, checked), period_before
        )
        return checked

    return enter


def summary(described: object) -> str:
    """The first paragraph of its docstring, on one line and without its markup, as users read it."""
    return " ".join((inspect.getdoc(described) or "").split("\n\n")[0].split()).replace("``", "")


def _nothing(count: int) -> Floats | tuple[Floats, ...]:
    empty = tuple(np.empty(0) for _ in range(count))
    return empty[0] if count == 1 else empty


def _with_defaults(signature: inspect.Signature, known: dict[str, Input]) -> inspect.Signature:
    """The defaults of the inputs, where the function itself has none."""
    parameters = [
        one.replace(default=known[name].default) if name in known and one.default is one.empty else one
        for name, one in signature.parameters.items()
    ]
    return signature.replace(parameters=parameters)


def _plain(signature: inspect.Signature) -> str:
    return f"({', '.join(signature.parameters)})"


def _clean(name: str, data: Any, takes_bars: bool) -> Any:
    if not takes_bars:
        return flat(data)
    if not isinstance(data, FloatBars):
        raise BadInput(f"{name} takes all of the bars, not one series: {name}(bars, …)")
    prices = (flat(column) for column in (data.open, data.high, data.low, data.close, data.volume))
    return FloatBars(data.time, *prices)


def flat(values: Any) -> Floats:
    """The values as an array of floats with NaN for whatever is no number. Raises ``BadInput``."""
    if isinstance(values, FloatBars):
        raise BadInput("this takes one series, such as bars.close, not all of the bars")
    try:
        array = np.ascontiguousarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise BadInput("values must be a flat array of numbers, such as bars.close") from None
    if np.ndim(values) != 1:
        raise BadInput("values must be a flat array of numbers, such as bars.close")
    return np.where(np.isinf(array), np.nan, array) if np.isinf(array).any() else array


# --- how long recursions take to forget --------------------------------------------------------------------

_FORGOTTEN: Final = math.log(1e16)
"""What came before counts less than a float can hold; 1e-9 is left over for ratios of small differences."""


def exponential(length: int) -> int:
    """Bars after which an average with the weight 2 / (length + 1) has forgotten where it began."""
    return math.ceil(_FORGOTTEN * (length + 1) / 2) + length


def wilder(length: int) -> int:
    """Bars after which an average with the weight 1 / length has forgotten where it began."""
    return math.ceil(_FORGOTTEN * length) + length
