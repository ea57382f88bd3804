"""Every room's background work, and which queue carries it."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

import holdfast.accounts.tasks
import holdfast.backtest.service
import holdfast.backtest.tasks
import holdfast.charts.datasets.service
import holdfast.charts.datasets.tasks
import holdfast.execution.tasks
import holdfast.indices.tasks
import holdfast.journal.tasks
import holdfast.market.candles.backfill
import holdfast.market.candles.tasks
import holdfast.market.candles.uploads
import holdfast.market.tasks
import holdfast.news.tasks
import holdfast.strategies.tasks
from holdfast.platform.tasks import Handler

ORDERS: Final = "orders"
POLLING: Final = "polling"
HISTORY: Final = "history"
BACKTESTS: Final = "backtests"
STRATEGIES: Final = "strategies"
QUEUES: Final = (ORDERS, POLLING, HISTORY, BACKTESTS, STRATEGIES)

_RECURRING: Final = (
    holdfast.accounts.tasks,
    holdfast.market.tasks,
    holdfast.market.candles.tasks,
    holdfast.indices.tasks,
    holdfast.news.tasks,
    holdfast.execution.tasks,
    holdfast.journal.tasks,
    holdfast.strategies.tasks,
)
"""Rooms with work that recurs, or that a start has to take up again."""
_ROOMS: Final = (*_RECURRING, holdfast.charts.datasets.tasks, holdfast.backtest.tasks)
_POLLING_ROOMS: Final = ("charts", "indices", "journal", "market", "news")
_HISTORY_KINDS: Final = frozenset(
    {
        holdfast.charts.datasets.service.JOB,
        holdfast.indices.tasks.BACKFILL_HISTORY,
        holdfast.market.candles.backfill.JOB,
        holdfast.market.candles.tasks.SEAL,
        holdfast.market.candles.uploads.JOB,
    }
)
"""What reads years or whole files: seconds to minutes at a time, for as long as somebody asks for more."""

HANDLERS: Final[dict[str, Handler]] = {
    kind: handler for room in _ROOMS for kind, handler in room.HANDLERS.items()
}
ENSURE_JOBS: Final[tuple[Callable[[AsyncSession, datetime], Awaitable[None]], ...]] = tuple(
    room.ensure_jobs for room in _RECURRING
)


def queue_of(kind: str) -> str:
    """Slow polling never stands in the way of orders, and neither history nor users' scripts in the way of
    polling; a back-test of minutes holds up no strategy and no import."""
    if kind in _HISTORY_KINDS:
        return HISTORY
    if kind == holdfast.backtest.service.JOB:
        return BACKTESTS
    if kind.partition(".")[0] == STRATEGIES:
        return STRATEGIES
    return POLLING if kind.partition(".")[0] in _POLLING_ROOMS else ORDERS


def kinds_of(queue: str) -> list[str]:
    """The kinds that this queue carries."""
    return [kind for kind in HANDLERS if queue_of(kind) == queue]
