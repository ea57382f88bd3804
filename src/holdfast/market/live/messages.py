"""What the feed announces about series to every process that has listeners."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

import orjson
import structlog

from holdfast.core.bars import Bars
from holdfast.core.money import plain
from holdfast.market.live.minutes import Minute, Tail

log = structlog.get_logger(__name__)

CHANNEL: Final = "candles"
_UNUSABLE: Final = (ValueError, KeyError, TypeError, AttributeError, ArithmeticError)


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


def pass_on(data: bytes, wanted: Collection[str], hear: Callable[[str, Announcement], None]) -> None:
    """Let ``hear`` have what a message of the channel says of the series that are wanted. What cannot be used
    costs only itself."""
    try:
        batch = orjson.loads(data)
        found = [(series, fields) for series, fields in batch.items() if series in wanted]
    except _UNUSABLE as error:
        log.warning("unreadable announcements dropped", error=str(error)[:200])
        return
    for series, fields in found:
        try:
            hear(series, decode(fields))
        except _UNUSABLE as error:
            log.warning("unreadable announcement dropped", series=series, error=str(error)[:200])


def _row(minute: Minute) -> list[int | str]:
    return [minute.time, *(plain(value) for value in minute[1:])]


def _bars(rows: list[list[Any]]) -> Bars:
    return Bars.of_decimals(rows) if rows else Bars.empty()
