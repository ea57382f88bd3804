"""The envelope of every Bybit answer, and the refusals that travel in it (bybit.md, section 2 and 6)."""

from decimal import Decimal
from typing import Any, Final

import orjson

from holdfast.core.money import plain

JSON_TYPE: Final = "application/json"


class Refusal(Exception):
    """A business error: HTTP 200 with this ``retCode`` and ``retMsg``."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def envelope(
    result: Any, now_ms: int, *, code: int = 0, message: str = "OK", ext: dict[str, Any] | None = None
) -> bytes:
    return orjson.dumps(
        {"retCode": code, "retMsg": message, "result": result, "retExtInfo": ext or {}, "time": now_ms}
    )


def decimals_of(step: Decimal) -> int:
    """How many decimal places a grid has: 0.001 → 3, 10 → 0."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def on_grid(value: Decimal, step: Decimal) -> str:
    """``value`` with the decimal places of its grid, as the venue prints prices and quantities."""
    return f"{value:.{decimals_of(step)}f}"


def is_whole(text: str) -> bool:
    """ASCII digits only: ``str.isdigit`` also holds for "²", which is no number."""
    return text.isascii() and text.isdigit()


def amount(value: Decimal, places: int = 8) -> str:
    """A money amount: at most ``places`` decimals, plain notation."""
    return plain(round(value, places))
