"""A proof that cannot fail is no proof: a guard is taken away, and the torture must notice."""

import pytest

from holdfast.torture.campaign import campaign
from holdfast.torture.mutations import MUTATIONS

WITHIN = 60
"""Seeds after which a missing guard must have been noticed; most take fewer than ten."""

NOTICED_LAST = {
    "unknown-by-a-timer": 52,
    "not-known-at-once": 52,
    "close-the-net": 24,
    "late-fills-unheard": 6,
    "every-fence-ignored": 13,
    "no-ownership-at-all": 5,
    "books-never-looked-at": 6,
    "closing-unbounded": 24,
    "not-known-and-sent-again": 52,
    "stops-ignored": 2,
    "limits-forgotten": 10,
    "rebalances-ungated": 36,
    "sizes-ignored": 3,
    "band-ignored": 12,
    "drawdown-ignored": 15,
    "forced-shares-are-equal": 54,
    "hands-take-positions-first": 6,
    "settled-twice-over": 6,
    "nothing-taken-back": 4,
    "everything-needs-attention": 1,
}
"""Where a guard was missed late, the seed that noticed it is tried first: it saves the way there, and where
the code has changed since, the others follow."""

DEFENDED_TWICE = {
    "no-fencing": (
        "the numbers of the lock still hold, and a lost lease ends its holder",
        "every-fence-ignored",
    ),
    "lock-numbers-ignored": (
        "the lock itself and the fencing numbers of executions still hold",
        "every-fence-ignored",
    ),
    "lease-ignored": (
        "the lock of the connection and the fencing numbers still hold",
        "no-ownership-at-all",
    ),
    "connection-lock-ignored": (
        "leases, fencing numbers and unique rows still hold",
        "no-ownership-at-all",
    ),
    "fencing-alone": (
        "fencing numbers and the numbers of the lock still hold",
        "no-ownership-at-all",
    ),
    "lock-alone": ("the lock of the connection and its numbers still hold", "no-ownership-at-all"),
    "reduce-only-ignored": ("quantities are the position's own anyway", "closing-unbounded"),
    "halts-ignored": ("closing re-reads the books, and opening asks the gate", "books-never-looked-at"),
    "books-not-looked-at": ("sending and closing compare the books themselves", "books-never-looked-at"),
    "late-fills-ignored": ("the executor and the account stream hear of fills as well", "late-fills-unheard"),
    "limits-ignored": (
        "limits are judged when a plan is confirmed, and its orders count from then on",
        "limits-forgotten",
    ),
}
"""Taken away alone these change nothing that can be seen from outside: another guard stands behind each. Why,
and the mutation that takes that one away as well: it must be noticed."""


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", [name for name in MUTATIONS if name not in DEFENDED_TWICE])
def test_a_missing_guard_is_noticed(name: str) -> None:
    seeds = sorted(range(1, 1 + WITHIN), key=lambda seed: seed != NOTICED_LAST.get(name))
    outcomes = campaign(seeds, mutation=name, keep_going=False)
    caught = [outcome for outcome in outcomes if outcome.violations]
    assert caught, f"{MUTATIONS[name].text}: nothing noticed in {WITHIN} seeds"
    print(f"{name}: seed {caught[0].seed}, {caught[0].violations[0]}")


def test_every_exception_is_a_mutation() -> None:
    assert DEFENDED_TWICE.keys() | NOTICED_LAST.keys() <= MUTATIONS.keys()


def test_what_stands_behind_a_guard_is_taken_away_with_it_and_noticed() -> None:
    together = {both for _, both in DEFENDED_TWICE.values()}
    assert together <= MUTATIONS.keys() - DEFENDED_TWICE.keys()
