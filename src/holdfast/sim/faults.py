"""The fault dial: rules that make the simulated services fail the way real ones do."""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from holdfast.core.errors import InvalidInput
from holdfast.sim.binance.codes import CODES as BINANCE_CODES
from holdfast.sim.bybit.codes import CODES, REJECT_REASONS
from holdfast.sim.fault_kinds import CONDITIONS, KINDS, SCHEDULING, FaultKind

MAX_RULES: Final = 100
NOT_OF_CONDITIONS: Final = frozenset({"count", "probability", "after", "every", "uid", "seed"})
LOOK_MS: Final = 5
"""A held request looks this often whether another one has passed."""

Milliseconds = Annotated[int, Field(ge=0, le=86_400_000)]
Moment = Annotated[int, Field(ge=0)]


class FaultRule(BaseModel):
    """``where`` is a glob over places such as ``bybit.order.create``; ``uid`` narrows it to one account.

    When: from ``from_ms`` until ``until_ms`` of the simulated clock; not for the first ``after`` matches,
    then for every ``every``-th, with ``probability`` drawn from ``seed``, ``count`` times. What: ``kind`` and
    the settings it reads, as told in ``fault_kinds``. ``retry_after_s`` None leaves the header out;
    ``text_body`` answers with text, not JSON.
    """

    model_config = ConfigDict(extra="forbid")

    where: Annotated[str, Field(min_length=1, max_length=200)]
    kind: FaultKind
    uid: str | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = 0
    from_ms: Moment | None = None
    until_ms: Moment | None = None
    after: Annotated[int, Field(ge=0)] = 0
    every: Annotated[int, Field(ge=1)] = 1
    delay_ms: Milliseconds = 1_000
    jitter_ms: Milliseconds = 0
    skew_ms: Annotated[int, Field(ge=-3_600_000, le=3_600_000)] = 6_000
    drift_ms: Annotated[float, Field(ge=-1_000, le=1_000, allow_inf_nan=False)] = 0.0
    retry_after_s: Annotated[int, Field(ge=0, le=3_600)] | None = None
    text_body: bool = False
    status: Literal[429, 500, 502, 503, 504] = 500
    code: int | None = None
    answer: Literal["first", "second"] = "first"
    share: Annotated[float, Field(ge=0, le=1)] = 0.5
    pieces: Annotated[int, Field(ge=1, le=20)] = 1
    reason: str = "EC_NoImmediateQtyToFill"
    order_status: Literal["Cancelled", "Rejected"] = "Cancelled"

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        idle = self.model_fields_set - {*SCHEDULING, *KINDS[self.kind].settings}
        if idle:
            raise ValueError(f"{self.kind} does not read {', '.join(sorted(idle))}")
        if self.code is not None and self.code not in CODES and self.code not in BINANCE_CODES:
            raise ValueError(f"{self.code} is no documented retCode")
        if self.reason not in REJECT_REASONS:
            raise ValueError(f"{self.reason} is no documented rejectReason")
        if self.from_ms is not None and self.until_ms is not None and self.until_ms <= self.from_ms:
            raise ValueError("until_ms must be after from_ms")
        if self.kind in CONDITIONS and self.model_fields_set & NOT_OF_CONDITIONS:
            raise ValueError(f"{self.kind} is a condition: give from_ms and until_ms, or replace the rules")
        return self

    def is_current(self, now_ms: int) -> bool:
        return (self.from_ms or 0) <= now_ms and (self.until_ms is None or now_ms < self.until_ms)


@dataclass(frozen=True, slots=True)
class Window:
    """When a rule is in force, in simulated milliseconds; ``end_ms`` None: until it is replaced."""

    where: str
    begin_ms: int
    end_ms: int | None


