"""Prices as integer ticks, quantities as integer lots; Decimal only at the edge; never a float."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Annotated, Final

from pydantic import PlainSerializer

CASH_UNIT: Final = Decimal("1e-8")
"""Cash inside the planner is an integer count of this many quote units."""


def plain(value: Decimal) -> str:
    """The number in plain notation ("0.0000001", never "1E-7"), without trailing zeros."""
    text = f"{value:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


Amount = Annotated[Decimal, PlainSerializer(plain, return_type=str, when_used="json")]
"""A Decimal that leaves the API as a plain string."""


def floor_to(value: Decimal, step: Decimal) -> int:
    """How many whole steps fit into ``value`` (towards minus infinity)."""
    return int((value / step).to_integral_value(ROUND_FLOOR))


def ceil_to(value: Decimal, step: Decimal) -> int:
    """The least number of whole steps that is not below ``value``."""
    return int((value / step).to_integral_value(ROUND_CEILING))


def nearest_to(value: Decimal, step: Decimal) -> int:
    """The nearest number of whole steps; a tie goes to the even one."""
    return int((value / step).to_integral_value(ROUND_HALF_EVEN))


def exact_steps(value: Decimal, step: Decimal) -> int:
    """``value`` as a whole number of steps.

    Raises:
        ValueError: ``value`` is not on the grid.
    """
    steps = nearest_to(value, step)
    if steps * step != value:
        raise ValueError(f"{plain(value)} is not a multiple of {plain(step)}")
    return steps
