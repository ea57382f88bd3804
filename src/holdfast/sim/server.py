"""The process ``holdfast sim``: all simulated services on one loopback port."""

import errno
from pathlib import Path
from typing import Final

import uvloop
from aiohttp import web

from holdfast.core.errors import Conflict
from holdfast.sim import coingecko, control, marketaux
from holdfast.sim.binance import routes as binance
from holdfast.sim.binance.sockets import Patience
from holdfast.sim.bybit import routes as bybit
from holdfast.sim.bybit.venue import VenueSettings
from holdfast.sim.clock import SimClock
from holdfast.sim.market import Market
from holdfast.sim.world import WORLD, World

SHUTDOWN_S: Final = 1.0
"""How long a request that waits, half open perhaps, keeps a simulator that is told to end."""
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def create_app(
    seed: int,
    *,
    clock: SimClock | None = None,
    replay: Path | None = None,
    replay_symbol: str = "BTCUSDT",
    coingecko_limits: coingecko.Limits | None = None,
    state: Path | None = None,
    binance_patience: Patience | None = None,
    news_plan: marketaux.Plan | None = None,
) -> web.Application:
    """The application with CoinGecko, Bybit, Binance, Marketaux and the control door mounted. The market
    needs no memory: it is the same after a restart; ``state`` is the directory the venue keeps its accounts
    in.

    Raises:
        InvalidInput: the replay file cannot be read, or nobody lists its symbol.
    """
    clock = clock or SimClock()
    world = World(seed, clock, Market(seed, clock, replay, replay_symbol))
    app = web.Application()
    app[WORLD] = world
    coingecko.mount(app, world, coingecko_limits or coingecko.Limits())
    marketaux.mount(app, world, news_plan or marketaux.Plan())
    control.mount(app, world)
    bybit.mount(app, world, VenueSettings(state=state))
    binance.mount(app, world, binance_patience)
    return app


def run(
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 1,
    *,
    replay: Path | None = None,
    replay_symbol: str = "BTCUSDT",
    speed: float = 1.0,
    start_ms: int | None = None,
    state: Path | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Raises:
        ValueError: ``host`` is not a loopback address; the simulated world is for this machine only.
        Conflict: the port is in use.
    """
    if host not in LOOPBACK:
        raise ValueError(
            f"The simulator listens on loopback only; {host} is not one of {', '.join(LOOPBACK)}."
        )
    clock = SimClock(start_ms, speed=speed)
    app = create_app(seed, clock=clock, replay=replay, replay_symbol=replay_symbol, state=state)
    try:
        web.run_app(
            app,
            host=host,
            port=port,
            print=None,
            access_log=None,
            loop=uvloop.new_event_loop(),
            shutdown_timeout=SHUTDOWN_S,
        )
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Conflict(f"Port {port} is in use: stop the other program, or give another --port.") from None
