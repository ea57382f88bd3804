"""Time is a parameter. The only reading of the wall clock is ``platform.clock``."""

from datetime import UTC, datetime
from typing import Protocol, overload


class Clock(Protocol):
    def now(self) -> datetime:
        """The present moment, timezone-aware, in UTC."""
        ...


def from_ms(milliseconds: int | str) -> datetime:
    """A UTC datetime from milliseconds since the epoch, exact to the millisecond."""
    whole, rest = divmod(int(milliseconds), 1000)
    return datetime.fromtimestamp(whole, UTC).replace(microsecond=rest * 1000)


@overload
def from_seconds(seconds: int) -> datetime: ...
@overload
def from_seconds(seconds: None) -> None: ...
@overload
def from_seconds(seconds: int | None) -> datetime | None: ...
def from_seconds(seconds: int | None) -> datetime | None:
    """A UTC datetime from seconds since the epoch; ``None`` stays ``None``."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def utc_minute(seconds: int) -> str:
    """The minute that a second since the epoch is in, for people: 2026-01-31 23:59, in UTC."""
    return f"{from_seconds(seconds):%Y-%m-%d %H:%M}"


def to_ms(moment: datetime) -> int:
    """Whole milliseconds since the epoch."""
    return int(moment.timestamp()) * 1000 + moment.microsecond // 1000
