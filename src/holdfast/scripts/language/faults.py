"""What went wrong in a script, in words, with the line of the script. Pure."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Final

from holdfast.core.bars import FloatBars
from holdfast.scripts.language import output as out
from holdfast.scripts.language.bars import Series
from holdfast.scripts.language.frame import TooLarge
from holdfast.scripts.language.library import FUNCTIONS
from holdfast.scripts.language.output import Fault, clean
from holdfast.scripts.language.words import Mistake, did_you_mean
from holdfast.scripts.ta.catalogue import BadInput

SCRIPT: Final = "<script>"
"""The file name a script is compiled with."""

_BARS: Final = (
    "time", "open", "high", "low", "close", "volume", "index", "hl2", "hlc3", "ohlc4", "hour", "weekday",
    "symbol", "timeframe", "at",
)  # fmt: skip
_AMBIGUOUS: Final = "truth value of an array"
_SHAPES: Final = "could not be broadcast"


def fault_of(error: BaseException, names: Mapping[str, Any], injected: Mapping[str, Any]) -> Fault:
    """The fault behind an exception. ``names`` are those of the script when it stopped, ``injected`` those it
    began with."""
    if isinstance(error, SyntaxError) and error.filename in (SCRIPT, None):
        return Fault("syntax", _told(f"This is no Python: {error.msg}."), _positive(error.lineno))
    line = _line(error.__traceback__)
    if isinstance(error, Mistake):
        return Fault(error.kind, _told(error.message), line)
    if isinstance(error, TooLarge):
        return Fault("limit", _told(str(error)), None)
    if isinstance(error, MemoryError):
        return Fault("limit", "The script needs too much memory. Use fewer or smaller arrays.", line)
    if isinstance(error, PermissionError | FileNotFoundError | BlockingIOError):
        return Fault("refused", "A script has no files, no network and no other programs.", line)
    return Fault("script", _told(_words(error, names, injected)), line)


def _words(error: BaseException, names: Mapping[str, Any], injected: Mapping[str, Any]) -> str:
    said = _text(error)
    if isinstance(error, BadInput):
        return f"{said}."
    if isinstance(error, NameError) and error.name:
        behind = {one: f"ta.{one}" for one in FUNCTIONS} | {one: f"bars.{one}" for one in _BARS}
        near = did_you_mean(error.name, [*names, *behind])
        for one, full in behind.items():
            near = near.replace(f"mean {one}?", f"mean {full}?")
        return f"{error.name[:40]!r} is not known here.{near}"
    if isinstance(error, AttributeError) and isinstance(error.obj, FloatBars):
        columns = _BARS if isinstance(error.obj, Series) else _BARS[:6]
        name = str(error.name)[:40]
        return f"bars has no {name!r}.{did_you_mean(name, columns)} It has {', '.join(columns)}."
    if isinstance(error, TypeError) and "not callable" in said:
        changed = [name for name in injected if names.get(name) is not injected[name]]
        if changed:
            return (
                f"{said}. The script uses the name {changed[0]!r} for something of its own, which hides "
                f"Holdfast's {changed[0]}. Call yours something else."
            )
    if isinstance(error, ValueError) and _AMBIGUOUS in said:
        return (
            "A series is many values, so it is neither true nor false. Use np.where(condition, a, b) instead "
            "of if, and & | ~ (with brackets) instead of and, or, not."
        )
    if isinstance(error, ValueError) and _SHAPES in said:
        return (
            f"Two series have different lengths ({said}). Use ta.shift() or ta.change() to keep one value "
            "per bar."
        )
    if isinstance(error, ValueError) and "read-only" in said:
        return "The bars cannot be changed. Work on a copy: close = bars.close.copy()."
    if isinstance(error, RecursionError):
        return "A function calls itself without end."
    if isinstance(error, ZeroDivisionError):
        return "Something is divided by zero."
    if isinstance(error, SystemExit | KeyboardInterrupt):
        return "The script stopped itself. It ends with its last line."
    kind = type(error).__name__
    return f"{kind}: {said}" if said else f"{kind}."


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:  # its words are the script's own code
        return ""


def _line(trace: TracebackType | None) -> int | None:
    """The innermost line of the script on the way to the error."""
    line = None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == SCRIPT:
            line = trace.tb_lineno
        trace = trace.tb_next
    return _positive(line)


def _positive(line: int | None) -> int | None:
    return line if line else None


def _told(message: str) -> str:
    return clean(message, out.LONGEST_TEXT)
