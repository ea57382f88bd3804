"""Rows of a file to signals, or to what is wrong with them. Pure."""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from holdfast.core.errors import InvalidInput
from holdfast.market.candles.layouts import any_time, one_number
from holdfast.market.candles.parsing import Bounds, Problem, whole_lines

TYPES: Final = ("buy", "sell", "long", "short", "exit", "info")
ICONS: Final = ("arrow-up", "arrow-down", "circle", "square", "diamond", "star", "flag")
COLOURS: Final = ("up", "down", "ink", "muted", "error", *(f"plot-{number}" for number in range(1, 9)))
"""Names of the page's own colours, which fit light and dark."""
LONGEST_LABEL: Final = 80
_NAMES: Final = ("timestamp", "type", "price", "label", "color", "icon")
_ALSO: Final = {"time": "timestamp", "date": "timestamp", "datetime": "timestamp", "colour": "color"}
_MOST_COLUMNS: Final = 40
_HEX: Final = re.compile(r"#[0-9a-f]{6}")
_MOST_DIGITS: Final = 18
"""Before the point, and behind it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One signal. Empty texts and a price of ``None``: not given. ``time`` in UTC seconds."""

    time: int
    type: str
    price: Decimal | None = None
    label: str = ""
    color: str = ""
    icon: str = ""


@dataclass(slots=True)
class Read:
    """What a file holds: its signals, or how many rows are ``wrong`` and the first of the ``problems``."""

    marks: list[Mark] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    wrong: int = 0


def read(chunks: Iterable[bytes], file_name: str, *, most: int, bounds: Bounds) -> Read:
    """All signals of a CSV file whose first row names its columns, in any order.

    Raises:
        InvalidInput: it is no text, names no timestamp and type, or holds more than ``most`` signals.
    """
    found, seen = Read(), set[Mark]()
    lines = _lines(chunks, file_name)
    places = _places(next(lines, (1, ""))[1], file_name)
    for row, line in lines:
        if not line.strip():
            continue
        try:
            mark = _mark(_cells(line, places), bounds.latest)
            _check_order(mark, found.marks, seen)
        except ValueError as error:
            found.wrong += 1
            if found.wrong <= bounds.most_told:
                found.problems.append(Problem(row, str(error)))
            if found.wrong >= bounds.most_counted:
                break
            continue
        found.marks.append(mark)
        if len(found.marks) > most:
            raise InvalidInput(f"The file holds more than {most:,} signals.", advice="Split it.")
    if not found.marks and not found.wrong:
        raise InvalidInput(f"{file_name} holds no signals.", advice="Check that this is the right file.")
    return found


def _lines(chunks: Iterable[bytes], file_name: str) -> Iterator[tuple[int, str]]:
    """Row number and text. Bytes that are no text become a sign that no column takes."""
    row = 0
    for block in whole_lines(chunks, file_name):
        if 0 in block:
            wrong = row + block[: block.index(0)].count(b"\n") + 1
            raise InvalidInput(
                f"Row {wrong} of {file_name} holds bytes that are no text.", advice="Send a CSV file."
            )
        for line in block.removesuffix(b"\n").split(b"\n"):
            row += 1
            text = line.removesuffix(b"\r").decode(errors="replace")
            yield row, text.removeprefix("\ufeff") if row == 1 else text


def _places(first: str, file_name: str) -> dict[str, int]:
    """Column name → place. Columns of other names are left alone."""
    cells = [cell.strip().strip('"').casefold() for cell in first.split(",")][:_MOST_COLUMNS]
    places: dict[str, int] = {}
    for place, cell in enumerate(cells):
        name = _ALSO.get(cell, cell)
        if name in _NAMES and name in places:
            raise InvalidInput(f"Two columns of {file_name} are named {name}.", advice="Rename one of them.")
        places[name] = place
    if "timestamp" not in places or "type" not in places:
        raise InvalidInput(
            f"Row 1 of {file_name} does not name the columns timestamp and type.",
            advice=f"Begin the file with the row {','.join(_NAMES)}; the last four may be missing.",
        )
    return {name: places[name] for name in _NAMES if name in places}


def _cells(line: str, places: dict[str, int]) -> dict[str, str]:
    if "\ufffd" in line:
        raise ValueError("this is no text in UTF-8")
    try:
        cells: Sequence[str] = next(csv.reader([line], strict=True))
    except csv.Error:
        raise ValueError("a quote is opened and never closed") from None
    if len(cells) <= max(places["timestamp"], places["type"]):
        raise ValueError(f"only {len(cells)} columns")
    return {name: cells[place].strip() if place < len(cells) else "" for name, place in places.items()}


def _mark(cells: dict[str, str], latest: int) -> Mark:
    """Raises ``ValueError`` saying what is wrong."""
    time = any_time(cells["timestamp"])
    if time < 0:
        raise ValueError(f"{cells['timestamp']} is before 1970")
    if time > latest:
        raise ValueError(f"{cells['timestamp']} lies in the future")
    return Mark(
        time,
        _one_of("type", cells["type"], TYPES),
        _price(cells.get("price", "")),
        _label(cells.get("label", "")),
        _colour(cells.get("color", "")),
        _one_of("icon", cells["icon"], ICONS) if cells.get("icon") else "",
    )


def _check_order(mark: Mark, before: Sequence[Mark], seen: set[Mark]) -> None:
    """Signals of one moment may follow each other; the same one twice may not."""
    if before and mark.time < before[-1].time:
        raise ValueError("earlier than the row before")
    if before and mark.time > before[-1].time:
        seen.clear()
    if mark in seen:
        raise ValueError("the same signal twice")
    seen.add(mark)


def _one_of(column: str, cell: str, known: Sequence[str]) -> str:
    if cell.casefold() not in known:
        raise ValueError(f"{column} {cell[:40]!r} is none of {', '.join(known)}")
    return cell.casefold()


def _price(cell: str) -> Decimal | None:
    if not cell:
        return None
    price = one_number(cell)
    if price <= 0:
        raise ValueError("a price of zero or below")
    exponent = price.as_tuple().exponent
    if price.adjusted() >= _MOST_DIGITS or not isinstance(exponent, int) or exponent < -_MOST_DIGITS:
        raise ValueError(f"the price {cell[:40]} has more than {_MOST_DIGITS} digits on a side of its point")
    return price


def _label(cell: str) -> str:
    if len(cell) > LONGEST_LABEL or not cell.isprintable():
        raise ValueError(f"a label has at most {LONGEST_LABEL} characters, and no control signs")
    return cell


def _colour(cell: str) -> str:
    colour = cell.casefold()
    if colour and colour not in COLOURS and not _HEX.fullmatch(colour):
        raise ValueError(f"color {cell[:40]!r} is neither #rrggbb nor one of {', '.join(COLOURS)}")
    return colour
