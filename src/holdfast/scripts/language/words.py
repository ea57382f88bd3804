"""What a script is told when it uses a name wrongly. Pure."""

import difflib
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from holdfast.scripts.language.output import FaultKind


class Mistake(Exception):
    """Something in the script needs correcting; the message says what, and what to do."""

    def __init__(self, message: str, kind: FaultKind = "script") -> None:
        super().__init__(message)
        self.message = message
        self.kind: FaultKind = kind


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence with the nearest known name, or nothing."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]}?" if near else ""


class UnknownName(Mistake, AttributeError):
    """So that ``hasattr`` and ``getattr`` with a default work as ever."""


class Names(SimpleNamespace):
    """Names behind a dot, such as those of ``ta``. An unknown one is told with those that are known."""

    def __init__(self, called: str, **names: Any) -> None:
        super().__init__(**names)
        self._called = called

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        known = sorted(one for one in self.__dict__ if not one.startswith("_"))
        called = self.__dict__.get("_called", "")
        listed = f" It has {', '.join(known)}." if len(known) <= 20 else ""
        raise UnknownName(f"{called} has no {name[:40]!r}.{did_you_mean(name, known)}{listed}")

    def __repr__(self) -> str:
        return self._called

    def __call__(self, *_: Any, **__: Any) -> Any:
        known = next(one for one in self.__dict__ if not one.startswith("_"))
        raise Mistake(f"{self._called} is not called by itself. Write for example {self._called}.{known}(…).")
