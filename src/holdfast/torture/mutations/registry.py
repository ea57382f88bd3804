"""What a guard taken away is, and the list of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

Change = tuple[Any, str, Any]


@dataclass(frozen=True, slots=True)
class Mutation:
    """``changes``: what stands in the place of which attribute of what while it is ``broken``."""

    name: str
    text: str
    changes: Callable[[], list[Change]]

    @contextmanager
    def broken(self, *users: ModuleType) -> Iterator[None]:
        """The guard is taken away for as long as this block lasts; also from ``users``, which have imported
        it by its name."""
        changes = self.changes()
        changes += [
            (user, name, value)
            for owner, name, value in changes
            for user in users
            if getattr(user, name, None) is getattr(owner, name)
        ]
        before = [(owner, name, getattr(owner, name)) for owner, name, _ in changes]
        try:
            for owner, name, value in changes:
                setattr(owner, name, value)
            yield
        finally:
            for owner, name, value in before:
                setattr(owner, name, value)


MUTATIONS: Final[dict[str, Mutation]] = {}


def mutation(text: str) -> Callable[[Callable[[], list[Change]]], None]:
    """Keeps what it decorates as a mutation of that name."""

    def register(changes: Callable[[], list[Change]]) -> None:
        name = changes.__name__.replace("_", "-")
        MUTATIONS[name] = Mutation(name, text, changes)

    return register
