"""A pytest plugin: runs each test with its guard taken away. The environment says which, as JSON."""

import json
import os
from collections.abc import Iterator

import pytest

from holdfast.torture.mutations import MUTATIONS

VARIABLE = "HOLDFAST_TAKEN_AWAY"
"""Mutations by the node id of the test that must fail under each."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Function) -> Iterator[None]:
    mutation = MUTATIONS[json.loads(os.environ[VARIABLE])[item.nodeid]]
    with mutation.broken(item.module):
        return (yield)
