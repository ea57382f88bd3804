"""Ids of new rows: random, unless a simulation brings its own source so that a seed replays exactly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID, uuid4

_sources: list[Callable[[], UUID]] = [uuid4]


def new_id() -> UUID:
    """The id of a row that is about to be made."""
    return _sources[-1]()


@contextmanager
def ids_from(source: Callable[[], UUID]) -> Iterator[None]:
    """Within this block of this process every new id comes from ``source``."""
    _sources.append(source)
    try:
        yield
    finally:
        _sources.pop()
