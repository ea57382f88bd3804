"""A worker that is frozen with an order on the wire wakes while another goes on in its place."""

from types import SimpleNamespace
from typing import Any, cast

import orjson

from holdfast.sim.bybit.http import RawRequest
from holdfast.torture.house import House, Tally
from holdfast.torture.loop import Process
from holdfast.torture.strikes import Overtaking
from holdfast.torture.weather import CONTESTED, forecast


class _Worker:
    """As much of a worker as can be frozen."""

    def __init__(self, name: str) -> None:
        self.process = Process(name)

    def pause(self, seconds: float, *, cut: bool) -> None:
        assert (seconds, cut) == (60, True)
        self.process.paused = True


def _order(link: str) -> RawRequest:
    return RawRequest(
        method="POST",
        path="/v5/order/create",
        query="",
        headers={},
        body=orjson.dumps({"orderLinkId": link}),
        address="",
    )


def test_it_freezes_at_an_order_and_wakes_at_its_successors() -> None:
    first, second = _Worker("first"), _Worker("second")
    loop = SimpleNamespace(resume=lambda process: setattr(process, "paused", False))
    house = SimpleNamespace(workers=[first, second], loop=loop, tally=Tally())
    told: Any = Overtaking(cast(House, house), orders=2, others=2, seconds=60, cut=True)
    told(first.process, _order("hf-one-o0000"))
    told(Process("browser"), _order("of-my-own"))
    assert not first.process.paused
    told(first.process, _order("hf-one-o0100"))
    assert first.process.paused
    for link in ("hf-other-o0000", "hf-one-o0000"):
        told(second.process, _order(link))
        assert first.process.paused
    told(second.process, _order("hf-one-o0100"))
    assert not first.process.paused
    assert house.tally.counts["overtaken"] == 1


def test_a_part_of_the_seeds_is_contested() -> None:
    contested = sum(forecast(seed).contested for seed in range(1, 501)) / 500
    assert abs(contested - CONTESTED) < 0.06
