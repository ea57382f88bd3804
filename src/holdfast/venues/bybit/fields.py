"""Reading single values out of Bybit's rows.

Amounts, ids and times are strings on Bybit's wire, and "" stands for "nothing".
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from holdfast.core.instruments import Side
from holdfast.core.time import from_ms

Row = Mapping[str, Any]

ZERO: Final = Decimal(0)
LARGEST_EXPONENT: Final = 30
SETTLE_COIN: Final = "USDT"


class Malformed(ValueError):
    """The venue's answer does not have the documented form."""


def rows_of(result: Row) -> list[Row]:
    """The ``list`` of an answer."""
    found = result.get("list")
    if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
        raise Malformed("the answer has no list of rows")
    return found


def text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def needed(row: Row, name: str) -> str:
    value = text(row, name)
    if not value:
        raise Malformed(f"{name} is missing")
    return value


def number(row: Row, name: str) -> Decimal:
    """A number that must be there."""
    return decimal_of(name, needed(row, name))


def number_or(row: Row, name: str, default: Decimal = ZERO) -> Decimal:
    """A number, or ``default`` where Bybit sends "" or nothing."""
    value = text(row, name)
    return decimal_of(name, value) if value else default


def moment(row: Row, *names: str) -> datetime:
    """The first of the named millisecond stamps that is set."""
    found = next((at for at in (moment_or_none(row, name) for name in names) if at), None)
    if found is None:
        raise Malformed(f"{' or '.join(names)} is missing")
    return found


def moment_or_none(row: Row, name: str) -> datetime | None:
    """A millisecond stamp, or ``None`` where Bybit sends "", "0" or nothing."""
    value = text(row, name)
    if value in ("", "0"):
        return None
    return moment_of(name, decimal_of(name, value))


def moment_of(name: str, milliseconds: Decimal) -> datetime:
    try:
        return from_ms(int(milliseconds))
    except (OverflowError, ValueError, OSError):
        raise Malformed(f"{name} is {milliseconds}, not a moment") from None


def side_of(row: Row) -> Side:
    try:
        return Side(text(row, "side").lower())
    except ValueError:
        raise Malformed(f"side is {text(row, 'side')!r}") from None


def decimal_of(name: str, value: str) -> Decimal:
    """``value`` as a finite number; ``name`` is for the complaint."""
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise Malformed(f"{name} is {value!r}, not a number") from None
    if not parsed.is_finite() or abs(parsed.adjusted()) > LARGEST_EXPONENT:
        raise Malformed(f"{name} is {value!r}, not a number that can be meant")
    return parsed


def part(row: Row, name: str) -> Row:
    """A nested object."""
    inner = row.get(name)
    if not isinstance(inner, Mapping):
        raise Malformed(f"{name} is missing")
    return inner
