"""The topics of the stream that other rooms provide. Private ones are heard by their owner only."""

from collections.abc import Sequence
from uuid import UUID

from pydantic import RootModel
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts import repository as accounts
from holdfast.accounts.schemas import ConnectionView
from holdfast.app import orders
from holdfast.app.hub import Hub
from holdfast.charts import service as charts
from holdfast.charts import watch
from holdfast.execution.incidents import incidents
from holdfast.execution.models import Execution
from holdfast.execution.risk import stops
from holdfast.execution.schemas import ExecutionView
from holdfast.execution.views import execution_view
from holdfast.market.live import board, messages
from holdfast.market.live.board import LiveCandles
from holdfast.news import live as news
from holdfast.portfolio.live import LivePositions
from holdfast.strategies import live as strategies
from holdfast.strategies.live import LiveStrategies

POSITIONS_EVERY = 1.0
EXECUTION_EVERY = 2.0
"""Also without a message: Redis may have lost the last one, which says how it ended."""
CONNECTIONS_EVERY = 10.0
INCIDENTS_EVERY = 5.0
STOPS_EVERY = 2.0
ALERTS_EVERY = 30.0
"""Every change is told: only what a lost message said is found this way."""
STRATEGIES_EVERY = 1.0


class Connections(RootModel[list[ConnectionView]]):
    """What the topic ``connections`` carries."""


def register_private(hub: Hub, live: LivePositions) -> None:
    """Announce positions, executions, orders, connections, incidents, stops and alerts to the hub."""
    hub.register_for_users("positions", live.positions_snapshots, every=POSITIONS_EVERY)
    hub.register("position", live.may_hear, live.position_snapshot, every=POSITIONS_EVERY)
    hub.register("execution", _owns_execution, _execution, every=EXECUTION_EVERY)
    hub.register_for_users(
        orders.TOPIC, orders.snapshots, every=orders.EVERY, told_by=orders.TOLD_BY, apart=orders.APART
    )
    hub.register_for_users("connections", _connections, every=CONNECTIONS_EVERY)
    hub.register_for_users("incidents", incidents.ticks, every=INCIDENTS_EVERY)
    hub.register_for_users("stops", stops.ticks, every=STOPS_EVERY)
    hub.register_for_users(watch.TOPIC, charts.ticks, every=ALERTS_EVERY)


def register_strategies(hub: Hub, live: LiveStrategies) -> None:
    """Announce ``strategies`` to the hub."""
    hub.register_for_users(strategies.TOPIC, live.snapshots, every=STRATEGIES_EVERY)


def register_candles(hub: Hub, live: LiveCandles) -> None:
    """Announce ``candles:<source>:<symbol>:<timeframe>`` to the hub; own datasets are private."""
    hub.register(board.KIND, live.may_hear, live.snapshot, private=board.is_private)
    hub.carry(messages.CHANNEL, live.take, live.lost)


def register_news(hub: Hub) -> None:
    """Announce ``news`` to the hub."""
    hub.register(news.TOPIC, _anybody, news.snapshot, private=False, every=news.EVERY)
    hub.carry(news.CHANNEL, lambda _: hub.ask(news.TOPIC), lambda: hub.ask(news.TOPIC))


async def _anybody(_session: AsyncSession, _user: UUID | None, key: str) -> bool:
    """Of a topic that has no keys."""
    return not key


async def _owns_execution(session: AsyncSession, user_id: UUID | None, key: str) -> bool:
    execution = await _find(session, key)
    return execution is not None and execution.user_id == user_id


async def _execution(session: AsyncSession, _user: UUID | None, key: str) -> ExecutionView | None:
    execution = await _find(session, key)
    return await execution_view(session, execution) if execution else None


async def _find(session: AsyncSession, key: str) -> Execution | None:
    try:
        return await session.get(Execution, UUID(key))
    except ValueError:
        return None


async def _connections(session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, Connections]:
    told = {user_id: Connections([]) for user_id in users}
    for row in await accounts.connections_of(session, *users):
        told[row.user_id].root.append(ConnectionView.model_validate(row))
    return told
