"""What is going on when the process dies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Fault = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Leg:
    """About ``usdt`` worth of a contract; ``tiny`` plans one lot of it, which the venue refuses."""

    symbol: str
    side: Literal["buy", "sell"]
    usdt: int
    tiny: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """``job`` is what the killed process works on. ``holding``: what the account owns by hand beforehand;
    ``trades``: what it does by hand after the opening. ``tactic``: as ``TacticView``; shorter than a user
    may choose. ``hours`` pass at the venue before the job. ``incidents``: kinds that are rightly told.
    ``ends``: how the execution may end."""

    name: str
    title: str
    job: Literal["open", "close", "rebalance", "flatten", "reconcile", "check", "confirm"]
    legs: tuple[Leg, ...] = ()
    behaviour: Mapping[str, Any] = field(default_factory=dict)
    holding: Mapping[str, str] = field(default_factory=dict)
    trades: Mapping[str, str] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    tactic: Mapping[str, Any] = field(default_factory=dict)
    hours: int = 0
    incidents: frozenset[str] = frozenset()
    ends: frozenset[str] = frozenset({"complete"})


_BASKET: Final = (
    Leg("BTCUSDT", "buy", 900),
    Leg("ETHUSDT", "sell", 400),
    Leg("XRPUSDT", "sell", 300),
    Leg("SOLUSDT", "sell", 200),
)
_BY_HAND: Final = frozenset({"manual_trade"})
_RESIDUAL: Final = frozenset({"complete", "complete_with_residual"})

SCENARIOS: Final = (
    Scenario("open", "four legs are opened", "open", _BASKET),
    Scenario(
        "partial",
        "every order is filled by half, and the rest tried again",
        "open",
        (Leg("XRPUSDT", "buy", 16), Leg("ADAUSDT", "sell", 16), Leg("DOGEUSDT", "sell", 16)),
        behaviour={"max_fill": "0.5"},
        ends=_RESIDUAL,
    ),
    Scenario(
        "unwind",
        "one leg is refused, and what was opened is closed again",
        "open",
        (*_BASKET[:3], Leg("DOGEUSDT", "sell", 1, tiny=True)),
        ends=frozenset({"unwound"}),
    ),
    Scenario("close", "four legs are closed", "close", _BASKET),
    Scenario(
        "close-beside",
        "a position is closed beside the user's own holdings, one leg altered by hand",
        "close",
        _BASKET,
        holding={"XRPUSDT": "-20", "ETHUSDT": "0.5"},
        trades={"BTCUSDT": "-0.002"},
        incidents=_BY_HAND,
    ),
    Scenario(
        "lost-answers",
        "the venue accepts orders and loses its answers",
        "open",
        _BASKET,
        faults=({"where": "bybit.order.create*", "kind": "drop_answer", "count": 1},),
        ends=_RESIDUAL | {"unwound"},
    ),
    Scenario(
        "reconcile",
        "trades made by hand are read back into the books",
        "reconcile",
        _BASKET[:3],
        holding={"XRPUSDT": "-20"},
        trades={"BTCUSDT": "-0.002", "DOGEUSDT": "100"},
        incidents=_BY_HAND,
    ),
    Scenario("check", "a new key is judged", "check"),
    Scenario(
        "rebalance",
        "four legs are brought to the weights of eleven",
        "rebalance",
        _BASKET,
        ends=_RESIDUAL,
    ),
    Scenario(
        "passive",
        "orders rest, follow the market, and take what is missing in the end",
        "open",
        _BASKET[:3],
        tactic={"kind": "passive", "seconds": 2},
    ),
    Scenario(
        "twap",
        "legs are opened in two slices",
        "open",
        _BASKET[:3],
        tactic={"kind": "twap", "seconds": 2, "slices": 2},
    ),
    Scenario("market", "four legs are opened at the market", "open", _BASKET, tactic={"kind": "market"}),
    Scenario(
        "flatten",
        "a position is flattened",
        "flatten",
        _BASKET,
        holding={"XRPUSDT": "-20"},
        incidents=frozenset({"flattened", "stopped"}),
    ),
    Scenario(
        "funding",
        "funding is shared out, after eight hours at the venue",
        "reconcile",
        _BASKET,
        holding={"XRPUSDT": "-20"},
        hours=8,
    ),
)

WATCH: Final = Scenario(
    "watch",
    "three legs are opened, and the user trades by hand, while somebody listens",
    "open",
    _BASKET[:3],
    trades={"DOGEUSDT": "100"},
    incidents=_BY_HAND,
)
CONFIRM: Final = Scenario("confirm", "a plan is about to be confirmed over HTTP", "confirm", _BASKET)


def scenario_of(name: str) -> Scenario:
    """Raises ``KeyError``."""
    return {scenario.name: scenario for scenario in (*SCENARIOS, WATCH, CONFIRM)}[name]
