from pathlib import Path

import pytest

from holdfast.core.errors import InvalidInput
from holdfast.sim.fault_kinds import KINDS
from holdfast.sim.faults import Faults


def test_a_rule_applies_where_its_glob_says() -> None:
    faults = Faults()
    faults.replace([{"where": "bybit.order.*", "kind": "delay"}])
    assert faults.take("coingecko.ping") is None
    rule = faults.take("bybit.order.create")
    assert rule is not None
    assert rule.kind == "delay"


def test_a_counted_rule_ends_and_the_next_one_follows() -> None:
    faults = Faults()
    faults.replace(
        [{"where": "*", "kind": "drop_request", "count": 2}, {"where": "*", "kind": "maintenance"}]
    )
    taken = [faults.take("anywhere") for _ in range(4)]
    assert [rule.kind for rule in taken if rule] == [
        "drop_request",
        "drop_request",
        "maintenance",
        "maintenance",
    ]
    assert [(row["hits"], row["left"]) for row in faults.describe()] == [(2, 0), (2, None)]


def test_only_the_kinds_asked_for_are_taken() -> None:
    faults = Faults()
    faults.replace([{"where": "*", "kind": "delay"}, {"where": "*", "kind": "clock_skew", "skew_ms": -1500}])
    rule = faults.take("bybit.order.create", "clock_skew")
    assert rule is not None
    assert rule.skew_ms == -1500
    assert [row["hits"] for row in faults.describe()] == [0, 1]


def test_chance_is_drawn_from_the_seed() -> None:
    def draws(seed: int) -> list[bool]:
        faults = Faults()
        faults.replace([{"where": "*", "kind": "delay", "probability": 0.3, "seed": seed}])
        return [faults.take("x") is not None for _ in range(200)]

    assert draws(1) == draws(1) != draws(2)
    assert 30 < sum(draws(1)) < 90


def test_an_empty_list_heals_everything() -> None:
    faults = Faults()
    faults.replace([{"where": "*", "kind": "delay"}])
    faults.replace([])
    assert faults.take("x") is None
    assert faults.describe() == []


@pytest.mark.parametrize(
    "rule",
    [
        {"where": "*"},
        {"where": "", "kind": "delay"},
        {"where": "*", "kind": "explode"},
        {"where": "*", "kind": "delay", "count": 0},
        {"where": "*", "kind": "delay", "probability": 1.5},
        {"where": "*", "kind": "delay", "delay_ms": -1},
        {"where": "*", "kind": "delay", "unheard_of": 1},
        "not a rule",
    ],
)
def test_a_rule_that_does_not_hold_is_refused_and_changes_nothing(rule: object) -> None:
    faults = Faults()
    faults.replace([{"where": "*", "kind": "maintenance"}])
    with pytest.raises(InvalidInput, match="cannot be used"):
        faults.replace([rule])
    assert [row["kind"] for row in faults.describe()] == ["maintenance"]


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(InvalidInput, match="At most"):
        Faults().replace([{"where": "*", "kind": "delay"}] * 101)


def test_the_page_about_the_simulator_tells_of_every_kind() -> None:
    page = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()
    for kind, one in KINDS.items():
        assert f"`{kind}`" in page, kind
        assert all(f"`{setting}" in page or setting == "text_body" for setting in one.settings), kind
