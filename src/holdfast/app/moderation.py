"""How much one visitor may ask for of what needs no account: of charts and their bars, so that a stranger can
neither use up what the venues allow this machine, nor have histories filled without end; of news and the
status, so that a stranger cannot keep PostgreSQL busy.

Visitors are counted by network, users by themselves and, more widely, all together by network: whoever may
try the demo has as many users as they like. Pages are counted when a venue is asked for them, whoever waits
for them; who used too many is refused until that is made up for.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from fastapi import Request
from starlette.requests import HTTPConnection

from holdfast.accounts.limits import Limiter, Rate, network_of
from holdfast.accounts.tools import tools_of
from holdfast.core.errors import TooManyRequests
from holdfast.core.time import Clock
from holdfast.market.candles import downloads, toll
from holdfast.market.candles.routes import ViewerDep
from holdfast.platform.web import clock_of

_MINUTE: Final = timedelta(minutes=1)
_HOUR: Final = timedelta(hours=1)

READS: Final = {True: Rate("charts:user", 1800, _MINUTE), False: Rate("charts:network", 600, _MINUTE)}
"""By whether somebody is signed in. A page with four charts and all their indicators asks for about 100."""
READS_OF_NETWORK: Final = Rate("charts:shared", 3600, _MINUTE)
PAGES: Final = {True: Rate("venue:user", 600, _MINUTE), False: Rate("venue:network", 240, _MINUTE)}
"""Of a thousand bars, asked of venues."""
PAGES_OF_NETWORK: Final = Rate("venue:shared", 1200, _MINUTE)
FILLS: Final = Rate("fill:user", 40, _HOUR)
FILLS_OF_NETWORK: Final = Rate("fill:network", 120, _HOUR)
TOPICS: Final = {True: Rate("topics:user", 1800, _MINUTE), False: Rate("topics:network", 600, _MINUTE)}
"""Bars on the stream: each may have a series streamed and its newest bars fetched."""
TOPICS_OF_NETWORK: Final = Rate("topics:shared", 3600, _MINUTE)
NEWS: Final = Rate("news:network", 1200, _MINUTE)
"""The address of a page can be varied at will, so that pages are kept is no bound."""
STATUS: Final = Rate("status:network", 600, _MINUTE)
COSTS: Final = {
    ("GET", downloads.PATH): 60,
    ("POST", "/api/scripts"): 20,
    ("POST", "/api/scripts/check"): 20,
    ("PUT", "/api/scripts/{script_id}"): 20,
    ("POST", "/api/scripts/preview"): 5,
    ("POST", "/api/strategies"): 20,
    ("GET", "/api/strategies/{strategy_id}/equity"): 20,
}
"""In reads: years of bars in one answer, a dozen runs of a script over a sample, one over a page, a strategy
that runs from now on, all bars that one has recorded."""
AT_ONCE: Final = 32
"""Requests of one visitor that are being answered; a browser sends six."""
REFUSAL: Final = "Too much was asked for from here."


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks: a user, or somebody of a network."""

    limiter: Limiter
    clock: Clock
    network: str
    user_id: UUID | None

    @classmethod
    def of(cls, connection: HTTPConnection, user_id: UUID | None) -> "Visitor":
        address = connection.client.host if connection.client else ""
        return cls(tools_of(connection).limiter, clock_of(connection), network_of(address), user_id)

    @property
    def name(self) -> str:
        return str(self.user_id or self.network)

    @property
    def _known(self) -> bool:
        return self.user_id is not None

    async def may_read(self, cost: int = 1) -> None:
        """Raises ``TooManyRequests``."""
        checks = (
            (READS[self._known], self.name, cost),
            (READS_OF_NETWORK, self.network, cost),
            (PAGES[self._known], self.name, 0),
            (PAGES_OF_NETWORK, self.network, 0),
        )
        await self.limiter.require(*checks, now=self.clock.now(), refusal=REFUSAL)

    async def may_hear(self) -> None:
        """One more topic of bars. Raises ``TooManyRequests``."""
        checks = (TOPICS[self._known], self.name), (TOPICS_OF_NETWORK, self.network)
        await self.limiter.require(*checks, now=self.clock.now(), refusal=REFUSAL)

    async def may(self, rate: Rate, refusal: str) -> None:
        """Something that only networks are counted for. Raises ``TooManyRequests``."""
        await self.limiter.require((rate, self.network), now=self.clock.now(), refusal=refusal)

    async def page(self) -> None:
        costs = (PAGES[self._known], self.name), (PAGES_OF_NETWORK, self.network)
        await self.limiter.owe(*costs, now=self.clock.now())

    async def may_fill(self) -> bool:
        checks = (FILLS, self.name), (FILLS_OF_NETWORK, self.network)
        try:
            await self.limiter.require(*checks, now=self.clock.now())
        except TooManyRequests:
            return False
        return True


async def moderate_news(request: Request) -> None:
    """A dependency of all news: counts by network, whoever asks. Raises ``TooManyRequests``."""
    await Visitor.of(request, None).may(NEWS, "Too much news was asked for from here.")


async def moderate_status(request: Request) -> None:
    """As ``moderate_news``."""
    await Visitor.of(request, None).may(STATUS, "The status was asked for too often from here.")


_answering: Final[Counter[str]] = Counter()
"""By visitor."""


async def moderate(request: Request, viewer: ViewerDep) -> AsyncIterator[None]:
    """A dependency of everything that reads bars.

    Raises:
        TooManyRequests: this visitor asked for too much, or for too much at once.
    """
    visitor = Visitor.of(request, viewer)
    if _answering[visitor.name] >= AT_ONCE:
        raise TooManyRequests(REFUSAL, advice="Wait for the answers to what was asked.", retry_after=1)
    _answering[visitor.name] += 1
    try:
        await visitor.may_read(COSTS.get((request.method, request.scope["route"].path), 1))
        toll.collected.set(visitor)
        yield
    finally:
        _answering[visitor.name] -= 1
        if not _answering[visitor.name]:
            del _answering[visitor.name]
