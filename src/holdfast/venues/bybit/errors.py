"""What Bybit's numbers mean for us.

Only the number decides: texts differ between Bybit's documentation and its wire. Sources: the error page of
the V5 documentation and the rate-limit page. A code that is not in the table is a refusal, shown with its
number, because the venue did answer; silence, 5xx and unreadable answers are never taken for a refusal.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final

from pybit.exceptions import FailedRequestError, InvalidRequestError

from holdfast.core.time import from_ms
from holdfast.venues.protocol import (
    DuplicateClientId,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
    VenueError,
)

ALREADY_SO: Final = frozenset({110025, 110026, 110027, 110043, 34040})
"""The setting already has the wanted value: success."""

ALREADY_FINAL: Final = frozenset({"110008", "110010", "170139", "170142", "170190"})
"""There is nothing left to cancel: success for a cancel."""

CLOCK_CODE: Final = "10002"
RATE_CODES: Final = frozenset({"10006", "20003", "10429", "170222", "170005"})
"""The limit of one account and endpoint is reached."""

IP_LIMIT_CODES: Final = frozenset({"403", "10018"})
IP_SILENCE: Final = timedelta(minutes=10)

_PAUSE: Final = timedelta(seconds=3)
_DEFAULT_RESET: Final = timedelta(seconds=1)
_LONGEST_RESET: Final = timedelta(seconds=60)


class Meaning(Enum):
    REFUSAL = auto()
    KEY = auto()
    LIMIT = auto()
    IP_LIMIT = auto()
    PAUSE = auto()
    CLOCK = auto()
    UNKNOWN = auto()
    DUPLICATE = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    codes: tuple[int, ...]
    meaning: Meaning
    sentence: str


_ENTRIES: Final = (
    _Entry((10002,), Meaning.CLOCK, "The clocks of Holdfast and Bybit disagree."),
    _Entry(
        (10003,),
        Meaning.KEY,
        "Bybit does not know this API key, or it belongs to another environment or region.",
    ),
    _Entry(
        (10004,),
        Meaning.KEY,
        "The signature is wrong: the API secret does not belong to this key.",
    ),
    _Entry((10005,), Meaning.KEY, "The API key lacks a permission this needs."),
    _Entry((10007, 10008, 10027), Meaning.KEY, "Bybit has blocked this user or this API key."),
    _Entry(
        (10009, 10024),
        Meaning.KEY,
        "Bybit does not serve this account from this region.",
    ),
    _Entry((10010,), Meaning.KEY, "The address of this server is not on the API key's list of addresses."),
    _Entry((33004, -2015), Meaning.KEY, "The API key has expired."),
    _Entry(
        (10006, 20003, 10429, 170222, 170005),
        Meaning.LIMIT,
        "Bybit's rate limit for this account is reached.",
    ),
    _Entry((10018,), Meaning.IP_LIMIT, "Bybit's rate limit for this server's address is reached."),
    _Entry((110063,), Meaning.PAUSE, "Bybit is settling this contract."),
    _Entry(
        (10000, 10014, 10016, 10019, 429, 110079, 170001, 170007, 170032, 170144, 170146, 170191),
        Meaning.UNKNOWN,
        "Bybit did not say clearly whether this was done.",
    ),
    _Entry((110072, 170141), Meaning.DUPLICATE, "Bybit already has an order with this id."),
    _Entry((10001,), Meaning.REFUSAL, "Bybit does not accept a value of this request."),
    _Entry(
        (10028, 100028, 110067, 110088, 110097),
        Meaning.REFUSAL,
        "This needs a Unified Trading Account: upgrade the account on Bybit.",
    ),
    _Entry((110001, 170213), Meaning.REFUSAL, "Bybit does not know this order (any more)."),
    _Entry((110008, 110010, 170139, 170142, 170190), Meaning.REFUSAL, "The order has already ended."),
    _Entry(
        (110003, 110120, 110121, 30208, 30209, 170132, 170133, 170192, 170193, 170194, 170371, 170372),
        Meaning.REFUSAL,
        "The price is outside the band Bybit allows now.",
    ),
    _Entry(
        (110004, 110006, 110007, 110012, 110014, 110044, 110045, 110051, 110052, 110053, 170033, 170131),
        Meaning.REFUSAL,
        "There is not enough free margin on the account.",
    ),
    _Entry((110005,), Meaning.REFUSAL, "The position is being liquidated or deleveraged."),
    _Entry((110009, 110020, 170810), Meaning.REFUSAL, "The account has too many open orders."),
    _Entry(
        (110011, 110035, 110039, 110040, 110046),
        Meaning.REFUSAL,
        "This would lead to a liquidation.",
    ),
    _Entry(
        (110013, 110047, 110048, 110085, 110086, 110089, 110090),
        Meaning.REFUSAL,
        "The position would exceed the account's risk limit for this contract.",
    ),
    _Entry((110017,), Meaning.REFUSAL, "There is no position left that this order could reduce."),
    _Entry((110021, 110022), Meaning.REFUSAL, "Bybit does not let positions in this contract grow now."),
    _Entry(
        (110023, 110042, 30228),
        Meaning.REFUSAL,
        "This contract is being closed: only reducing is allowed.",
    ),
    _Entry(
        (110024, 110028),
        Meaning.REFUSAL,
        "The position mode is fixed while there is a position or an order.",
    ),
    _Entry((110036, 110038, 110077), Meaning.REFUSAL, "The account's margin mode forbids this."),
    _Entry(
        (110066, 110074, 170151, 170157, 170031, 170159),
        Meaning.REFUSAL,
        "This is not traded now.",
    ),
    _Entry((110094, 170136, 170140), Meaning.REFUSAL, "The order is smaller than Bybit's minimum."),
    _Entry((170124, 170341, 170381, 170382), Meaning.REFUSAL, "The order is larger than Bybit allows."),
    _Entry(
        (170134, 170137, 170148),
        Meaning.REFUSAL,
        "Bybit takes fewer decimals than this price or quantity has.",
    ),
    _Entry((170121,), Meaning.REFUSAL, "Bybit does not know this symbol."),
    _Entry(
        (110095, 110096, 110098, 110099, 110100, 110103),
        Meaning.REFUSAL,
        "This contract is before its opening or in an auction.",
    ),
    _Entry((110118,), Meaning.REFUSAL, "There is too little on the other side of the book."),
    _Entry(
        (110123, 110124, 110125, 110132),
        Meaning.REFUSAL,
        "Bybit wants something accepted on its site before this contract can be traded.",
    ),
)

_TABLE: Final = {code: entry for entry in _ENTRIES for code in entry.codes}
_HEX_SIGNATURE: Final = re.compile(r"\b[0-9a-fA-F]{64}\b")


def redact(text: str, secrets: Iterable[str]) -> str:
    """``text`` without the given secrets and without anything that looks like a signature.

    Bybit's own answer to a bad signature repeats the string that was signed, key included.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[hidden]")
    return _HEX_SIGNATURE.sub("[hidden]", text)[:300]


