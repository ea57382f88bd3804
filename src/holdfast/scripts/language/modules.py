"""The built-in functions and the modules a script may use. This keeps scripts clear of what cannot work in
the jail and says so in words; it is the jail, not this list, that keeps them in. Pure."""

import bisect
import builtins
import collections
import dataclasses
import decimal
import enum
import fractions
import functools
import heapq
import itertools
import math
import operator
import statistics
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, NoReturn

import numpy
import numpy.fft
import numpy.lib.stride_tricks
import numpy.linalg
import numpy.ma
import numpy.polynomial
import numpy.random

from holdfast.scripts.language.words import Mistake, did_you_mean

ALLOWED: Final[Mapping[str, ModuleType]] = {
    module.__name__: module
    for module in (
        bisect, collections, dataclasses, decimal, enum, fractions, functools, heapq, itertools, math, numpy,
        operator, statistics, typing,
    )
}  # fmt: skip

_WHY: Final = {
    "open": "Scripts have no files. Bring your own data in on the page Your data and run the script on it.",
    "eval": "Write the calculation itself.",
    "exec": "Write the code itself.",
    "compile": "Write the code itself.",
    "breakpoint": "Use log() to see what happens.",
    "help": "The documentation of scripts lists every name.",
    "exit": "A script ends with its last line.",
    "quit": "A script ends with its last line.",
}
_LEFT_OUT: Final = {*_WHY, "input", "copyright", "credits", "license", "__import__", "__loader__", "__spec__"}
_INSTEAD: Final = {
    "pandas": " Use numpy and ta: bars.close and all the others are numpy arrays.",
    "talib": " Use ta: ta.rsi, ta.ema and so on.",
    "time": " Scripts have no clock: bars.time says when each bar opened.",
    "datetime": " Use bars.hour, bars.weekday, or bars.time.astype('datetime64[s]').",
    "random": " A script that rolls dice does not give the same values twice. If you must, use np.random.",
}


class CannotImport(Mistake, ImportError):
    """So that a script may try one module and take another."""


def names(say: Callable[..., None]) -> dict[str, Any]:
    """The built-in functions of a script. ``print`` goes to ``say``."""
    allowed = {name: value for name, value in vars(builtins).items() if name not in _LEFT_OUT}
    refused = {name: _refused(name, why) for name, why in _WHY.items()}

    def show(*values: Any, sep: str | None = " ", end: str | None = None, **_: Any) -> None:
        """Write a line into the script's log, as log() does."""
        say((" " if sep is None else sep).join(str(one) for one in values) + (end or "").rstrip("\n"))

    return allowed | refused | {"print": show, "__import__": _import}


def _refused(name: str, why: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise Mistake(f"{name}() is not available to scripts. {why}", "refused")

    return refuse


def _import(
    name: str,
    _globals: Mapping[str, Any] | None = None,
    _locals: Mapping[str, Any] | None = None,
    fromlist: Sequence[str] | None = (),
    level: int = 0,
) -> ModuleType:
    root = name.partition(".")[0]
    module = ALLOWED.get(root) if level == 0 else None
    inner = sys.modules.get(name) if module is not None else None
    if module is None or inner is None:
        near = did_you_mean(name, ALLOWED)
        raise CannotImport(
            f"{name[:40]!r} cannot be imported.{_INSTEAD.get(root, near)} A script may import "
            f"{', '.join(ALLOWED)}.",
            "refused",
        )
    return inner if fromlist else module
