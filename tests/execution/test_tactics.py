"""Orders that rest, follow the market or come in slices: never more than the leg, always to an end."""

from dataclasses import replace
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.execution.decide import Act, Decision, End, Mode, decide
from holdfast.execution.orders import FINAL, OrderState
from holdfast.execution.standing import LegFacts, OrderFacts
from holdfast.execution.tactics import MOST_TRIES, Child, exhausted, first_orders, next_orders
from holdfast.portfolio.tactics import Tactic, up_to
from holdfast.venues.protocol import OrderStyle

MARKET, AT_ONCE = Tactic("market"), Tactic()
PASSIVE, TWAP = Tactic("passive", 60), Tactic("twap", 100, 10)


def had(lots: int, *, style: OrderStyle = OrderStyle.IOC, wanted: int | None = None) -> OrderFacts:
    """An order that has ended with ``lots`` filled."""
    whole = lots if wanted is None else wanted
    state = OrderState.FILLED if lots >= whole else OrderState.CANCELLED
    return OrderFacts("open", 0, state, whole, lots, lots, style=style)


def resting(lots: int, filled: int = 0) -> OrderFacts:
    state = OrderState.PARTIALLY_FILLED if filled else OrderState.ACCEPTED
    return OrderFacts("open", 0, state, lots, filled, filled, style=OrderStyle.POST_ONLY)


def leg(*orders: OrderFacts, index: int = 0, lots: int = 100, least: int = 2, slices: int = 1) -> LegFacts:
    return LegFacts(index, lots, least, tuple(orders), slices)


def test_at_once_is_all_of_it_and_market_has_its_own_style() -> None:
    assert first_orders(AT_ONCE, [leg()]) == (Child(0, 100, OrderStyle.IOC),)
    assert first_orders(MARKET, [leg()]) == (Child(0, 100, OrderStyle.MARKET),)


def test_a_retry_waits_longer_each_time() -> None:
    waits = [
        next_orders(AT_ONCE, [leg(*[had(0, wanted=100)] * tries)], elapsed=9.0)[0].wait for tries in range(4)
    ]
    assert waits == [0.0, 0.3, 0.6, 1.2]


