"""Every name a script may use, for the editor's completion, taken from the code itself. Pure."""

import inspect
from collections.abc import Callable, Iterator
from typing import Any, Final, TypedDict

import numpy as np

from holdfast.scripts.language import modules
from holdfast.scripts.language.bars import ScriptBars
from holdfast.scripts.language.inputs import Inputs
from holdfast.scripts.language.library import FUNCTIONS
from holdfast.scripts.language.page import Page
from holdfast.scripts.ta import REGISTRY
from holdfast.scripts.ta.catalogue import summary


class Entry(TypedDict):
    """``kind``: "function", "value" or "module". ``signature``: of functions, without the name."""

    name: str
    kind: str
    signature: str
    help: str


_COLUMNS: Final = {
    "time": "When each bar opened: UTC seconds.",
    "open": "The first price of each bar.",
    "high": "The highest price of each bar.",
    "low": "The lowest price of each bar.",
    "close": "The last price of each bar.",
    "volume": "What was traded in each bar, in the base coin.",
    "symbol": "The symbol the script runs on, as text.",
    "timeframe": 'The length of the bars, as text: "1h".',
}
_PROPERTIES: Final = ("hl2", "hlc3", "ohlc4", "index", "hour", "weekday")


def _entries() -> Iterator[Entry]:
    inputs = Inputs({}, lambda _: np.empty(0))
    yield _value("bars", "The closed bars, oldest first: one number per bar in each column. Read-only.")
    for name, help in _COLUMNS.items():
        yield _value(f"bars.{name}", help)
    for name in _PROPERTIES:
        yield _value(f"bars.{name}", summary(getattr(ScriptBars, name)))
    yield _function("bars.at", ScriptBars.at)
    yield _module("input", "What the user may change, each with a label and a default.")
    for name, method in vars(inputs.names).items():
        if callable(method) and name != "symbol":
            yield _function(f"input.{name}", method)
    for name, method in Page(0, inputs, "all").names.items():
        yield _function(name, method)
    yield _function("print", modules.names(lambda *_: None)["print"])
    yield _module(
        "np", f"numpy {np.__version__.partition('.')[0]}: where, clip, nan, isnan and all the rest."
    )
    yield _module("ta", "Technical analysis: indicators, and what conditions are built of.")
    for name, function in FUNCTIONS.items():
        entry = _function(f"ta.{name}", function)
        yield Entry(**entry | {"help": _indicator_help(name)}) if name in REGISTRY else entry


def _indicator_help(name: str) -> str:
    """With the name people know it by, and what its series are, in their order."""
    indicator = REGISTRY[name]
    series = ", ".join(plot.label for plot in indicator.plots)
    several = f" Gives {len(indicator.plots)} series: {series}." if len(indicator.plots) > 1 else ""
    return f"{indicator.name}. {indicator.about}{several}"


def _value(name: str, help: str) -> Entry:
    return Entry(name=name, kind="value", signature="", help=help)


def _module(name: str, help: str) -> Entry:
    return Entry(name=name, kind="module", signature="", help=help)


def _function(name: str, function: Callable[..., Any]) -> Entry:
    return Entry(name=name, kind="function", signature=_signature(function), help=summary(function))


def _signature(function: Callable[..., Any]) -> str:
    signature = inspect.signature(function)
    bare = [
        one.replace(annotation=one.empty)
        for one in signature.parameters.values()
        if one.name != "self" and not one.name.startswith("_") and one.name != "universe"
    ]
    return str(signature.replace(parameters=bare, return_annotation=signature.empty))


REFERENCE: Final[list[Entry]] = list(_entries())
