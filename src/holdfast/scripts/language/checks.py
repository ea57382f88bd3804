"""What a frame's header may say, member by member. Everything else is a ``BadFrame``. Pure."""

import json
from dataclasses import fields
from typing import Any, Final, NoReturn, cast, get_args

import numpy as np

from holdfast.scripts.language import output as out
from holdfast.scripts.language.output import Fault, FaultKind, InputKind, InputSpec, Line, Value, clean

LARGEST: Final = 2.0**53
"""Of a number that is an input, or a limit of one."""

_loads = json.loads
_INPUT: Final = frozenset(field.name for field in fields(InputSpec))


class BadFrame(ValueError):
    """These bytes are no output of a script over so many bars."""


def parse(part: memoryview) -> Any:
    """The JSON in these bytes; no infinite numbers."""
    try:
        return _loads(bytes(part).decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadFrame("header or logs are no JSON") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


def members(value: Any, names: frozenset[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        raise BadFrame("members are missing, or strange")
    return value


def listed(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise BadFrame(f"no list, or one of more than {most}")
    return value


def row(value: Any, size: int) -> list[Any]:
    found = listed(value, size)
    if len(found) != size:
        raise BadFrame(f"not a row of {size}")
    return found


def text(value: Any, most: int) -> str:
    if not isinstance(value, str) or clean(value, most) != value:
        raise BadFrame("no text, too long, or one that cannot be shown")
    return value


def name(value: Any) -> str:
    found = text(value, out.LONGEST_NAME)
    if not found:
        raise BadFrame("an empty name")
    return found


def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise BadFrame("neither true nor false")
    return value


def number(value: Any) -> float:
    if type(value) not in (int, float) or not -LARGEST <= value <= LARGEST:
        raise BadFrame("no number, or too large")
    return float(value)


def colour(value: Any) -> int:
    if type(value) is not int or not 0 <= value < len(out.COLOURS):
        raise BadFrame("no colour")
    return value


def one_of(value: Any, choices: Any) -> Any:
    if not isinstance(value, str) or value not in get_args(choices):
        raise BadFrame("not one of the choices")
    return value


def input_spec(value: Any) -> InputSpec:
    said = members(value, _INPUT)
    kind = cast(InputKind, one_of(said["kind"], InputKind))
    options = said["options"]
    if options is not None:
        options = [text(one, out.LONGEST_NAME) for one in listed(options, out.MOST_OPTIONS)]
    low, high, step = (None if said[one] is None else number(said[one]) for one in ("min", "max", "step"))
    default = _default(kind, said["default"], options)
    if kind in ("int", "float"):
        within = (low is None or low <= float(default)) and (high is None or float(default) <= high)
        if not within:
            raise BadFrame("a default beyond its limits")
    return InputSpec(
        name(said["name"]), text(said["label"], out.LONGEST_NAME), kind, default, low, high, step, options,
        text(said["help"], out.LONGEST_TEXT),
    )  # fmt: skip


def _default(kind: InputKind, value: Any, options: list[str] | None) -> Value:
    if kind == "bool":
        return truth(value)
    if kind == "int":
        if type(value) is not int:
            raise BadFrame("a default that is not whole")
        return int(number(value))
    if kind == "float":
        return number(value)
    if not isinstance(value, str) or options is None or value not in options:
        raise BadFrame("a default that is no option")
    return value


def fault(value: Any) -> Fault | None:
    if value is None:
        return None
    kind, message, line = row(value, 3)
    if line is not None and (type(line) is not int or not 1 <= line <= LARGEST):
        raise BadFrame("an error at no line")
    return Fault(one_of(kind, FaultKind), text(message, out.LONGEST_TEXT), line)


def level(value: Any) -> Line:
    height, label, tone = row(value, 3)
    if type(height) not in (int, float) or not abs(height) < np.inf:
        raise BadFrame("a level that is no number")
    try:
        return Line(float(height), text(label, out.LONGEST_NAME), colour(tone))
    except OverflowError as error:
        raise BadFrame("a level that is too high") from error
