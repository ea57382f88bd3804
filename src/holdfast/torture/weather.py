"""What goes wrong in a run, and when: everything follows from the seed."""

import random
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.sim.bybit.codes import REJECT_REASONS
from holdfast.sim.fault_kinds import ENGINE, HELD, INSTRUMENT, KINDS, REQUEST, STREAM, VENUE, FaultKind
from holdfast.torture.market import SYMBOLS

STORM: Final = (8.0, 28.0)
"""Seconds during which things go wrong."""
CALM_SEEDS: Final = 12
"""Every so many seeds one without any fault: the code must not need trouble to be right."""

_PLACES: Final[dict[str, tuple[str, ...]]] = {
    REQUEST: (
        "bybit.order.create", "bybit.order.create", "bybit.order.create-batch", "bybit.order.*",
        "bybit.order.*", "bybit.order.realtime", "bybit.order.history", "bybit.execution.list",
        "bybit.position.list", "bybit.position.*", "bybit.account.*", "bybit.account.transaction-log",
        "bybit.market.time", "bybit.*", "bybit.*",
    ),
    STREAM: ("bybit.private.*", "bybit.private.execution", "bybit.private.order"),
    ENGINE: ("bybit.engine.*",),
    INSTRUMENT: ("bybit.instrument.*",),
    VENUE: ("bybit.venue",),
}  # fmt: skip
_HARDEST: Final[tuple[FaultKind, ...]] = (
    "drop_request", "drop_answer", "delay", "delay_answer", "duplicate", "half_open_after",
    "error_500_before", "error_500_after", "code_after", "rate_limit", "stale", "partial_fill", "reject",
)  # fmt: skip
"""Those an order's outcome hangs on are drawn more often."""
_FORCED: Final[tuple[FaultKind, ...]] = ("adl", "liquidation")
_DRAWN: Final = [kind for kind in KINDS if kind not in _FORCED]
_AMBIGUOUS: Final[tuple[FaultKind, ...]] = (
    "drop_answer", "drop_answer", "half_open_after", "error_500_after", "code_after", "delay_answer",
    "drop_request", "error_500_before", "duplicate",
)  # fmt: skip
_DEAF: Final[tuple[FaultKind, ...]] = (
    "stale", "stale", "error_500_before", "drop_request", "drop_answer", "delay_answer"
)  # fmt: skip
DEAF: Final = 0.5
LOST_ANSWERS: Final = 0.6
"""The part of runs in which answers to orders get lost."""
LAGGING: Final = 0.3
_READS_LAG: Final = (0.3, 1.5, 4.0)
_CROWDING: Final = frozenset({"delay", "reorder", "duplicate", "half_open", "half_open_after", "clock_skew"})
_REQUEST_CODES: Final = (10000, 10016)
_CONDITION_SECONDS: Final = (2.0, 25.0)
NARROW: Final = 0.2
"""The part of runs in which the venue allows so little that small baskets reach its rate limits."""
ORDERLY: Final = 0.5
"""The part of those in which nothing crowds, so that not one request too many is forgiven."""
HOSTILE: Final = 0.06
"""The part of runs in which each of the things happens that its owner, its operator or the venue do to an
account or an installation beside trading."""
FORGETFUL: Final = 0.15
"""The part of runs in which an order's id may be used again as soon as the order has ended, while the venue's
readers lag and answers are lost: there only asking first, and waiting long enough, keeps an order from being
doubled."""
CONTESTED: Final = 0.15
"""The part of runs in which workers freeze with orders on the wire, and wake while others go on in their
place: there only ownership keeps two from acting on one execution."""
_MISLEADING: Final = frozenset({"stale", "duplicate", "clock_skew"})
"""What would double an order then without any fault of ours: the venue's word, or the wire."""
_CROWDING_BLOWS: Final = frozenset({"pause", "redis", "crash", "fuse", "overtake"})


@dataclass(frozen=True, slots=True)
class Blow:
    """Something that happens to us at ``at`` seconds: crash | pause | fuse | redis | database | key | …"""

    at: float
    what: str
    detail: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        told = " ".join(f"{name}={value}" for name, value in self.detail.items())
        return f"{self.at:7.2f} s  {self.what}{f' {told}' if told else ''}"


