"""The fault dial: rules that make the simulated services fail the way real ones do."""

import fnmatch
import random
from collections.abc import Iterable
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from holdfast.core.errors import InvalidInput

FaultKind = Literal[
    "drop_request",
    "drop_answer",
    "delay",
    "error_500_before",
    "error_500_after",
    "rate_limit",
    "clock_skew",
    "maintenance",
]
MAX_RULES: Final = 100


class FaultRule(BaseModel):
    """``where`` is a glob over places such as ``bybit.order.create`` or ``coingecko.coins.markets``.

    ``kind``: ``drop_request`` closes the connection before anything is done; ``drop_answer`` after it was
    done; ``error_500_before`` / ``error_500_after`` answer 500 in the same two places; ``delay`` waits
    ``delay_ms``; ``rate_limit`` refuses as the service does; ``clock_skew`` moves the service's clock by
    ``skew_ms``; ``maintenance`` answers 503. A rule ends after ``count`` hits; ``probability`` is drawn from
    ``seed``. ``retry_after_s`` None leaves the header out; ``text_body`` answers with text, not JSON.
    """

    model_config = ConfigDict(extra="forbid")

    where: Annotated[str, Field(min_length=1, max_length=200)]
    kind: FaultKind
    count: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] = 1.0
    seed: int = 0
    delay_ms: Annotated[int, Field(ge=0, le=600_000)] = 1_000
    skew_ms: Annotated[int, Field(ge=-3_600_000, le=3_600_000)] = 6_000
    retry_after_s: Annotated[int, Field(ge=0, le=3_600)] | None = None
    text_body: bool = False


class Faults:
    """The rules in force; the first that matches a place and is drawn applies."""

    def __init__(self) -> None:
        self._rules: list[FaultRule] = []
        self._left: list[int | None] = []
        self._hits: list[int] = []
        self._random: list[random.Random] = []

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
        self._rules = wanted
        self._left = [rule.count for rule in wanted]
        self._hits = [0] * len(wanted)
        self._random = [random.Random(rule.seed) for rule in wanted]  # noqa: S311  not a secret

    def take(self, where: str, *kinds: FaultKind) -> FaultRule | None:
        """The rule to apply at ``where`` now, counted as used; only of ``kinds`` if any are given."""
        for number, rule in enumerate(self._rules):
            if (kinds and rule.kind not in kinds) or not fnmatch.fnmatchcase(where, rule.where):
                continue
            left = self._left[number]
            if left == 0 or self._random[number].random() >= rule.probability:
                continue
            self._left[number] = None if left is None else left - 1
            self._hits[number] += 1
            return rule
        return None

    def describe(self) -> list[dict[str, Any]]:
        """Every rule with how often it was applied and how often it still will be."""
        return [
            rule.model_dump() | {"hits": hits, "left": left}
            for rule, hits, left in zip(self._rules, self._hits, self._left, strict=True)
        ]
