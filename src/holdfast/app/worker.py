"""A worker: Celery's prefork pool, each child with one event loop, one database pool, one job at a time."""

import asyncio
import os
import sys
from typing import Any, Final

import structlog
import uvloop
from celery import Celery, signals

from holdfast.app.courier import RUN_JOB, celery_app
from holdfast.app.handlers import HANDLERS
from holdfast.app.runner import JobRunner
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import LONGEST_SILENCE, Database
from holdfast.platform.processes import announce_ready
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging

log = structlog.get_logger(__name__)

POOL_SIZE: Final = 5


class Child:
    """What one process of the pool keeps for its whole life."""

    def __init__(self, settings: Settings, stop_pipe: int) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._runner.run(self._open(settings, stop_pipe))

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        return self._runner.get_loop()

    def run(self, job_id: int) -> None:
        self._runner.run(self._jobs.run(job_id))

    def close(self) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _open(self, settings: Settings, stop_pipe: int) -> None:
        self._database = Database(settings.database_url, pool_size=POOL_SIZE, idle_seconds=LONGEST_SILENCE)
        self._redis = open_redis(settings.redis_url)
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()

        def stop() -> None:
            stopping.set()
            loop.remove_reader(stop_pipe)

        loop.add_reader(stop_pipe, stop)
        self._jobs = JobRunner(HANDLERS, self._database, self._redis, settings, SystemClock(), stopping)

    async def _close(self) -> None:
        for service in self._jobs.services.values():
            if hasattr(service, "close"):
                await service.close()
        await self._redis.aclose()
        await self._database.close()


class Worker:
    """The parent of the pool.

    The stop pipe's writing end is held by the parent alone: when it is closed, by a SIGTERM or because the
    parent is gone, every child gives its job back within seconds.
    """

    def __init__(self, settings: Settings, queues: list[str], concurrency: int) -> None:
        self._settings = settings
        self._queues = queues
        self._concurrency = concurrency
        self._stop_reader, self._stop_writer = os.pipe()
        self._child: Child | None = None
        self._app = self._build(celery_app(settings))

    def run(self) -> int:
        """Work until SIGTERM; returns the exit code."""
        configure_logging(self._settings, "worker")
        receivers = (
            (signals.setup_logging, self._keep_our_logging),
            (signals.worker_ready, self._on_ready),
            (signals.worker_shutting_down, self._on_shutting_down),
            (signals.worker_process_init, self._on_child_start),
            (signals.worker_process_shutdown, self._on_child_end),
        )
        for signal, receiver in receivers:
            signal.connect(receiver, weak=False)
        worker = self._app.Worker(
            queues=self._queues,
            concurrency=self._concurrency,
            pool="prefork",
            loglevel=self._settings.log_level,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
            hostname=f"{'-'.join(self._queues)}@%h",
            quiet=True,
        )
        worker.start()
        return int(worker.exitcode or 0)

    def _build(self, app: Celery) -> Celery:
        @app.task(name=RUN_JOB)
        def run_job(job_id: int) -> None:
            assert self._child is not None
            self._child.run(job_id)

        return app

    def _keep_our_logging(self, **_: Any) -> None:
        """Celery sets up no logging of its own when somebody listens to this signal."""

    def _on_ready(self, **_: Any) -> None:
        announce_ready()

    def _on_shutting_down(self, **_: Any) -> None:
        if self._stop_writer >= 0:
            os.close(self._stop_writer)
            self._stop_writer = -1

    def _on_child_start(self, **_: Any) -> None:
        os.close(self._stop_writer)
        self._stop_writer = -1
        self._child = Child(self._settings, self._stop_reader)

    def _on_child_end(self, **_: Any) -> None:
        if self._child:
            self._child.close()


def main(settings: Settings, queues: list[str], concurrency: int) -> None:
    sys.exit(Worker(settings, queues, concurrency).run())
