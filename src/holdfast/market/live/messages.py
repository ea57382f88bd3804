"""What the feed announces about series to every process that has listeners. Pure."""

from dataclasses import dataclass
from typing import Any, Final

from holdfast.core.bars import Bars
from holdfast.core.money import plain
from holdfast.market.live.minutes import Minute, Tail

CHANNEL: Final = "candles"


@dataclass(frozen=True, slots=True)
class Announcement:
    """Every minute of [``start``, ``until``) that exists is in ``closed`` and in the store. ``at``:
    milliseconds."""

    start: int
    until: int
    closed: Bars
    forming: Bars
    at: int


def encode(tail: Tail, at_ms: int) -> dict[str, Any]:
    """Prices and volumes as plain strings."""
    return {
        "start": tail.start,
        "until": tail.until,
        "closed": [_row(minute) for minute in tail.closed],
        "forming": [_row(tail.forming)] if tail.forming else [],
        "at": at_ms,
    }


def decode(fields: dict[str, Any]) -> Announcement:
    """The inverse of ``encode``. Raises ``KeyError``, ``TypeError``, ``ValueError``, ``ArithmeticError``."""
    return Announcement(
        int(fields["start"]),
        int(fields["until"]),
        _bars(fields["closed"]),
        _bars(fields["forming"]),
        int(fields["at"]),
    )


def _row(minute: Minute) -> list[int | str]:
    return [minute.time, *(plain(value) for value in minute[1:])]


def _bars(rows: list[list[Any]]) -> Bars:
    return Bars.of_decimals(rows) if rows else Bars.empty()
