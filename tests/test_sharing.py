"""How the tests are shared out to processes."""

import os
import re

import pytest

DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def test_the_tests_of_a_file_stay_in_one_process(request: pytest.FixtureRequest) -> None:
    """xdist says so by a group at the end of the test's name; without it, files fall apart into tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there is one process")
    assert request.node.nodeid.endswith("@test_sharing.py")


def test_no_name_of_a_test_is_drawn_anew_by_each_process(request: pytest.FixtureRequest) -> None:
    """Processes that collect different names carry out none. What stands in the file was not drawn."""
    names = ((item, found.group()) for item in request.session.items if (found := DRAWN.search(item.nodeid)))
    assert not [item.nodeid for item, drawn in names if drawn not in item.path.read_text()]
