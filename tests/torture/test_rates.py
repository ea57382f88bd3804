"""Which requests too many are forgiven."""

from holdfast.sim.bybit.limits import default_limit
from holdfast.torture.rates import LEARNING, Lessons, lowered, narrowed

CREATE = ("1", "order.create", "linear")


def test_a_limit_is_known_from_the_beginning_until_it_is_another() -> None:
    lessons, usual = Lessons(), default_limit(*CREATE[1:])
    assert lessons.is_known(*CREATE, usual, now=0.0)
    assert not lessons.is_known(*CREATE, usual // 2, now=1.0)
    assert not lessons.is_known(*CREATE, usual // 2, now=1.0 + LEARNING / 2)
    assert lessons.is_known(*CREATE, usual // 2, now=1.0 + LEARNING)


def test_a_limit_that_was_lowered_before_the_first_request_has_to_be_learned_too() -> None:
    lessons = Lessons()
    assert not lessons.is_known(*CREATE, lowered(3)["order.create"], now=50.0)
    assert not lessons.is_known(*CREATE, lowered(3)["order.create"], now=50.1)


def test_narrow_limits_are_known_and_end_with_the_run() -> None:
    usual = default_limit(*CREATE[1:])
    with narrowed():
        assert Lessons().is_known(*CREATE, default_limit(*CREATE[1:]), now=0.0)
        assert default_limit(*CREATE[1:]) < usual
    assert default_limit(*CREATE[1:]) == usual
