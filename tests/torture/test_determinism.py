"""A seed is the whole truth about a run."""

import asyncio

import pytest

from holdfast.torture.campaign import campaign
from holdfast.torture.loop import Process, ProcessDied, Standstill, VirtualLoop, inside


@pytest.mark.timeout(300)
def test_a_seed_runs_the_same_way_alone_and_after_others() -> None:
    alone, after_others = campaign([7]), campaign([2, 5, 7])
    assert alone[0].trace == after_others[-1].trace
    assert alone[0].counts == after_others[-1].counts
    assert after_others[0].trace != after_others[1].trace


def test_waiting_costs_no_time() -> None:
    loop = VirtualLoop()
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() == pytest.approx(86_400)
    loop.close()


def test_waiting_for_what_can_never_happen_is_noticed() -> None:
    loop = VirtualLoop()
    with pytest.raises(Standstill):
        loop.run_until_complete(asyncio.Event().wait())
    loop.close()


def test_a_paused_process_stands_still_and_goes_on() -> None:
    loop, process, ticks = VirtualLoop(), Process("worker"), []

    async def tick() -> None:
        while True:
            await asyncio.sleep(1)
            ticks.append(round(loop.time(), 1))

    async def watch() -> None:
        ticking = loop.create_task(tick(), context=inside(process))
        await asyncio.sleep(2.5)
        process.paused = True
        await asyncio.sleep(5)
        loop.resume(process)
        await asyncio.sleep(1.2)
        ticking.cancel()

    loop.run_until_complete(watch())
    assert ticks == [1.0, 2.0, 7.5, 8.5]
    loop.close()


def test_a_dead_process_has_no_effect_any_more() -> None:
    process = Process("worker", alive=False)
    with pytest.raises(ProcessDied):
        process.effect()
