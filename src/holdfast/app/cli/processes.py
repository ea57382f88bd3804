"""Each process by itself: how several machines share the work."""

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from holdfast.platform.processes import CannotRun, announce_ready
from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import configure_logging

if TYPE_CHECKING:
    from fastapi import FastAPI


def api() -> None:
    """Serve the HTTP API, the web app, and the stream unless a hub has it."""
    from holdfast.app.api import create_app

    settings = _settings()
    configure_logging(settings, "api")
    _serve(create_app(settings), settings, settings.port)


def hub() -> None:
    """Serve the live stream alone, beside an API that has HOLDFAST_HUB or HOLDFAST_STREAM_URL set."""
    from holdfast.accounts.tokens import SIGNING_KEY_FILE
    from holdfast.app.streaming import create_hub

    settings = _settings()
    if not (settings.secrets_dir / SIGNING_KEY_FILE).is_file():
        raise CannotRun(
            f"The hub must know the key that signs access tokens: copy {SIGNING_KEY_FILE} from the API's "
            f"machine to {settings.secrets_dir}."
        )
    configure_logging(settings, "hub")
    _serve(create_hub(settings), settings, settings.hub_port)


def _serve(application: "FastAPI", settings: Settings, port: int) -> None:
    import uvicorn

    from holdfast.app.impatience import Places, exempt_from, impatient
    from holdfast.app.wire import StreamProtocol

    # uvicorn reads the same variable to know whose word about the client to believe.
    exempt = exempt_from(os.environ.get("FORWARDED_ALLOW_IPS", ""))
    uvicorn.run(
        application,
        host=settings.host,
        port=port,
        loop="uvloop",
        http=impatient(Places(settings.sockets_per_network, exempt)),
        ws=StreamProtocol,
        ws_max_size=64 * 1024,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=3,
    )


def worker(
    queues: Annotated[
        str, typer.Option(help="Which queues to serve, separated by commas.")
    ] = "orders,polling,history,backtests,strategies",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Processes in the pool.")] = 2,
) -> None:
    """Carry out background jobs."""
    from holdfast.app import worker as module
    from holdfast.app.handlers import QUEUES

    wanted = [name.strip() for name in queues.split(",") if name.strip()]
    unknown = set(wanted) - set(QUEUES)
    if unknown or not wanted:
        raise typer.BadParameter(f"choose from {', '.join(QUEUES)}", param_hint="--queues")
    module.main(_settings(), wanted, concurrency)


def scheduler() -> None:
    """Hand due jobs to the workers."""
    from holdfast.app import scheduler as module

    settings = _settings()
    configure_logging(settings, "scheduler")
    _run(module.run(settings))


def feed() -> None:
    """Bring market data in and publish it."""
    from holdfast.app import feed as module

    settings = _settings()
    configure_logging(settings, "feed")
    announce_ready()
    _run(module.run(settings))


def watch() -> None:
    """Listen to the accounts of all connections."""
    from holdfast.app import watch as module

    settings = _settings()
    configure_logging(settings, "watch")
    announce_ready()
    _run(module.run(settings))


def sandbox() -> None:
    """Run users' scripts, locked away. Needs neither PostgreSQL nor Redis, and must not know them."""
    if sys.platform != "linux":
        raise CannotRun(
            "Scripts are run on Linux only: start Holdfast in its container, or on a Linux machine."
        )
    import psutil

    from holdfast.scripts.jail import machine
    from holdfast.scripts.jail.server import places_of, run

    settings = Settings()
    configure_logging(settings, "sandbox")
    memory = machine.memory(psutil.virtual_memory().total)
    places = settings.sandbox_runs or places_of(machine.processors(), memory)
    _run(run(settings.sandbox_at, places, announce_ready))


def sim(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 8421,
    seed: Annotated[int, typer.Option(help="Which of the possible worlds.")] = 7,
    replay: Annotated[Path | None, typer.Option(help="A candle file to replay.", exists=True)] = None,
    replay_symbol: Annotated[str, typer.Option(help="Whose prices the file holds.")] = "BTCUSDT",
    state: Annotated[Path | None, typer.Option(help="Directory to keep simulated accounts in.")] = None,
) -> None:
    """Run the simulated outside world. It is never the real thing."""
    from holdfast.sim.server import run

    configure_logging(Settings(), "sim")
    run("127.0.0.1", port, seed, replay=replay, replay_symbol=replay_symbol, state=state)


def migrate() -> None:
    """Bring the database's tables to this version."""
    from holdfast.app import migrate as module
    from holdfast.app.context import located

    module.run(located(Settings()).database_url)


def _settings() -> Settings:
    """Of a process that shares the database with others, all of one mode."""
    from holdfast.app import mode
    from holdfast.app.context import located

    settings = located(Settings())
    asyncio.run(mode.keep(settings.database_url, settings.mode))
    return settings


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Until SIGTERM or Ctrl-C, which end the work in an orderly way."""
    import uvloop

    async def until_told() -> None:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told())
