"""The API dies between a user's confirmation and its answer; the page repeats the same request."""

import asyncio
import os
import signal
import time
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import httpx2
import uvicorn
import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.app.api import create_app
from holdfast.platform import embedded
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging
from holdfast.torture.crash.driver import Moment, Reaper, drive
from holdfast.torture.crash.fork import Born, Ending, Say, born
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench, Patch, conclude

ROUTE: Final = "/api/executions"
_confirming: ContextVar[bool] = ContextVar("confirming", default=False)


@dataclass(frozen=True, slots=True)
class ApiDies:
    """However often it dies: one key, one execution, and the repeated request gets its answer."""

    name: str = "confirm"
    dies: str = "api"
    moments: tuple[Moment, ...] = (Moment.HELD, Moment.SENT, Moment.ANSWERED)

    def length(self, bench: Bench) -> Length:
        scene = bench.prepare(self.name)
        with _Api(bench, Moment.HELD, 0) as api:
            answer = api.confirm(scene, uuid4().hex)
            assert answer is not None
            assert answer.status_code == 202, answer.text
        bench.verdict(scene | {"execution": answer.json()["id"]})
        return Length.of(api.ending)

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        scene, key = bench.prepare(self.name), uuid4().hex
        with _Api(bench, point.moment, point.number) as api:
            first = api.confirm(scene, key)
        with _Api(bench, Moment.HELD, 0) as other:
            again = other.confirm(scene, key)
        said = []
        if again is None or again.status_code != 202:
            said.append(f"the repeated request got {again and again.text}")
        elif first is not None and first.json() != again.json():
            said.append(f"two answers: {first.text} and {again.text}")
        found = bench.stage.ask("executions", **scene)
        if len(found) != 1:
            said.append(f"one key made {len(found)} executions")
        return conclude(bench, scene | {"execution": found[0]}, point, api.ending, began, *said)


class _Api:
    """One API process, for the length of a block."""

    def __init__(self, bench: Bench, moment: Moment, at: int) -> None:
        self._port = embedded.free_port()
        settings = bench.place.settings.model_copy(update={"web_dist": Path("/nonexistent")})
        self._process: Born = born(
            lambda say: serve(settings, self._port, moment, at, bench.patch, say), bench.place.log
        )
        self.ending: Ending

    def __enter__(self) -> "_Api":
        deadline = time.monotonic() + 60
        while True:
            with suppress(httpx2.HTTPError):
                httpx2.get(f"{self._url}/api/health/live", timeout=5)
                return self
            if time.monotonic() > deadline:
                raise TimeoutError("the API does not come up")
            time.sleep(0.02)

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGTERM)
        self.ending = self._process.wait()

    def confirm(self, scene: dict[str, Any], key: str) -> httpx2.Response | None:
        """The answer; ``None`` if the API died first."""
        headers = {"Authorization": f"Bearer {scene['token']}", "Idempotency-Key": key}
        try:
            return httpx2.post(f"{self._url}{ROUTE}", json=scene["body"], headers=headers, timeout=30)
        except httpx2.HTTPError:
            return None

    @property
    def _url(self) -> str:
        return f"http://127.0.0.1:{self._port}"


def serve(settings: Settings, port: int, moment: Moment, at: int, patch: Patch, say: Say) -> None:
    """An API process whose suspensions count while it carries out a confirmation."""
    configure_logging(settings, "api")
    patch(settings)
    reaper = Reaper(moment, at, say, counts=_confirming.get)
    config = uvicorn.Config(
        _Marking(create_app(settings)),
        host="127.0.0.1",
        port=port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # uvicorn stops at it, and raises it again at its end
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        drive(runner.get_loop(), reaper)
        runner.run(uvicorn.Server(config).serve())
    reaper.report()


class _Marking:
    """Marks the tasks that carry out a confirmation."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] == ROUTE:
            _confirming.set(True)
        await self._app(scope, receive, send)