@dataclass(frozen=True, slots=True)
class Weather:
    """``rules`` are for the venue's fault dial, with moments in seconds from the beginning."""

    storm: float
    wild: float
    rules: tuple[dict[str, Any], ...]
    blows: tuple[Blow, ...]
    reads_lag: float = 0.0
    """For how many seconds positions and the wallet may be told as they were."""
    narrow: bool = False
    """Whether the venue's rate limits are narrow."""
    forgetful: bool = False
    """Whether the venue takes an order's id for a new one once the order has ended."""

    @property
    def crowds(self) -> bool:
        """Whether requests that left in time may arrive in a heap, or what was sent may be forgotten."""
        late = any(rule["kind"] in _CROWDING for rule in self.rules)
        return late or any(blow.what in _CROWDING_BLOWS for blow in self.blows)

    @property
    def freezes(self) -> bool:
        """Whether something may be written long after it was begun."""
        return any(blow.what in ("pause", "fuse", "database", "overtake") for blow in self.blows)

    @property
    def contested(self) -> bool:
        """Whether workers are overtaken: there have to be others."""
        return any(blow.what == "overtake" for blow in self.blows)

    def rules_from(self, start_ms: int) -> list[dict[str, Any]]:
        """As the dial takes them: moments in milliseconds of the venue's clock."""
        return [
            {
                **rule,
                "from_ms": start_ms + int(rule["from_ms"] * 1000),
                "until_ms": start_ms + int(rule["until_ms"] * 1000),
            }
            for rule in self.rules
        ]

    def describe(self) -> list[str]:
        shown = [
            f"{rule['from_ms']:7.2f} s  {rule['kind']} at {rule['where']} until {rule['until_ms']:.2f} s "
            + " ".join(
                f"{name}={value}"
                for name, value in rule.items()
                if name not in ("kind", "where", "from_ms", "until_ms", "seed")
            )
            for rule in self.rules
        ]
        lag = [f"positions and wallet up to {self.reads_lag} s late"] if self.reads_lag else []
        narrow = ["narrow rate limits"] if self.narrow else []
        forgetful = ["ids are forgotten when their orders end"] if self.forgetful else []
        return [*lag, *narrow, *forgetful, *sorted([*shown, *map(str, self.blows)])]


def forecast(seed: int) -> Weather:
    """The weather of a seed."""
    dice = random.Random(f"{seed}:weather")  # noqa: S311  not a secret
    storm = dice.uniform(*STORM)
    wild = dice.choice((0.0, 0.00005, 0.0002, 0.0008))
    rates = random.Random(f"{seed}:rates")  # noqa: S311  not a secret
    narrow, orderly = rates.random() < NARROW, rates.random() < ORDERLY
    if seed % CALM_SEEDS == 0:
        return Weather(storm, wild, (), (), narrow=narrow)
    lost = _lost_answers(dice, storm) if dice.random() < LOST_ANSWERS else ()
    rules = (*lost, *(_rule(dice, storm) for _ in range(dice.choice((0, 1, 2, 4, 7)))), *_forced(seed, storm))
    blows = [*_blows(dice, storm), *_hostile(seed, storm), *_overtakings(seed, storm)]
    lag = dice.choice(_READS_LAG) if dice.random() < LAGGING else 0.0
    if narrow and orderly:
        rules = tuple(rule for rule in rules if rule["kind"] not in _CROWDING)
        blows = [blow for blow in blows if blow.what not in _CROWDING_BLOWS]
    forgetful = random.Random(f"{seed}:ids forgotten").random() < FORGETFUL  # noqa: S311  not a secret
    if forgetful:
        rules = (*(rule for rule in rules if rule["kind"] not in _MISLEADING), _lost_answer(storm))
    blows.sort(key=lambda blow: blow.at)
    return Weather(storm, wild, rules, tuple(blows), lag, narrow, forgetful)