def silence(detail: str, *, write: bool, code: str = "") -> VenueError:
    """No clear answer: a write may have happened, a read changed nothing."""
    if write:
        return OutcomeUnknown(
            f"Bybit gave no clear answer; the order may or may not be there. ({detail})", code=code
        )
    return Unreachable(f"Bybit gave no clear answer. ({detail})", code=code)


def from_code(
    code: int, text: str, *, write: bool, now: datetime, reset_at: datetime | None = None
) -> VenueError:
    """The exception for a retCode. ``text`` is the venue's message, already redacted; ``reset_at`` comes from
    the rate-limit header."""
    entry = _TABLE.get(code)
    number = str(code)
    if entry is None:
        return Rejected(f"Bybit refused this. (Bybit {number}: {text})", code=number)
    message = f"{entry.sentence} (Bybit {number}: {text})"
    match entry.meaning:
        case Meaning.REFUSAL:
            return Rejected(message, code=number)
        case Meaning.KEY:
            return KeyRefused(message, code=number)
        case Meaning.DUPLICATE:
            return DuplicateClientId(message, code=number)
        case Meaning.LIMIT:
            return RateLimited(message, until=_sane_reset(reset_at, now), code=number)
        case Meaning.IP_LIMIT:
            return RateLimited(message, until=now + IP_SILENCE, code=number)
        case Meaning.PAUSE:
            return RateLimited(message, until=now + _PAUSE, code=number)
        case Meaning.CLOCK:
            return RateLimited(message, until=now, code=number)
        case Meaning.UNKNOWN:
            return silence(message, write=write, code=number)


def from_exception(
    error: Exception, *, write: bool, now: datetime, offset: timedelta, secrets: Iterable[str]
) -> VenueError:
    """The exception for whatever pybit or requests raised.

    ``offset`` is the venue's clock minus ours. The text of unforeseen exceptions is left out: that of an
    invalid header, for one, holds the header.
    """
    if not isinstance(error, InvalidRequestError | FailedRequestError):
        return silence(type(error).__name__, write=write)
    code = _whole(error.status_code)
    if code is None:
        return silence("an unreadable code", write=write)
    if isinstance(error, FailedRequestError):
        return _from_http(code, write=write, now=now)
    said, reset_at = redact(str(error.message), secrets), reset_of(error.resp_headers, offset)
    return from_code(code, said, write=write, now=now, reset_at=reset_at)


def reset_of(headers: object, offset: timedelta) -> datetime | None:
    """When the rate limit starts anew, on our clock."""
    get = getattr(headers, "get", None)
    stamp = get("X-Bapi-Limit-Reset-Timestamp") if get else None
    if stamp is None or not str(stamp).isdigit():
        return None
    try:
        return from_ms(str(stamp)) - offset
    except (OverflowError, ValueError):
        return None


def _from_http(status: int, *, write: bool, now: datetime) -> VenueError:
    if status == 403:
        return RateLimited(
            "Bybit refuses this server's address: too many requests, or its region. (HTTP 403)",
            until=now + IP_SILENCE,
            code="403",
        )
    if status == 401:
        return KeyRefused("Bybit does not accept this API key. (HTTP 401)", code="401")
    if status == 409:
        return silence("the answer could not be read", write=write)
    return silence(f"HTTP {status}", write=write, code=str(status))


def _whole(code: object) -> int | None:
    try:
        return int(str(code))
    except ValueError:
        return None


def _sane_reset(reset_at: datetime | None, now: datetime) -> datetime:
    if reset_at is None or reset_at <= now:
        return now + _DEFAULT_RESET
    return min(reset_at, now + _LONGEST_RESET)
