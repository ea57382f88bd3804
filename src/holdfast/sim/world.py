"""Everything the doors of the simulated world share."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from holdfast.sim.clock import SimClock
from holdfast.sim.faults import Faults
from holdfast.sim.market import Market

if TYPE_CHECKING:
    from holdfast.sim.binance.streams import Streams
    from holdfast.sim.bybit.accounts import Accounts
    from holdfast.sim.bybit.venue import Venue


@dataclass(slots=True)
class World:
    """``accounts`` and ``venue`` are put in by ``holdfast.sim.bybit.routes.mount``, ``binance`` by
    ``holdfast.sim.binance.mount``."""

    seed: int
    clock: SimClock
    market: Market
    faults: Faults = field(init=False)
    accounts: "Accounts | None" = None
    venue: "Venue | None" = None
    binance: "Streams | None" = None

    def __post_init__(self) -> None:
        self.faults = Faults(self.clock.now_ms)


WORLD: web.AppKey[World] = web.AppKey("world", World)
