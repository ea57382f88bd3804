"""Two users at the API's door, a worker in this process, and scripts that are run here."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx2
import numpy as np
import pytest
from redis.asyncio import Redis
from tests.charts.conftest import Headers, key, owner, stranger, user_id
from tests.scripts.local import LocalRunner, script_of

from holdfast.app.handlers import HANDLERS
from holdfast.app.runner import JobRunner
from holdfast.backtest import tasks
from holdfast.charts.datasets import reading
from holdfast.platform import jobs
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

__all__ = ["Headers", "key", "owner", "stranger", "user_id"]

Key = Callable[[], Headers]

START = 1_700_006_400
HOUR = 3600
SAW = [100 + abs(i % 40 - 20) for i in range(400)]
"""Hourly opens that go up and down by a unit."""

TREND = """\
script("Trend")
a, b = ta.sma(bars.close, input.int("Fast", 3)), ta.sma(bars.close, 9)
target(np.where(a > b, 1.0, 0.0))
"""


def csv_of(opens: list[int], start: int = START, step: int = HOUR) -> str:
    """Bars that close where the next one opens."""
    lines = ["timestamp,open,high,low,close,volume"]
    for i, (o, c) in enumerate(zip(opens, [*opens[1:], opens[-1]], strict=True)):
        lines.append(f"{start + step * i},{o},{max(o, c)},{min(o, c)},{c},1")
    return "\n".join(lines) + "\n"


class Hand:
    """A clock that can be put forward."""

    def __init__(self) -> None:
        self._real, self.ahead = SystemClock(), timedelta(0)

    def now(self) -> datetime:
        return self._real.now() + self.ahead


class Worker:
    """Runs the jobs that are due, in this process."""

    def __init__(self, database: Database, redis: Redis, settings: Settings) -> None:
        self.database, self.clock, self.scripts = database, Hand(), LocalRunner()
        self._runner = JobRunner(HANDLERS, database, redis, settings, self.clock, asyncio.Event())
        self.use(tasks.RUNNER, self.scripts)

    def use(self, name: str, service: Any) -> None:
        """Give the jobs this service."""
        self._runner.services[name] = service

    async def due(self) -> list[int]:
        async with self.database.transaction() as session:
            found = await jobs.take_due(session, now=self.clock.now(), kinds=["backtest.run"])
        return [job_id for job_id, _ in found]

    async def run(self) -> None:
        """Everything that is due now, once."""
        for job_id in await self.due():
            await self._runner.run(job_id)


@pytest.fixture
def worker(database: Database, redis: Redis, settings: Settings) -> Worker:
    return Worker(database, redis, settings)


class Desk:
    """What a user does at the API."""

    def __init__(self, client: httpx2.AsyncClient, database: Database, worker: Worker) -> None:
        self.client, self.database, self.worker = client, database, worker

    async def dataset(self, headers: Headers, content: str, **fields: str) -> Any:
        answer = await self.client.post(
            "/api/datasets",
            headers=headers | {"Idempotency-Key": uuid4().hex},
            files={"file": ("mine.csv", content.encode())},
            data=fields,
        )
        assert answer.status_code == 202, answer.text
        await reading.carry_out(self.database, SystemClock(), UUID(answer.json()["id"]))
        return (await self.client.get(f"/api/datasets/{answer.json()['id']}", headers=headers)).json()

    async def script(self, headers: Headers, source: str = TREND, name: str = "Mine") -> str:
        answer = await self.client.post(
            "/api/scripts",
            json=script_of(name=name, source=source),
            headers=headers | {"Idempotency-Key": uuid4().hex},
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def post(self, headers: Headers, body: dict[str, Any], key: str = "") -> httpx2.Response:
        return await self.client.post(
            "/api/backtests", json=body, headers=headers | {"Idempotency-Key": key or uuid4().hex}
        )

    async def ask(self, headers: Headers, body: dict[str, Any]) -> Any:
        answer = await self.post(headers, body)
        assert answer.status_code == 202, answer.text
        return answer.json()

    async def see(self, headers: Headers, backtest_id: str) -> Any:
        answer = await self.client.get(f"/api/backtests/{backtest_id}", headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def done(self, headers: Headers, body: dict[str, Any]) -> Any:
        """Asked for and run; what the API then says about it."""
        asked = await self.ask(headers, body)
        await self.worker.run()
        return await self.see(headers, asked["id"])


@pytest.fixture
def desk(client: httpx2.AsyncClient, database: Database, worker: Worker) -> Desk:
    return Desk(client, database, worker)


@pytest.fixture
async def own(desk: Desk, owner: Headers) -> str:
    """The series of the owner's own hours."""
    made = await desk.dataset(owner, csv_of(SAW), name="Saw")
    return str(made["series"])


def wanted(script_id: str, series: str, **more: Any) -> dict[str, Any]:
    return {
        "source": {"kind": "script", "script_id": script_id},
        "series": series,
        "timeframe": "1h",
        "fee_rate": "0.001",
        "slippage": "0",
        **more,
    }


def ups_and_downs(count: int) -> list[int]:
    steps = np.random.default_rng(5).integers(-3, 4, count)
    return [int(one) for one in np.maximum(300 + np.cumsum(steps), 20)]