@dataclass(slots=True)
class _Armed:
    """A rule in force, with what has become of it."""

    rule: FaultRule
    since_ms: int
    left: int | None
    random: random.Random
    met: int = 0
    hits: int = 0
    passed: int = 0
    holding: bool = False
    places: dict[str, bool] = field(default_factory=dict)

    def covers(self, where: str) -> bool:
        known = self.places.get(where)
        if known is None:
            known = self.places[where] = fnmatchcase(where, self.rule.where)
        return known

    def is_due(self) -> bool:
        """Count this match, and say whether the rule strikes."""
        self.met += 1
        turn = self.met - self.rule.after
        if self.left == 0 or turn < 1 or (turn - 1) % self.rule.every:
            return False
        return self.random.random() < self.rule.probability

    def strike(self, now_ms: int) -> FaultRule:
        """The rule with what is settled at this moment: the delay drawn, the clock's drift so far."""
        self.hits += 1
        self.left = None if self.left is None else self.left - 1
        rule = self.rule
        if rule.jitter_ms:
            return rule.model_copy(
                update={"delay_ms": rule.delay_ms + self.random.randint(0, rule.jitter_ms), "jitter_ms": 0}
            )
        if rule.drift_ms:
            drifted = int(rule.drift_ms * (now_ms - max(self.since_ms, rule.from_ms or 0)) / 1000)
            return rule.model_copy(update={"skew_ms": rule.skew_ms + drifted, "drift_ms": 0.0})
        return rule


class Faults:
    """The rules in force; the first that matches a place and is drawn applies. ``now_ms`` reads the simulated
    clock."""

    def __init__(self, now_ms: Callable[[], int] = lambda: 0) -> None:
        self._now_ms = now_ms
        self._armed: list[_Armed] = []

    @property
    def is_quiet(self) -> bool:
        """Whether there is no rule at all."""
        return not self._armed

    def replace(self, rules: Iterable[Any]) -> None:
        """Put ``rules`` in the place of all earlier ones; an empty list heals everything.

        Raises:
            InvalidInput: a rule does not hold; says where.
        """
        try:
            wanted = TypeAdapter(list[FaultRule]).validate_python(list(rules))
        except ValidationError as error:
            places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise InvalidInput(f"These fault rules cannot be used: {places}.") from None
        if len(wanted) > MAX_RULES:
            raise InvalidInput(f"At most {MAX_RULES} fault rules can be in force; give fewer.")
        now_ms = self._now_ms()
        self._armed = [
            _Armed(rule, now_ms, rule.count, random.Random(f"{rule.seed}:{number}"))  # noqa: S311  no secret
            for number, rule in enumerate(wanted)
        ]

    def take(self, where: str, *kinds: FaultKind, uid: str = "") -> FaultRule | None:
        """The rule to apply at ``where`` now, counted as used; only of ``kinds`` if any are given."""
        if not self._armed:
            return None
        now_ms = self._now_ms()
        for armed in self._armed:
            rule = armed.rule
            if (kinds and rule.kind not in kinds) or not armed.covers(where):
                continue
            if rule.uid not in (None, uid) or armed.holding or not rule.is_current(now_ms):
                continue
            if armed.is_due():
                return armed.strike(now_ms)
        return None

    def holds(self, where: str, kind: FaultKind) -> FaultRule | None:
        """The condition ``kind`` in force at ``where``, if there is one."""
        if not self._armed:
            return None
        now_ms = self._now_ms()
        for armed in self._armed:
            if armed.rule.kind == kind and armed.covers(where) and armed.rule.is_current(now_ms):
                armed.hits += 1
                return armed.rule
        return None

    def windows(self, kind: FaultKind) -> list[Window]:
        """When the rules of ``kind`` are, were or will be in force."""
        return [
            Window(one.rule.where, max(one.since_ms, one.rule.from_ms or 0), one.rule.until_ms)
            for one in self._armed
            if one.rule.kind == kind
        ]

    def hold(self, rule: FaultRule) -> Iterator[float]:
        """The waits in seconds of a request held by the ``reorder`` rule it met, until another has passed."""
        armed = next((one for one in self._armed if one.rule is rule), None)
        if armed is None:
            return
        armed.holding, seen, waited_ms = True, armed.passed, 0
        try:
            while armed.passed == seen and waited_ms < rule.delay_ms:
                yield LOOK_MS / 1000
                waited_ms += LOOK_MS
        finally:
            armed.holding = False

    def passed(self, where: str, uid: str = "") -> None:
        """A request at ``where`` was done: those held behind it may follow."""
        for armed in self._armed:
            if armed.rule.kind == "reorder" and armed.covers(where) and armed.rule.uid in (None, uid):
                armed.passed += 1

    def describe(self) -> list[dict[str, Any]]:
        """Every rule with how often it was applied and how often it still will be."""
        return [armed.rule.model_dump() | {"hits": armed.hits, "left": armed.left} for armed in self._armed]
