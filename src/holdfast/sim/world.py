"""Everything the doors of the simulated world share."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from holdfast.sim.clock import SimClock
from holdfast.sim.faults import Faults
from holdfast.sim.market import Market

if TYPE_CHECKING:
    from holdfast.sim.bybit.accounts import Accounts


@dataclass(slots=True)
class World:
    """``accounts`` is put in by ``holdfast.sim.bybit.routes.mount``."""

    seed: int
    clock: SimClock
    market: Market
    faults: Faults = field(default_factory=Faults)
    accounts: "Accounts | None" = None


WORLD: web.AppKey[World] = web.AppKey("world", World)
