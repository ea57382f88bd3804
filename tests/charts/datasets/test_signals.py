"""Rows of signals: read in any order of columns, refused by their number."""

from decimal import Decimal

import pytest

from holdfast.charts.datasets.signals import Mark, read
from holdfast.core.errors import InvalidInput
from holdfast.market.candles.parsing import Bounds

NOW = 1_800_000_000
HEAD = "timestamp,type,price,label,color,icon"
BOUNDS = Bounds(latest=NOW, most_told=200, most_counted=1000)


def of(text: str | bytes, most: int = 100):
    content = text.encode() if isinstance(text, str) else text
    return read([content], "signals.csv", most=most, bounds=BOUNDS)


def test_every_column_is_read_wherever_it_stands() -> None:
    found = of(
        'ICON,Color,Price,note,TYPE,Timestamp,Label\nflag,#FF00aa,97000.10,x,Buy,1700000000000,"in, now"\n'
    )
    assert found.marks == [Mark(1_700_000_000, "buy", Decimal("97000.10"), "in, now", "#ff00aa", "flag")]


@pytest.mark.parametrize("at", ["1700000000", "1700000000000", "1700000000000000", "2023-11-14T22:13:20Z"])
def test_every_unit_of_time_is_understood(at: str) -> None:
    assert of(f"{HEAD}\n{at},info,,,,\n").marks == [Mark(1_700_000_000, "info")]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("1700000000,hold,,,,", "none of buy, sell"),
        ("soon,buy,,,,", "no time"),
        ("-5,buy,,,,", "before 1970"),
        ("1900000000,buy,,,,", "future"),
        ("1700000000,buy,-1,,,", "zero or below"),
        ("1700000000,buy,nan,,,", "no number"),
        ("1700000000,buy,1e30,,,", "digits"),
        ("1700000000,buy,,\x07,,", "label"),
        (f"1700000000,buy,,{'x' * 81},,", "label"),
        ("1700000000,buy,,,red,", "#rrggbb"),
        ("1700000000,buy,,,,skull", "arrow-up"),
        ("1600000000,buy,,,,", "earlier"),
        ("1650000000,sell,,,,", "twice"),
        ("1700000000", "only 1 columns"),
        ('1700000000,buy,,"open', "quote"),
    ],
)
def test_a_wrong_row_is_told_by_its_number(row: str, says: str) -> None:
    found = of(f"{HEAD}\n1650000000,sell,,,,\n{row}\n1750000000,exit,,,,\n")
    assert found.wrong == 1
    (problem,) = found.problems
    assert problem.row == 3
    assert says in problem.message


def test_all_wrong_rows_are_counted_and_the_first_told() -> None:
    found = of(HEAD + "\n" + "1,nothing,,,,\n" * 700)
    assert (found.wrong, len(found.problems), found.problems[-1].row) == (700, 200, 201)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "does not name"),
        (b"time,price\n1,2\n", "does not name"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "no text"),
        (b"timestamp,time,type\n", "Two columns"),
        (HEAD.encode(), "no signals"),
        (HEAD.encode() + b"\n1,buy,,,,\n2,buy,,,,\n3,buy,,,,\n", "more than 2"),
    ],
)
def test_what_is_no_file_of_signals_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        of(content, most=2)
