import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.sim.clock import SimClock


class Machine:
    """A machine clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 5_000_000_000

    def __call__(self) -> int:
        return self.ns

    def pass_ms(self, ms: int) -> None:
        self.ns += ms * 1_000_000


def test_follows_the_machine_unless_told_otherwise() -> None:
    machine = Machine()
    clock = SimClock(source_ns=machine)
    assert clock.now_ms() == 5_000
    machine.pass_ms(250)
    assert clock.now_ms() == 5_250


def test_starts_where_it_is_put() -> None:
    machine = Machine()
    clock = SimClock(1_000_000, source_ns=machine)
    machine.pass_ms(40)
    assert clock.now_ms() == 1_000_040


def test_freezes_and_goes_on_without_a_jump() -> None:
    machine = Machine()
    clock = SimClock(0, source_ns=machine)
    machine.pass_ms(100)
    clock.freeze()
    machine.pass_ms(5_000)
    assert clock.now_ms() == 100
    clock.advance(50)
    assert clock.now_ms() == 150
    clock.resume()
    machine.pass_ms(1)
    assert clock.now_ms() == 151


@given(st.lists(st.tuples(st.floats(0.1, 1000), st.integers(0, 10_000), st.integers(0, 10_000)), max_size=12))
def test_never_goes_back_whatever_is_ordered(orders: list[tuple[float, int, int]]) -> None:
    machine = Machine()
    clock = SimClock(0, source_ns=machine)
    seen = [clock.now_ms()]
    for speed, elapsed, jump in orders:
        clock.set_speed(speed)
        machine.pass_ms(elapsed)
        seen.append(clock.now_ms())
        clock.advance(jump)
        seen.append(clock.now_ms())
    assert seen == sorted(seen)


@pytest.mark.parametrize("speed", [0, -1, float("inf"), float("nan")])
def test_refuses_a_speed_that_is_none(speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        SimClock(0).set_speed(speed)


def test_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="forward"):
        SimClock(0).advance(-1)