def _lost_answers(dice: random.Random, storm: float) -> tuple[dict[str, Any], ...]:
    """The worst for whoever sends orders: some of them are taken, and nobody says so; perhaps nobody can be
    asked about them for a while either, or is told what was true before."""
    window = {"from_ms": round(dice.uniform(0, storm * 0.2), 2), "until_ms": round(storm, 2) + 0.01}
    kinds: list[tuple[str, FaultKind, tuple[int, ...]]] = [
        ("bybit.order.create*", dice.choice(_AMBIGUOUS), (1, 2, 4, 8))
    ]
    if dice.random() < DEAF:
        kinds.append(("bybit.order.[rh]*", dice.choice(_DEAF), (5, 20, 80)))
    return tuple(
        {
            "where": where,
            "kind": kind,
            **window,
            "seed": dice.randrange(2**31),
            "probability": dice.choice((0.3, 0.7, 1.0)),
            "count": dice.choice(counts),
            **_settings(dice, kind),
        }
        for where, kind, counts in kinds
    )


def _lost_answer(storm: float) -> dict[str, Any]:
    window = {"from_ms": 0.0, "until_ms": round(storm, 2) + 0.01}
    return {"where": "bybit.order.create", "kind": "drop_answer", **window, "every": 2, "count": 5}


def _rule(dice: random.Random, storm: float) -> dict[str, Any]:
    kind = dice.choice(_HARDEST) if dice.random() < 0.4 else dice.choice(_DRAWN)
    sort = dice.choice(KINDS[kind].to)
    where = dice.choice(_PLACES[sort])
    if sort in (ENGINE, INSTRUMENT):
        where = f"{where[:-1]}linear.{dice.choice((*SYMBOLS[:6], '*'))}"
    begins = dice.uniform(0, storm * 0.8)
    lasts = dice.uniform(*_CONDITION_SECONDS) if sort == INSTRUMENT else dice.expovariate(1 / 15) + 3
    rule: dict[str, Any] = {
        "where": where,
        "kind": kind,
        "from_ms": round(begins, 2),
        "until_ms": round(min(begins + lasts, storm), 2) + 0.01,
    }
    if sort != INSTRUMENT:
        rule["seed"] = dice.randrange(2**31)
        rule["probability"] = dice.choice((0.1, 0.3, 0.6, 1.0))
        if sort == VENUE or kind in ("ip_limit", "half_open", "half_open_after") or dice.random() < 0.4:
            rule["count"] = dice.choice((1, 1, 2, 5))
    return rule | _settings(dice, kind)


def _forced(seed: int, storm: float) -> list[dict[str, Any]]:
    """Positions that are taken again and again for a while; drawn by themselves, as ``_hostile``."""
    dice = random.Random(f"{seed}:forced")  # noqa: S311  not a secret
    rules = []
    for kind in _FORCED:
        begins, happens = dice.uniform(0, storm * 0.8), dice.random() < HOSTILE
        rule = {
            "where": f"bybit.{HELD}.linear.*",
            "kind": kind,
            "from_ms": round(begins, 2),
            "until_ms": round(storm, 2) + 0.01,
            "seed": dice.randrange(2**31),
            "probability": dice.choice((0.02, 0.1, 0.5)),
            "count": dice.choice((1, 2, 5)),
            **_settings(dice, kind),
        }
        rules += [rule] if happens else []
    return rules


def _settings(dice: random.Random, kind: FaultKind) -> dict[str, Any]:
    drawn = {name: _setting(dice, kind, name) for name in KINDS[kind].settings}
    return {name: value for name, value in drawn.items() if value is not None}


def _setting(dice: random.Random, kind: FaultKind, name: str) -> Any:
    match name:
        case "delay_ms":
            return dice.choice((50, 400, 2_000, 6_000, 12_000))
        case "jitter_ms":
            return dice.choice((0, 300, 3_000))
        case "answer":
            return dice.choice(("first", "second"))
        case "status":
            return dice.choice((429, 500, 502, 503, 504))
        case "code":
            return 110066 if kind == "halt" else dice.choice(_REQUEST_CODES)
        case "retry_after_s":
            return dice.choice((None, 0, 1, 4))
        case "skew_ms":
            return dice.choice((-7_000, -1_500, 1_500, 7_000))
        case "drift_ms":
            return dice.choice((0.0, 20.0, -20.0))
        case "share":
            return dice.choice((0.0, 0.3, 0.6, 0.95))
        case "pieces":
            return dice.choice((1, 2, 5))
        case "reason":
            return dice.choice(sorted(REJECT_REASONS))
        case "order_status":
            return dice.choice(("Cancelled", "Rejected"))
        case _:
            return None


