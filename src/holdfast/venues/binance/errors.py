"""What Binance's refusals mean for us.

The HTTP status decides first, then the number in the body (errors.md, rest-api.md). Only reads are made here:
silence, 5xx and unreadable answers changed nothing.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from holdfast.venues.protocol import RateLimited, Rejected, Unreachable, VenueError

TOO_MANY: Final = "-1003"
_BUSY: Final = frozenset({"-1000", "-1001", "-1006", "-1007", "-1008", "-1016"})
"""The venue's own trouble, whatever the status."""
_LIMITED: Final = {
    429: ("Binance asks for fewer requests.", timedelta(seconds=10)),
    418: ("Binance has shut this address out for too many requests.", timedelta(minutes=2)),
    403: ("Binance's firewall has turned this address away.", timedelta(minutes=1)),
}
_LONGEST: Final = timedelta(days=3)


def from_answer(status: int, headers: Mapping[str, str], body: Any, now: datetime) -> VenueError:
    """The exception that stands for an answer that is not HTTP 200."""
    code, message = _told(body)
    if status in _LIMITED or code == TOO_MANY:
        sentence, pause = _LIMITED.get(status, _LIMITED[429])
        return RateLimited(sentence, until=now + _retry_after(headers, pause), code=code or str(status))
    if status >= 500 or code in _BUSY or not code:
        return Unreachable(
            f"Binance gave no answer: HTTP {status} {message}".strip(), code=code or str(status)
        )
    return Rejected(f"Binance refuses: {message} ({code})", code=code)


def _told(body: Any) -> tuple[str, str]:
    if not isinstance(body, Mapping) or not isinstance(body.get("code"), int):
        return "", ""
    return str(body["code"]), str(body.get("msg", ""))[:300]


def _retry_after(headers: Mapping[str, str], otherwise: timedelta) -> timedelta:
    given = headers.get("Retry-After", "")
    if not given.isascii() or not given.isdigit():
        return otherwise
    return min(timedelta(seconds=int(given)), _LONGEST) if len(given) < 10 else _LONGEST
