"""What is loaded in the jail before it is locked, since nothing can be loaded afterwards."""

import importlib
import importlib.abc
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final

import numpy as np

_NEEDED: Final = (
    "numpy.fft", "numpy.linalg", "numpy.random", "numpy.polynomial", "numpy.ma", "numpy.lib.stride_tricks",
    "numpy.lib.recfunctions", "numpy.strings", "numpy.char", "numpy.rec", "numpy.exceptions", "talib",
    "bisect", "collections.abc", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "heapq", "itertools", "json.decoder", "json.encoder", "math", "operator", "random", "re",
    "statistics", "string", "time", "typing", "traceback", "linecache", "tokenize", "ast", "unicodedata",
    "_strptime", "locale", "encodings.idna", "encodings.utf_8", "encodings.latin_1", "encodings.ascii",
    "encodings.unicode_escape", "encodings.raw_unicode_escape", "encodings.utf_16", "stringprep",
)  # fmt: skip
"""What a script may import, and what that loads when it is first used, which would be too late."""


class Refusal(importlib.abc.MetaPathFinder):
    """Says so, instead of looking for files that nobody can open."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        del path, target
        raise ModuleNotFoundError(
            f"{fullname} is not loaded in the sandbox, and nothing can be loaded there.", name=fullname
        )


def load() -> None:
    """Import all of it, and use once what numpy and Python put off until it is used."""
    for name in _NEEDED:
        importlib.import_module(name)
    values = np.arange(64.0)
    np.polyfit(values, values, 1)
    np.linalg.svd(values.reshape(8, 8))
    np.lib.stride_tricks.sliding_window_view(values, 5).mean(axis=1)
    np.random.default_rng(1).normal(size=3)
    np.fft.rfft(values)
    np.quantile(values, 0.3)
    np.array2string(values)
    np.datetime64(0, "s").astype("datetime64[M]").astype(str)


def close() -> None:
    """From now on only what is loaded can be imported."""
    sys.meta_path[:] = [Refusal()]
    sys.path.clear()
    sys.path_hooks.clear()
    sys.path_importer_cache.clear()