def _blows(dice: random.Random, storm: float) -> list[Blow]:
    def some(most: int) -> range:
        return range(dice.choice((0, 0, 1, most)))

    blows = [Blow(dice.uniform(0, storm), "crash") for _ in some(3)]
    blows += [
        Blow(
            dice.uniform(0, storm * 0.7),
            "fuse",
            {
                "effects": dice.choice((1, 2, 3, 5, 8, 13, 21, 34, 55, 89)),
                "then": dice.choice(("die", "die", "freeze", "cut off", "cut off")),
                "seconds": dice.choice((3.0, 14.0, 30.0)),
            },
        )
        for _ in some(5)
    ]
    blows += [
        Blow(
            dice.uniform(0, storm * 0.8),
            "pause",
            {"seconds": dice.choice((3.0, 14.0, 30.0)), "cut": dice.random() < 0.5},
        )
        for _ in some(2)
    ]
    blows += [
        Blow(
            dice.uniform(0, storm * 0.8),
            "redis",
            {"seconds": dice.choice((0.5, 3.0, 15.0)), "forgets": dice.random() < 0.7},
        )
        for _ in some(2)
    ]
    blows += [Blow(dice.uniform(0, storm), "database") for _ in some(1)]
    blows += [
        Blow(
            dice.uniform(0, storm),
            "jump",
            {"symbol": dice.choice(SYMBOLS), "factor": dice.choice((0.7, 0.9, 0.98, 1.01, 1.06, 1.4))},
        )
        for _ in some(3)
    ]
    blows += [Blow(dice.uniform(0, storm), "adl", {"share": dice.random()}) for _ in some(1)]
    blows += [Blow(dice.uniform(0, storm), "liquidation", {"share": dice.random()}) for _ in some(1)]
    blows += [Blow(dice.uniform(0, storm), "delist", {"symbol": dice.choice(SYMBOLS[3:])}) for _ in some(1)]
    blows += [Blow(dice.uniform(0, storm), "hand") for _ in some(4)]
    blows += [Blow(dice.uniform(0, storm), "leverage", {"symbol": dice.choice(SYMBOLS[:6])}) for _ in some(1)]
    blows += [Blow(dice.uniform(0, storm), "hedge", {"symbol": dice.choice(SYMBOLS[:8])}) for _ in some(1)]
    return blows


def _hostile(seed: int, storm: float) -> list[Blow]:
    """Drawn by themselves: the seeds that none of these meets keep their course. All but lowered limits are
    put right again before the storm is over."""
    dice = random.Random(f"{seed}:hostile")  # noqa: S311  not a secret
    blows = []
    for what, detail in (
        ("key", {"trouble": dice.choice(("revoked", "expired", "read_only"))}),
        ("margin", {"mode": dice.choice(("PORTFOLIO_MARGIN", "ISOLATED_MARGIN"))}),
        ("stop_all", {}),
        ("limits", {"part": dice.choice((2, 3, 5))}),
    ):
        at, happens = dice.uniform(0, storm * 0.8), dice.random() < HOSTILE
        seconds = round(dice.uniform(0.5, storm - at), 2)
        lasts = {} if what == "limits" else {"seconds": seconds}
        blows += [Blow(at, what, detail | lasts)] if happens else []
    return blows


def _overtakings(seed: int, storm: float) -> list[Blow]:
    """Drawn by themselves, as ``_hostile``."""
    dice = random.Random(f"{seed}:overtaken")  # noqa: S311  not a secret
    if dice.random() >= CONTESTED:
        return []
    return [
        Blow(
            dice.uniform(0, storm * 0.5),
            "overtake",
            {
                "orders": dice.choice((1, 1, 1, 2, 4)),
                "others": dice.choice((1, 1, 2, 3)),
                "seconds": round(dice.uniform(40, 90), 1),
                "cut": dice.random() < 0.75,
            },
        )
        for _ in range(dice.choice((2, 3)))
    ]
