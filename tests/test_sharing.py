"""How the tests are shared out to processes."""

import os

import pytest


def test_the_tests_of_a_file_stay_in_one_process(request: pytest.FixtureRequest) -> None:
    """xdist says so by a group at the end of the test's name; without it, files fall apart into tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there is one process")
    assert request.node.nodeid.endswith("@test_sharing.py")