def test_slices_come_at_their_time_and_make_the_whole() -> None:
    orders: list[OrderFacts] = []
    times = []
    elapsed = 0.0
    while (facts := leg(*orders, lots=105, slices=10)).short:
        (child,) = next_orders(TWAP, [facts], elapsed=elapsed)
        elapsed += child.wait
        times.append(round(elapsed))
        orders.append(had(child.lots))
        elapsed += 0.5
    assert times == [0, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert [order.lots for order in orders] == [10] * 9 + [15]


def test_a_slice_that_missed_is_caught_up_with_the_next() -> None:
    behind = leg(had(10), had(4, wanted=10), slices=10)
    (child,) = next_orders(TWAP, [behind], elapsed=11.0)
    assert (child.lots, child.wait) == (16, 9.0)
    long_ago = next_orders(TWAP, [behind], elapsed=55.0)[0]
    assert (long_ago.lots, long_ago.wait) == (16, 5.0)


def test_a_sliced_leg_never_needs_an_id_there_is_no_room_for() -> None:
    crawling = [had(1, wanted=2) for _ in range(MOST_TRIES)]
    fifty = Tactic("twap", 3600, 50)
    assert not exhausted(fifty, leg(*crawling[:-1], lots=1000, slices=50))
    assert exhausted(fifty, leg(*crawling, lots=1000, slices=50))


def test_small_legs_go_at_once() -> None:
    children = first_orders(TWAP, [leg(slices=10), leg(index=1, lots=7)])
    assert [(child.lots, child.wait) for child in children] == [(10, 0.0), (7, 0.0)]


def test_nobody_runs_ahead_of_the_slowest() -> None:
    slow = leg(had(10), had(0, wanted=10), had(0, wanted=10), slices=10)
    quick = leg(had(10), had(10), had(10), index=1, slices=10)
    assert [child.leg for child in next_orders(TWAP, [slow, quick], elapsed=31.0)] == [0]
    with_one_more = leg(had(10), had(10), index=1, slices=10)
    assert [child.leg for child in next_orders(TWAP, [slow, with_one_more], elapsed=31.0)] == [0, 1]


def test_resting_orders_keep_step_part_by_part() -> None:
    ahead = leg(had(25, style=OrderStyle.POST_ONLY), slices=4)
    waiting = leg(resting(25), index=1, slices=4)
    assert next_orders(PASSIVE, [ahead, waiting], elapsed=5.0) == ()
    level = leg(had(25, style=OrderStyle.POST_ONLY), index=1, slices=4)
    children = next_orders(PASSIVE, [ahead, level], elapsed=5.0)
    assert [(child.lots, child.style) for child in children] == [(25, OrderStyle.POST_ONLY)] * 2


def test_at_the_deadline_what_rests_is_cancelled_and_the_rest_is_taken() -> None:
    facts = leg(had(25, style=OrderStyle.POST_ONLY), resting(25, 5), slices=4)
    assert act(facts, PASSIVE, 59.0).act is Act.WAIT
    assert act(facts, PASSIVE, 60.0) == Decision(Act.CANCEL, (0,))
    ended = leg(had(25, style=OrderStyle.POST_ONLY), had(5, wanted=25, style=OrderStyle.POST_ONLY), slices=4)
    assert act(ended, PASSIVE, 60.0).children == (Child(0, 70, OrderStyle.IOC),)


def test_a_leg_followed_too_often_is_taken_before_the_deadline() -> None:
    missed = had(0, wanted=25, style=OrderStyle.POST_ONLY)
    assert act(leg(*[missed] * 24, slices=4), PASSIVE, 9.0).children[0].style is OrderStyle.POST_ONLY
    assert act(leg(*[missed] * 25, slices=4), PASSIVE, 9.0).children[0] == Child(0, 100, OrderStyle.IOC)


def test_a_refused_leg_ends_what_rests_elsewhere_and_takes_everything_back() -> None:
    refused = leg(OrderFacts("open", 0, OrderState.REJECTED, 25, 0, 0, "110007", OrderStyle.POST_ONLY))
    beside = leg(had(25, style=OrderStyle.POST_ONLY), resting(25), index=1, slices=4)
    assert decide("open", Mode.FORWARD, (refused, beside), residual_planned=False, tactic=PASSIVE) == (
        Decision(Act.CANCEL, (1,))
    )
    ended = leg(had(25), had(3, wanted=25), index=1, slices=4)
    assert decide("open", Mode.FORWARD, (refused, ended), residual_planned=False, tactic=PASSIVE) == (
        Decision(Act.UNWIND, (1,))
    )


def test_what_is_not_due_is_waited_for_and_dropped_when_the_rest_fails() -> None:
    later = OrderFacts("open", 1, OrderState.PLANNED, 10, 0, 0, wait=7.0)
    facts = leg(had(10), later, slices=10)
    assert act(facts, TWAP, 3.0) == Decision(Act.WAIT, (0,))
    refused = leg(OrderFacts("open", 0, OrderState.REJECTED, 10, 0, 0, "gate"), index=1)
    assert decide("open", Mode.FORWARD, (facts, refused), residual_planned=False, tactic=TWAP) == (
        Decision(Act.ABANDON, (0,))
    )


def test_a_rebalance_reduces_before_it_adds_and_stops_adding_when_reducing_fails() -> None:
    planned = OrderFacts("rebalance", 0, OrderState.PLANNED, 100, 0, 0)
    reducing = replace(leg(planned), adds=False)
    adding = leg(planned, index=1)
    assert rebalance(reducing, adding) == Decision(Act.SEND, (0,))
    done = replace(reducing, orders=(replace(had(100), role="rebalance"),))
    assert rebalance(done, adding) == Decision(Act.SEND, (1,))
    refused = replace(planned, state=OrderState.REJECTED, reject_code="110017")
    stuck = replace(reducing, orders=(refused,))
    assert rebalance(stuck, adding) == Decision(Act.ABANDON, (1,))
    dropped = replace(adding, orders=(replace(planned, state=OrderState.CANCELLED),))
    assert rebalance(stuck, dropped) == Decision(Act.FINISH, end=End.STUCK)


def test_once_a_leg_was_followed_too_often_no_other_rests_again_though_that_one_is_given_up() -> None:
    missed = replace(had(0, style=OrderStyle.POST_ONLY, wanted=100), role="rebalance")
    refused = replace(had(0, wanted=100), role="rebalance", state=OrderState.REJECTED, reject_code="110007")
    adding = leg(*[missed] * 25, refused, slices=4)
    reducing = replace(leg(missed, index=1, slices=4), adds=False)
    decision = decide(
        "rebalance", Mode.FORWARD, (adding, reducing), residual_planned=False, tactic=PASSIVE, elapsed=9.0
    )
    assert decision.children == (Child(1, 100, OrderStyle.IOC),)


def test_a_rebalance_is_never_taken_back() -> None:
    refused = leg(OrderFacts("rebalance", 0, OrderState.REJECTED, 100, 0, 0, "110007"))
    filled = leg(replace(had(100), role="rebalance"), index=1)
    assert rebalance(refused, filled) == Decision(Act.FINISH, end=End.STUCK)


def rebalance(*legs: LegFacts) -> Decision:
    return decide("rebalance", Mode.FORWARD, legs, residual_planned=False)


def act(facts: LegFacts, tactic: Tactic, elapsed: float) -> Decision:
    return decide("open", Mode.FORWARD, (facts,), residual_planned=False, tactic=tactic, elapsed=elapsed)


@given(st.integers(1, 10_000), st.integers(1, 100), st.integers(1, 50))
def test_parts_are_whole_reach_the_minimum_and_add_up(lots: int, least: int, slices: int) -> None:
    parts = max(1, min(slices, lots // least))
    ends = [up_to(lots, parts, part) for part in range(parts + 1)]
    sizes = [after - before for before, after in pairwise(ends)]
    assert sum(sizes) == lots
    assert lots < least or min(sizes) >= least
    assert all(size == sizes[0] for size in sizes[:-1])


class Play:
    """An execution at a whimsical venue, in virtual time, without rows."""

    def __init__(
        self,
        kind: str,
        tactic: Tactic,
        legs: list[LegFacts],
        seed: int,
        *,
        luck: float | None = None,
        refusals: float = 0.01,
    ) -> None:
        self.kind, self.tactic, self.legs = kind, tactic, legs
        self.chance, self.refusals = Random(seed), refusals
        self.luck = self.chance.choice([0.05, 0.5, 0.9]) if luck is None else luck
        self.elapsed = 0.0
        for child in first_orders(tactic, legs):
            self.add(child)

    def run(self) -> Decision:
        for _ in range(5_000):
            decision = decide(
                self.kind,  # type: ignore[arg-type]
                Mode.UNWINDING
                if any(o.role == "unwind" for facts in self.legs for o in facts.orders)
                else Mode.FORWARD,
                tuple(self.legs),
                residual_planned=False,
                tactic=self.tactic,
                elapsed=self.elapsed,
            )
            if decision.act is Act.FINISH:
                return decision
            self.do(decision)
            self.check()
        raise AssertionError(f"it did not end: {decision}")

    def do(self, decision: Decision) -> None:
        match decision.act:
            case Act.TRY_AGAIN:
                for child in decision.children:
                    self.add(child)
            case Act.UNWIND:
                for index in decision.legs:
                    made = OrderFacts("unwind", 0, OrderState.PLANNED, self.legs[index].still_open, 0, 0)
                    self.append(index, made)
            case Act.WAIT:
                self.wait()
            case Act.SEND:
                self.each(decision.legs, lambda o: o.planned and o.wait <= 0, self.sent)
            case Act.ABANDON:
                self.each(
                    decision.legs, lambda o: o.planned, lambda o: replace(o, state=OrderState.CANCELLED)
                )
            case Act.CANCEL:
                self.each(decision.legs, lambda o: o.resting, self.cancelled)
            case _:
                raise AssertionError(decision)

    def add(self, child: Child) -> None:
        role = self.kind
        self.append(
            child.leg,
            OrderFacts(role, 0, OrderState.PLANNED, child.lots, 0, 0, "", child.style, child.wait),  # type: ignore[arg-type]
        )

    def append(self, index: int, order: OrderFacts) -> None:
        facts = self.legs[index]
        self.legs[index] = replace(facts, orders=(*facts.orders, order))

    def each(self, legs, matches, change) -> None:  # type: ignore[no-untyped-def]
        for index in legs:
            facts = self.legs[index]
            changed = tuple(change(o) if matches(o) else o for o in facts.orders)
            self.legs[index] = replace(facts, orders=changed)

    def wait(self) -> None:
        """Until the next order is due, or a look at what rests."""
        waits = [o.wait for facts in self.legs for o in facts.orders if o.planned]
        passed = max(min([2.0, *waits]), 0.05)
        self.elapsed += passed
        everything = range(len(self.legs))
        self.each(everything, lambda o: o.planned, lambda o: replace(o, wait=max(0.0, o.wait - passed)))
        self.each(everything, lambda o: o.resting, self.rested)

    def sent(self, order: OrderFacts) -> OrderFacts:
        if self.chance.random() < self.refusals:
            code = self.chance.choice(["110007", "110063"])
            return replace(order, state=OrderState.REJECTED, reject_code=code)
        if order.style is OrderStyle.POST_ONLY and self.chance.random() < 0.8:
            return replace(order, state=OrderState.ACCEPTED)
        if order.style is OrderStyle.POST_ONLY:
            return replace(order, state=OrderState.CANCELLED)
        return self.ended(order, order.lots if self.chance.random() < self.luck else self.some(order))

    def rested(self, order: OrderFacts) -> OrderFacts:
        if self.chance.random() < 0.3:
            return self.cancelled(order)
        if order.filled >= order.lots - 1:
            return order
        filled = self.chance.randint(order.filled, order.lots - 1)
        return replace(order, state=OrderState.PARTIALLY_FILLED, filled=filled, booked=filled)

    def cancelled(self, order: OrderFacts) -> OrderFacts:
        """A cancel that may lose its race in part or whole."""
        return self.ended(order, self.chance.choice([order.filled, self.some(order), order.lots]))

    def some(self, order: OrderFacts) -> int:
        return self.chance.randint(order.filled, order.lots)

    @staticmethod
    def ended(order: OrderFacts, filled: int) -> OrderFacts:
        state = OrderState.FILLED if filled == order.lots else OrderState.CANCELLED
        return replace(order, state=state, filled=filled, booked=filled)

    def check(self) -> None:
        for facts in self.legs:
            live = [o for o in facts.tries if o.state not in FINAL]
            assert len(live) <= 1
            assert facts.forward <= facts.lots
            assert facts.forward + sum(o.lots - o.filled for o in live) <= facts.lots
            assert all(o.lots > 0 for o in facts.orders)
        if self.tactic.kind == "passive" and not self.given_up():
            self.check_step()

    def given_up(self) -> bool:
        """Whether a leg was refused, or is being taken instead of waited for: then nobody keeps step."""
        tries = [order for facts in self.legs for order in facts.tries]
        return any(o.state is OrderState.REJECTED or o.style is OrderStyle.IOC for o in tries)

    def check_step(self) -> None:
        sliced = [facts for facts in self.legs if facts.slices > 1]
        shares = [facts.forward / facts.lots for facts in sliced]
        part = max([(f.lots // f.slices + f.lots % f.slices) / f.lots for f in sliced], default=1)
        least = max([f.min_lots / f.lots for f in sliced], default=1)
        assert max(shares, default=0) - min(shares, default=0) <= part + least + 1e-9


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["open", "close", "rebalance"]),
    st.sampled_from([MARKET, AT_ONCE, PASSIVE, TWAP, Tactic("twap", 3600, 50), Tactic("passive", 5)]),
    st.lists(st.tuples(st.integers(5, 400), st.booleans()), min_size=1, max_size=4),
    st.integers(0, 2**32),
)
def test_no_child_ever_breaks_its_leg_and_it_always_ends(
    kind: str, tactic: Tactic, sizes: list[tuple[int, bool]], seed: int
) -> None:
    least = 5
    most = {"passive": 4, "twap": tactic.slices}.get(tactic.kind, 1)
    legs = [
        LegFacts(n, lots, least, (), max(1, min(most, lots // least)), adds)
        for n, (lots, adds) in enumerate(sizes)
    ]
    play = Play(kind, tactic, legs, seed)
    end = play.run().end
    for facts in play.legs:
        assert all(o.state in FINAL for o in facts.orders)
    missing = [facts.missing for facts in play.legs]
    if end is End.COMPLETE:
        assert missing == [0] * len(missing)
    if end is End.COMPLETE_WITH_RESIDUAL:
        assert all(0 <= lots < least for lots in missing)
    if end is End.UNWOUND:
        assert kind == "open"
        assert all(facts.still_open < least for facts in play.legs)
    if kind != "open":
        assert end is not End.UNWOUND


@pytest.mark.parametrize("tactic", [PASSIVE, TWAP])
def test_a_willing_market_completes_everything(tactic: Tactic) -> None:
    for seed in range(30):
        legs = [LegFacts(n, lots, 5, (), min(4, lots // 5)) for n, lots in enumerate([200, 60, 20])]
        play = Play("open", tactic, legs, seed, luck=1.0, refusals=0.0)
        assert play.run().end in (End.COMPLETE, End.COMPLETE_WITH_RESIDUAL)
