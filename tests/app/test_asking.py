"""Who asks for the states of topics, without a database."""

import asyncio
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from holdfast.app import asking
from holdfast.app.asking import Asker
from holdfast.app.clients import Channel
from holdfast.platform.background import cancel


def channels(count):
    return [Channel(UUID(int=number + 1), "things") for number in range(count)]


class Asked:
    """Notes what it was asked for. ``wrong``: what it fails of; ``gate``: what answers wait for."""

    def __init__(self):
        self.questions = []
        self.wrong = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, some):
        self.questions.append(list(some))
        await self.gate.wait()
        for channel in some:
            if error := self.wrong.get(channel):
                raise error

    @property
    def answered(self):
        return {one for question in self.questions for one in question}

    async def times(self, count):
        async with asyncio.timeout(30):
            while len(self.questions) < count:
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(asker):
    task = asyncio.create_task(asker.run())
    try:
        yield
    finally:
        await cancel([task])


async def test_many_are_one_question_and_what_is_asked_twice_is_asked_once():
    asked = Asked()
    asker = Asker(asked, at_once=100, side_by_side=1)
    many = channels(250)
    asker.ask(many)
    asker.ask(many)
    async with running(asker):
        await asked.times(3)
        await asyncio.sleep(0.05)
    assert [len(question) for question in asked.questions] == [100, 100, 50]
    assert asker.oldest is None


async def test_what_is_asked_for_in_quick_succession_waits_and_is_asked_once():
    asked, (hasty, other) = Asked(), channels(2)
    asker = Asker(asked, at_once=1, side_by_side=1, apart=3600.0)
    async with running(asker):
        asker.ask([hasty, other])
        await asked.times(2)
        for _ in range(3):
            asker.ask([hasty])
            await asyncio.sleep(0.02)
    assert asked.questions == [[hasty], [other]], "nobody who waits is kept from their turn"
    assert asker.oldest is not None


async def test_what_waited_has_its_turn():
    asked, (hasty,) = Asked(), channels(1)
    asker = Asker(asked, at_once=1, side_by_side=1, apart=0.05)
    async with running(asker):
        for turn in range(3):
            asker.ask([hasty])
            await asked.times(turn + 1)


async def test_one_of_many_that_fails_costs_only_itself(monkeypatch):
    monkeypatch.setattr(asking, "REST_SECONDS", 3600.0)
    asked, (bad, *good) = Asked(), channels(5)
    asked.wrong[bad] = ZeroDivisionError()
    asker = Asker(asked, at_once=100, side_by_side=1)
    asker.ask([bad, *good])
    async with running(asker):
        await asked.times(6)
        assert asked.questions[1:] == [[bad], *([one] for one in good)]
        asker.ask([bad, good[0]])
        await asked.times(7)
        await asyncio.sleep(0.05)
        assert asked.questions[6:] == [[good[0]]], "it rests"


async def test_what_failed_is_asked_for_again_after_a_rest(monkeypatch):
    monkeypatch.setattr(asking, "REST_SECONDS", 0.05)
    asked, (bad,) = Asked(), channels(1)
    asked.wrong[bad] = ZeroDivisionError()
    asker = Asker(asked, at_once=1, side_by_side=1)
    asker.ask([bad])
    async with running(asker):
        await asked.times(2)
        asked.wrong.clear()
        count = len(asked.questions)
        await asked.times(count + 1)
        await asyncio.sleep(0.2)
        assert len(asked.questions) <= count + 2, "it is well again"


@pytest.mark.parametrize("error", [ZeroDivisionError(), TimeoutError()])
async def test_what_always_fails_holds_nobody_up(error, monkeypatch):
    monkeypatch.setattr(asking, "REST_SECONDS", 3600.0)
    asked, (good, *bad) = Asked(), channels(5)
    asked.wrong = dict.fromkeys(bad, error)
    asker = Asker(asked, at_once=1, side_by_side=4)
    asker.ask([*bad, good])
    async with running(asker), asyncio.timeout(30):
        while good not in asked.answered:
            await asyncio.sleep(0.01)


async def test_a_database_that_is_away_is_not_asked_for_each_one_of_many(monkeypatch):
    monkeypatch.setattr(asking, "REST_SECONDS", 3600.0)
    asked, many = Asked(), channels(50)
    asked.wrong[many[0]] = ConnectionRefusedError()
    asker = Asker(asked, at_once=100, side_by_side=1)
    asker.ask(many)
    async with running(asker):
        await asked.times(1)
        await asyncio.sleep(0.05)
    assert len(asked.questions) == 1


async def test_a_slow_answer_delays_its_own_topic():
    asked, (slow, *others) = Asked(), channels(3)
    asked.gate.clear()
    asker = Asker(asked, at_once=1, side_by_side=2)
    asker.ask([slow])
    async with running(asker):
        await asked.times(1)
        asker.ask(others)
        await asked.times(2)
        assert asker.oldest is not None
        asked.gate.set()
        await asked.times(3)
