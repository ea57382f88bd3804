"""What a back-test says of the search for look-ahead."""

from typing import Any

from holdfast.backtest import words
from holdfast.scripts.causality import Finding, Report


def report(**changed: Any) -> Report:
    told: dict[str, Any] = {
        "state": "clean",
        "findings": [],
        "complete": True,
        "runs": 11,
        "bars": 500,
        "warmup": 20,
    }
    return Report(**{**told, **changed})


def test_nothing_is_said_of_a_search_that_found_nothing() -> None:
    assert words.of_check(report(), 11, 11) == []


def test_a_search_in_which_the_script_failed_is_no_clean_one() -> None:
    (told,) = words.of_check(report(state="unchecked", complete=False), 11, 11)
    assert told["kind"] == "other"
    assert "not checked wholly whether the script looks ahead" in told["message"]
    assert "any number of them" in told["detail"]


def test_what_was_found_is_told_also_where_a_run_failed() -> None:
    found = Finding("future", "target", 60, "The target changed.")
    told = words.of_check(report(state="suspect", complete=False, findings=[found]), 11, 11)
    assert [one["kind"] for one in told] == ["look-ahead", "other"]


def test_a_search_that_could_not_begin_or_end_says_what_to_do() -> None:
    for made, planned in ((0, 0), (3, 11)):
        (told,) = words.of_check(report(), made, planned)
        assert told["detail"]
