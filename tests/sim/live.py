"""A simulator behind a real socket, in a thread of its own, for clients that block."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from holdfast.sim.world import WORLD, World


class LiveSim:
    def __init__(self, app: web.Application) -> None:
        self.world: World = app[WORLD]
        self.base = ""
        self._app = app
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def start(self) -> None:
        self._thread.start()
        if not self._ready.wait(20):
            raise TimeoutError("the simulator did not start")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    async def _serve(self) -> None:
        runner = web.AppRunner(self._app, shutdown_timeout=1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        self.base = f"http://{host}:{port}"
        self._ready.set()
        await self._stop.wait()
        await runner.cleanup()


@contextmanager
def running(app: web.Application) -> Iterator[LiveSim]:
    """Serve ``app`` on a free loopback port until the block ends."""
    live = LiveSim(app)
    live.start()
    try:
        yield live
    finally:
        live.stop()
