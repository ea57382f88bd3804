"""What the user may choose, as a script asks for it. One run says which inputs there are. Pure."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from holdfast.core.timeframes import Timeframe
from holdfast.scripts.language import output as out
from holdfast.scripts.language.output import COLOURS, Floats, InputKind, InputSpec, Value
from holdfast.scripts.language.words import Mistake, Names, did_you_mean
from holdfast.scripts.ta.catalogue import SOURCES, BadInput

_LARGEST: Final = 2**53
_TRUTHS: Final = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


def checked(spec: InputSpec, value: object) -> Value:
    """The value, if it is one that may be chosen; text is read as what the input is.

    Raises:
        BadInput: it is not; the message says what may be chosen.
    """
    if spec.kind == "bool":
        found = _TRUTHS.get(value.strip().lower()) if isinstance(value, str) else value
        if isinstance(found, bool):
            return found
        raise BadInput(f"{spec.label} must be true or false, not {_short(value)}")
    if spec.options is not None:
        if isinstance(value, str) and value in spec.options:
            return value
        raise BadInput(f"{spec.label} must be one of {', '.join(spec.options)}, not {_short(value)}")
    whole = spec.kind == "int"
    number = _number(value, whole)
    low, high = -_LARGEST if spec.min is None else spec.min, _LARGEST if spec.max is None else spec.max
    if number is not None and low <= number <= high:
        return number
    raise BadInput(f"{spec.label} must be {_range(spec)}, not {_short(value)}")


def _number(value: object, whole: bool) -> int | float | None:
    if isinstance(value, str):
        try:
            value = int(value) if whole else float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    if whole:
        return int(value) if value == int(value) else None
    return float(value)


def _range(spec: InputSpec) -> str:
    number = "a whole number" if spec.kind == "int" else "a number"
    if spec.min is not None and spec.max is not None:
        return f"{number} from {spec.min:g} to {spec.max:g}"
    if spec.min is not None:
        return f"{number} of {spec.min:g} or more"
    return number if spec.max is None else f"{number} of {spec.max:g} or less"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:39] + "…"


def name_of(label: str) -> str:
    """The key of an input or plot with this label: its letters and digits in lower case, ``_`` between."""
    words = "".join(one if one.isalnum() else " " for one in label.casefold()).split()
    return "_".join(words)[: out.LONGEST_NAME]


class Inputs:
    """The ``input`` of one run: remembers what was asked for, and answers with what was chosen."""

    def __init__(self, chosen: Mapping[str, Value], source: Callable[[str], Floats]) -> None:
        self._chosen = chosen
        self._source = source
        self.specs: list[InputSpec] = []
        self.values: dict[str, str] = {}
        """By label, as people read them."""

    @property
    def names(self) -> Names:
        """What a script calls ``input``."""
        return Names(
            "input",
            int=self.whole,
            float=self.decimal,
            bool=self.switch,
            choice=self.choice,
            source=self.source,
            color=self.color,
            timeframe=self.timeframe,
            symbol=self.symbol,
        )

    def check_all_known(self) -> None:
        """Raises ``Mistake`` where something was chosen that the script has not asked for."""
        known = [spec.name for spec in self.specs]
        for name in self._chosen:
            if name not in known:
                listed = f"Its inputs are {', '.join(known)}." if known else "It has none."
                raise Mistake(
                    f"The script has no input {str(name)[:40]!r}.{did_you_mean(str(name), known)} {listed}",
                    "refused",
                )

    def whole(
        self,
        label: str,
        default: int,
        min: int | None = None,
        max: int | None = None,
        step: int | None = 1,
        help: str = "",
    ) -> int:
        """A whole number the user may change, such as a length in bars."""
        return int(self._ask(label, "int", default, min=min, max=max, step=step, help=help))

    def decimal(
        self,
        label: str,
        default: float,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        help: str = "",
    ) -> float:
        """A number the user may change."""
        return float(self._ask(label, "float", default, min=min, max=max, step=step, help=help))

    def switch(self, label: str, default: bool = False, help: str = "") -> bool:
        """Something the user may switch on or off."""
        return bool(self._ask(label, "bool", default, help=help))

    def choice(self, label: str, default: str, options: Sequence[str], help: str = "") -> str:
        """One of several words, such as "fast" or "slow"."""
        wrong = isinstance(options, str) or not all(isinstance(one, str) for one in options)
        if wrong or not options or len(set(options)) != len(options):
            raise Mistake('The options of input.choice() are a list of different texts: ["fast", "slow"].')
        return str(self._ask(label, "choice", default, options=list(options), help=help))

    def source(self, label: str = "Source", default: str = "close", help: str = "") -> Floats:
        """A price of the bars to calculate with: close, open, high, low, hl2, hlc3 or ohlc4. A series."""
        return self._source(str(self._ask(label, "source", default, options=list(SOURCES), help=help)))

    def color(self, label: str, default: str = "violet", help: str = "") -> str:
        """One of the eight colours of plots."""
        return str(self._ask(label, "color", default, options=list(COLOURS), help=help))

    def timeframe(self, label: str, default: str = "1d", help: str = "") -> str:
        """A timeframe for bars.at(), such as "1d"."""
        return str(
            self._ask(label, "timeframe", default, options=[one.value for one in Timeframe], help=help)
        )

    def symbol(self, *_: object, **__: object) -> str:
        """Not available: a script reads the symbol it is run on."""
        raise Mistake("input.symbol is not available: a script reads the symbol it is run on.", "refused")

    def _ask(
        self,
        label: str,
        kind: InputKind,
        default: Value,
        *,
        min: float | None = None,
        max: float | None = None,
        step: float | None = None,
        options: list[str] | None = None,
        help: str = "",
    ) -> Value:
        spec = self._spec(label, kind, default, min, max, step, options, help)
        self.specs.append(spec)
        if spec.name not in self._chosen:
            value = spec.default
        else:
            try:
                value = checked(spec, self._chosen[spec.name])
            except BadInput as error:
                raise Mistake(f"{error}.", "refused") from None
        self.values[spec.label] = f"{value:g}" if isinstance(value, float) else str(value)
        return value

    def _spec(
        self,
        label: str,
        kind: InputKind,
        default: Value,
        low: float | None,
        high: float | None,
        step: float | None,
        options: list[str] | None,
        help: str,
    ) -> InputSpec:
        if not isinstance(label, str) or not isinstance(help, str):
            raise Mistake(f'The label and the help of input.{kind}() are texts: input.{kind}("Length", …).')
        label, help = out.clean(label.strip(), out.LONGEST_NAME), out.clean(help, out.LONGEST_TEXT)
        name = name_of(label)
        if not name:
            raise Mistake(f"The label of input.{kind}() needs a letter or a digit.")
        if any(spec.name == name for spec in self.specs):
            raise Mistake(f"Two inputs are called {label!r}. Give each its own label.")
        if len(self.specs) == out.MOST_INPUTS:
            raise Mistake(f"A script has at most {out.MOST_INPUTS} inputs.", "limit")
        least, most = self._limit(label, "min", low), self._limit(label, "max", high)
        step = self._limit(label, "step", step)
        options = None if options is None else [out.clean(one, out.LONGEST_NAME) for one in options]
        if options is not None and len(options) > out.MOST_OPTIONS:
            raise Mistake(f"An input has at most {out.MOST_OPTIONS} options.", "limit")
        spec = InputSpec(name, label, kind, default, least, most, step, options, help)
        if isinstance(default, str) and kind in ("int", "float", "bool"):
            raise Mistake(f"The default of {label!r} is a number, not text: leave out the quotes.")
        try:
            return replace(spec, default=checked(spec, default))
        except BadInput as error:
            raise Mistake(f"The default does not fit: {error}.") from None

    @staticmethod
    def _limit(label: str, which: str, limit: object) -> float | None:
        if limit is None:
            return None
        number = _number(limit, whole=False)
        if (
            number is None
            or isinstance(limit, str)
            or abs(number) > _LARGEST
            or (which == "step" and number <= 0)
        ):
            raise Mistake(f"The {which} of {label!r} must be a number, not {_short(limit)}.")
        return number
