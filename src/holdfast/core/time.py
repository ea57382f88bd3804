"""Time is a parameter. The only reading of the wall clock is ``platform.clock``."""

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, timezone-aware, in UTC."""
        ...


def from_ms(milliseconds: int | str) -> datetime:
    """A UTC datetime from milliseconds since the epoch, exact to the millisecond."""
    whole, rest = divmod(int(milliseconds), 1000)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 1000)


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
