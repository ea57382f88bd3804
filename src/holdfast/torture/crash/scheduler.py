"""The scheduler dies in the middle of handing out a job."""

import asyncio
import base64
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import redis
import uvloop

from holdfast.app.courier import celery_app
from holdfast.app.handlers import ORDERS
from holdfast.app.scheduler import Scheduler
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging
from holdfast.torture.crash.driver import Moment, Reaper, drive
from holdfast.torture.crash.fork import Say
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench, conclude

SCENE: Final = "open"


class _Over(Exception):
    """The turn has come to its end."""


class _OneTurn(Scheduler):
    """From its start to the end of its first turn, which hands out everything that is due."""

    async def _turn(self) -> None:
        await super()._turn()
        raise _Over


@dataclass(frozen=True, slots=True)
class SchedulerDies:
    """Another scheduler must hand the job out; the job must be done once, however often it was handed out."""

    name: str = "scheduler"
    dies: str = "scheduler"
    moments: tuple[Moment, ...] = (Moment.HELD, Moment.SENT, Moment.ANSWERED)

    def length(self, bench: Bench) -> Length:
        scene = bench.prepare(SCENE)
        settings = bench.place.settings
        ending = bench.child(lambda say: schedule(settings, Moment.HELD, 0, say))
        bench.verdict(scene)
        return Length.of(ending)

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        settings = bench.place.settings
        scene = bench.prepare(SCENE)
        with redis.Redis.from_url(settings.redis_url) as courier:
            courier.delete(ORDERS)
            ending = bench.child(lambda say: schedule(settings, point.moment, point.number, say))
            if not handed_out(courier, scene["job"]):
                bench.child(lambda say: schedule(settings, Moment.HELD, 0, say))
            times = handed_out(courier, scene["job"])
        said = [] if times else ["the job was never handed out"]
        for _ in range(times):
            bench.do(scene["job"], Moment.HELD, 0)
        return conclude(bench, scene, point, ending, began, *said)


def schedule(settings: Settings, moment: Moment, at: int, say: Say) -> None:
    """What a scheduler does after its start, until it is killed."""
    configure_logging(settings, "scheduler")
    reaper = Reaper(moment, at, say)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        drive(runner.get_loop(), reaper)
        runner.run(_turn(settings))
    reaper.report()


async def _turn(settings: Settings) -> None:
    database = Database(settings.database_url, pool_size=2)
    queues = open_redis(settings.redis_url)
    try:
        await _OneTurn(database, queues, celery_app(settings), SystemClock()).run()
    except _Over:
        return
    finally:
        await queues.aclose()
        await database.close()


def handed_out(courier: redis.Redis, job_id: int) -> int:
    """How often a job waits in the courier's queue."""
    messages: Iterable[bytes] = courier.lrange(ORDERS, 0, -1)  # type: ignore[assignment]
    bodies = (json.loads(base64.b64decode(json.loads(message)["body"])) for message in messages)
    return sum(arguments == [job_id] for arguments, *_ in bodies)
