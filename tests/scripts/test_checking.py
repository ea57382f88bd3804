"""A check of a source waits for the sandbox, but not for ever."""

import asyncio
from uuid import uuid4

import pytest
from tests.scripts.bars import ordinary_bars
from tests.scripts.local import CROSS, LocalRunner

from holdfast.core.errors import Unavailable
from holdfast.core.timeframes import Timeframe
from holdfast.scripts import checking
from holdfast.scripts.sample import Sample


async def test_a_sandbox_that_is_full_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "FIRST_SECONDS", 0.1, raising=False)
    runner = LocalRunner(held=asyncio.Event())
    sample = Sample(ordinary_bars(200, 1).as_floats(), None, Timeframe.H1)
    async with asyncio.timeout(10):
        with pytest.raises(Unavailable, match="too busy") as refusal:
            await checking.check(runner, CROSS, {}, sample, user_id=uuid4(), seed=1)
    assert refusal.value.advice
    assert len(runner.runs) == 1
