"""The list of names is what a script really finds."""

import pytest
from tests.scripts.language.helpers import good

from holdfast.scripts.language.library import FUNCTIONS
from holdfast.scripts.language.reference import REFERENCE
from holdfast.scripts.ta import REGISTRY


def test_every_name_is_there_and_explained() -> None:
    names = [one["name"] for one in REFERENCE]
    assert len(set(names)) == len(names)
    assert {
        "bars",
        "input",
        "ta",
        "np",
        "plot",
        "marker",
        "hline",
        "signal",
        "alert",
        "target",
        "script",
    } <= {*names}
    assert {f"ta.{name}" for name in FUNCTIONS} <= {*names}
    assert {f"ta.{name}" for name in REGISTRY} <= {*names}
    for one in REFERENCE:
        assert one["help"].strip().endswith((".", "…"))
        assert "``" not in one["help"]
        assert one["kind"] in {"function", "value", "module"}
        assert one["signature"].startswith("(") == (one["kind"] == "function")
        assert "Any" not in one["signature"]


@pytest.mark.parametrize("name", [one["name"] for one in REFERENCE])
def test_a_script_finds_the_name(name: str) -> None:
    good(name)


def test_several_series_are_named_in_their_order() -> None:
    found = next(one for one in REFERENCE if one["name"] == "ta.macd")
    assert found["signature"] == "(values, fast=12, slow=26, smooth=9)"
    assert found["help"].endswith("Gives 3 series: Histogram, MACD, Signal.")
