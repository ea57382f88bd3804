"""A move finds the alerts that it reaches as a loop over all of them would, and looks at no others."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from holdfast.charts import crossing
from holdfast.charts.crossing import ABOVE, BELOW, Bar, Point, Seen
from holdfast.charts.firing import changes
from holdfast.charts.levels import Level, Levels

COINS = ("bybit:A", "bybit:B")
MINUTE = crossing.MINUTE

prices = st.integers(1, 12).map(Decimal)
levels = st.builds(
    Level,
    st.integers(0, 15).map(lambda number: UUID(int=number)),
    st.sampled_from(COINS),
    st.sampled_from((ABOVE, BELOW, None)),
    prices,
    st.integers(0, 4 * MINUTE).map(lambda second: datetime.fromtimestamp(second, UTC)),
    st.sampled_from((True, True, True, False)),
)
looks = st.lists(prices, min_size=1, max_size=3)


def bars(moves: Sequence[Sequence[Decimal]]) -> list[list[Bar]]:
    """What is seen look by look, three looks a minute: a bar grows from one to the next."""
    seen, told = [], []
    for turn, move in enumerate(moves):
        seen = [*(seen if turn % 3 else []), *move]
        minute = turn // 3 * MINUTE
        told.append([Bar(minute, seen[0], max(seen), min(seen), seen[-1], minute + 20.0 * (turn % 3 + 1))])
    return told


def after(level: Level, points: Sequence[Point]) -> Level:
    since = level.watched_from.timestamp()
    return level._replace(side=crossing.crossings(level.side, level.price, points, since)[0])


@given(st.lists(st.one_of(levels, looks), max_size=40))
def test_the_same_alerts_change_as_in_a_loop_over_all(steps: Sequence[Level | list[Decimal]]) -> None:
    """Alerts come, change, go and take another's place between the looks."""
    every: dict[UUID, Level] = {}
    found, seen = Levels(), None
    told = iter(bars([step for step in steps if isinstance(step, list)]))
    for step in steps:
        if isinstance(step, Level):
            every.pop(step.id, None)
            if step.active:
                every[step.id] = step
            found.take(step)
            continue
        points, seen = crossing.after(seen, next(told))
        here = [one for one in every.values() if one.series == COINS[0]]
        reached = found.reached(COINS[0], *extremes(points))
        assert {one for one in here if changes(one, points)} <= set(reached)
        assert len(reached) == len(set(reached))
        for one in reached:
            every[one.id] = after(one, points)
            found.take(every[one.id])
    for series in COINS:
        moments = [one.watched_from for one in every.values() if one.series == series]
        assert found.watched_from(series) == min(moments, default=None)
    assert found.series() == {one.series for one in every.values()}


def extremes(points: Sequence[Point]) -> tuple[Decimal, Decimal]:
    return min(point.price for point in points), max(point.price for point in points)


def made(number: int, side: str | None, price: int) -> Level:
    return Level(UUID(int=number), COINS[0], side, Decimal(price), datetime.fromtimestamp(0, UTC), True)


def test_only_what_lies_on_the_way_is_looked_at() -> None:
    found, price = Levels(), 5_000
    for number in range(10_000):
        side = ABOVE if number < price else BELOW if number > price else None
        found.take(made(number, side, number))
    assert reached(found, 5_000, 5_000) == []
    assert reached(found, 4_999, 5_002) == [4_999, 5_000, 5_001, 5_002]
    assert reached(found, 5_003, 5_003) == [5_000, 5_001, 5_002, 5_003]
    assert reached(found, 4_998, 4_998) == [4_998, 4_999, 5_000]


def reached(found: Levels, low: int, high: int) -> list[int]:
    return sorted(one.id.int for one in found.reached(COINS[0], Decimal(low), Decimal(high)))


def test_a_price_that_rests_at_a_level_looks_at_none_of_those_who_wait_there() -> None:
    found = Levels()
    for number in range(100):
        found.take(made(number, None, 7))
    assert reached(found, 7, 7) == []
    assert len(reached(found, 7, 8)) == 100


def test_what_is_forgotten_twice_or_never_known_does_no_harm() -> None:
    found = Levels()
    found.drop(UUID(int=1))
    found.take(made(1, None, 7))
    found.drop(UUID(int=1))
    found.drop(UUID(int=1))
    assert (found.series(), found.watched_from(COINS[0]), reached(found, 1, 9)) == (set(), None, [])


def test_a_first_look_reaches_all_whose_side_is_unknown() -> None:
    points, _ = crossing.after(Seen(0, Decimal(5), Decimal(5), Decimal(5)), bars([[Decimal(5)]])[0])
    found = Levels()
    for number in range(10):
        found.take(made(number, None, number))
    assert reached(found, *map(int, extremes(points))) == [0, 1, 2, 3, 4, 6, 7, 8, 9]
