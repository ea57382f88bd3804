"""What commands on scripts, back-tests and strategies take alike: a name, a source, inputs."""

from pathlib import Path
from typing import Any

import pytest

from holdfast.app.cli.choosing import one_of, pairs, read

MINE = [
    {"id": "0192-aa", "name": "EMA"},
    {"id": "0192-bb", "name": "EMA slow"},
    {"id": "0193-cc", "name": "Breakout"},
]


@pytest.mark.parametrize(
    ("name", "found"),
    [("EMA", 0), ("EMA s", 1), ("0192-bb", 1), ("0192-b", 1), ("Break", 2), ("0193", 2)],
)
def test_one_is_named_by_its_name_or_id_or_how_they_begin(name: str, found: int) -> None:
    assert one_of(MINE, name, "script") is MINE[found]


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("Nobody", "strategy", ("No strategy of yours is called 'Nobody'.", "`holdfast strategy list`")),
        (
            "0192",
            "back-test",
            ("More than one back-test of yours is called '0192'.", "`holdfast backtest list`"),
        ),
    ],
)
def test_none_and_several_are_refused(name: str, kind: str, words: tuple[str, str], capsys: Any) -> None:
    with pytest.raises(SystemExit):
        one_of(MINE, name, kind)
    told = capsys.readouterr().err
    assert all(one in told for one in words)


def test_inputs_are_pairs(capsys: Any) -> None:
    assert pairs(None) == {}
    assert pairs(["fast=3", "mode=a=b", "note="]) == {"fast": "3", "mode": "a=b", "note": ""}
    for wrong in ("fast", "=3"):
        with pytest.raises(SystemExit):
            pairs([wrong])
        assert f"{wrong!r} is no input." in capsys.readouterr().err


def test_what_is_no_text_is_not_read(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "script.py"
    file.write_bytes(b"\xff\xfe")
    for name, why in ((file, "it is no text"), (tmp_path / "none", "No such file")):
        with pytest.raises(SystemExit):
            read(str(name))
        assert why in capsys.readouterr().err
