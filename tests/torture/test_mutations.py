"""A proof that cannot fail is no proof: each guard is taken away, and the torture must notice."""

import pytest

from holdfast.torture.campaign import campaign
from holdfast.torture.mutations import MUTATIONS

WITHIN = 40
"""Seeds after which a missing guard must have been noticed; most take one or two."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", MUTATIONS)
def test_a_missing_guard_is_noticed(name: str) -> None:
    outcomes = campaign(range(1, 1 + WITHIN), mutation=name, keep_going=False)
    caught = [outcome for outcome in outcomes if outcome.violations]
    assert caught, f"{MUTATIONS[name].text}: nothing noticed in {WITHIN} seeds"
    print(f"{name}: seed {caught[0].seed}, {caught[0].violations[0]}")
