"""How points are counted, chosen and told."""

import orjson
import pytest

from holdfast.core.errors import InvalidInput
from holdfast.torture.crash.campaign import replay
from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.points import Length, Outcome, Point, thinned
from holdfast.torture.crash.report import Report, explain

MOMENTS = (Moment.HELD, Moment.SENT, Moment.WIRE)


def test_every_suspension_is_a_point_at_every_moment_and_every_request_on_the_wire() -> None:
    points = Length(3, 2, ("a", "b", "a")).points("open", MOMENTS)
    assert [str(point) for point in points] == [
        "open:held:1", "open:held:2", "open:held:3", "open:sent:1", "open:sent:2", "open:sent:3",
        "open:wire:1", "open:wire:2",
    ]  # fmt: skip
    assert [Point.parse(str(point)) for point in points] == points


@pytest.mark.parametrize("stride", [1, 2, 7, 19, 400])
def test_all_offsets_of_a_stride_are_all_points_each_once(stride: int) -> None:
    points = Length(100, 31, ()).points("open", MOMENTS)
    union = [point for offset in range(stride) for point in thinned(points, stride=stride, offset=offset)]
    assert sorted(map(str, union)) == sorted(map(str, points))


@pytest.mark.parametrize("most", [1, 2, 40, 1000])
def test_at_most_so_many_points_lie_far_apart(most: int) -> None:
    points = Length(100, 31, ()).points("open", MOMENTS)
    chosen = thinned(points, most=most)
    assert 0.5 * min(most, len(points)) <= len(chosen) <= most
    assert points.index(chosen[-1]) >= len(points) * (1 - 1 / len(chosen)) - len(points) / most


def test_each_place_is_taken_once_at_one_moment_after_the_other() -> None:
    known = {"b"}
    found = list(Length(4, 0, ("a", "b", "a", "c")).new_places("open", MOMENTS, known))
    assert [str(point) for point in found] == ["open:held:1", "open:sent:4"]
    assert known == {"a", "b", "c"}


def test_a_report_counts_what_died_where_and_when_and_how_to_see_it_again() -> None:
    report = Report()
    report.plan("open", "worker", points=700, chosen=3)
    bad = Outcome(Point("open", Moment.SENT, 9), "execution/executor.py:210 _send", ("it is lost",), 1.0)
    for outcome in (
        Outcome(Point("open", Moment.HELD, 1), "platform/database.py:51 _connect", (), 1.0),
        bad,
        Outcome(Point("open", Moment.SENT, 400), "", (), 2.5),
    ):
        report.take(outcome)
    told = orjson.loads(orjson.dumps(report.as_json()))
    assert (told["points"], told["crashes"], told["all_points"]) == (3, 2, 700)
    assert (told["processes"], told["moments"]) == ({"worker": 2}, {"held": 1, "sent": 1})
    assert told["violations"] == [{"replay": "open:sent:9", "place": bad.place, "what": ["it is lost"]}]
    assert told["scenarios"][0]["seconds_per_point"] == 1.5
    assert explain(bad).endswith("holdfast crash --replay open:sent:9")


@pytest.mark.parametrize("given", ["open", "open:never:1", "open:sent:x", "nothing:sent:1"])
def test_what_is_no_point_is_refused_before_anything_starts(given: str) -> None:
    with pytest.raises(InvalidInput):
        replay(Report(), [given])
