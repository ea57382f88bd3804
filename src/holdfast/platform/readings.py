"""Reading what is kept for users, while messages tell that it has changed."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID


class Readings:
    """What is being read of users just now. A change that is told meanwhile may be missing in what was read:
    it is to be read again."""

    def __init__(self) -> None:
        self._unchanged: dict[int, set[UUID]] = {}

    @contextmanager
    def of(self, users: Iterable[UUID]) -> Iterator[set[UUID]]:
        """While they are read. Those of whom a change is told leave the set."""
        unchanged = set(users)
        self._unchanged[id(unchanged)] = unchanged
        try:
            yield unchanged
        finally:
            del self._unchanged[id(unchanged)]

    def note_changed(self, user_id: UUID) -> None:
        """Something of this user has changed."""
        for unchanged in self._unchanged.values():
            unchanged.discard(user_id)

    def note_all_changed(self) -> None:
        """Something of anybody may have changed."""
        for unchanged in self._unchanged.values():
            unchanged.clear()
