"""What the torture cannot see, because another guard stands behind it, a test of its own holds.

These tests run once more, in a process of their own, each with its guard taken away, and must fail.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tests.torture.taken_away import VARIABLE
from tests.torture.test_mutations import DEFENDED_TWICE

EXECUTION = "tests/execution"
GUARDED_BY = {
    "lease-ignored": "tests/platform/test_jobs.py::test_only_one_holder_and_the_later_has_the_larger_fence",
    "connection-lock-ignored": f"{EXECUTION}/test_trusted_books.py::"
    "test_every_holder_of_the_lock_has_a_larger_number",
    "lock-numbers-ignored": f"{EXECUTION}/test_trusted_books.py::"
    "test_an_old_number_writes_not_even_the_first_fill",
    "no-fencing": f"{EXECUTION}/test_fencing.py::test_a_holder_that_wakes_after_a_takeover_changes_nothing",
    "reduce-only-ignored": f"{EXECUTION}/test_executor.py::"
    "test_closing_is_reduce_only_where_it_reduces_the_account",
    "halts-ignored": f"{EXECUTION}/test_reconcile.py::"
    "test_a_halted_leg_stops_an_opening_before_its_first_order",
    "books-not-looked-at": f"{EXECUTION}/test_trusted_books.py::"
    "test_an_opening_on_doubtful_books_reconciles_first",
    "late-fills-ignored": f"{EXECUTION}/test_reconcile.py::"
    "test_a_fill_of_ours_that_the_executor_never_saw_is_booked_to_its_order",
    "limits-ignored": f"{EXECUTION}/test_gate.py::"
    "test_a_limit_set_after_confirming_ends_it_with_nothing_traded",
    "rebalances-ungated": f"{EXECUTION}/test_gate.py::"
    "test_a_rebalances_reducing_leg_passes_and_its_growing_leg_does_not",
    "rate-budget-ignored": "tests/venues/test_budget.py::"
    "test_a_window_full_at_once_and_the_rest_in_the_next[local]",
}
"""A test for each guard that the torture misses. The mutations that combine several of them need none."""

COMBINED = {
    "fencing-alone": {"lease-ignored", "connection-lock-ignored"},
    "lock-alone": {"lease-ignored", "no-fencing"},
}


@pytest.fixture(scope="module")
def failed(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the tests that failed while they ran, not before."""
    report = tmp_path_factory.mktemp("guards") / "report.xml"
    told = {test: name for name, test in GUARDED_BY.items()}
    arguments = ["-q", "-p", "tests.torture.taken_away", f"--junitxml={report}", *told]
    subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=Path(__file__).parents[2],
        env={**os.environ, VARIABLE: json.dumps(told)},
        capture_output=True,
        check=False,
    )
    cases = ElementTree.parse(report).iter("testcase")
    return {case.get("name", "") for case in cases if case.find("failure") is not None}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", GUARDED_BY)
def test_its_own_test_fails_without_a_guard(name: str, failed: set[str]) -> None:
    assert GUARDED_BY[name].rpartition("::")[2] in failed


def test_every_guard_that_the_torture_misses_has_a_test() -> None:
    assert DEFENDED_TWICE.keys() <= GUARDED_BY.keys() | COMBINED.keys()
    assert set().union(*COMBINED.values()) <= GUARDED_BY.keys()
