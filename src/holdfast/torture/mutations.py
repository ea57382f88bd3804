"""Guards taken away on purpose: a torture that does not notice proves nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutation:
    """``broken`` takes the guard away for as long as its block lasts."""

    name: str
    text: str
    broken: Callable[[], AbstractContextManager[None]]


MUTATIONS: dict[str, Mutation] = {}
