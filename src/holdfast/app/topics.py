"""The topics of the stream that other rooms provide. Private ones are heard by their owner only."""

from uuid import UUID

from pydantic import RootModel
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts import repository as accounts
from holdfast.accounts.schemas import ConnectionView
from holdfast.app.hub import Hub
from holdfast.charts import service as charts
from holdfast.charts import watch
from holdfast.charts.schemas import AlertsTick
from holdfast.execution.incidents import incidents
from holdfast.execution.incidents.schemas import IncidentsTick
from holdfast.execution.models import Execution
from holdfast.execution.risk import stops
from holdfast.execution.risk.schemas import StopsTick
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
ALERTS_EVERY = 5.0
STRATEGIES_EVERY = 1.0


class Connections(RootModel[list[ConnectionView]]):
    """What the topic ``connections`` carries."""


def register_private(hub: Hub, live: LivePositions) -> None:
    """Announce positions, executions, connections, incidents and stops to the hub."""
    hub.register("positions", live.may_hear, live.positions_snapshot, every=POSITIONS_EVERY)
    hub.register("position", live.may_hear, live.position_snapshot, every=POSITIONS_EVERY)
    hub.register("execution", _owns_execution, _execution, every=EXECUTION_EVERY)
    hub.register("connections", _signed_in, _connections, every=CONNECTIONS_EVERY)
    hub.register("incidents", _signed_in, _incidents, every=INCIDENTS_EVERY)
    hub.register("stops", _signed_in, _stops, every=STOPS_EVERY)
    hub.register(watch.TOPIC, _signed_in, _alerts, every=ALERTS_EVERY)


def register_strategies(hub: Hub, live: LiveStrategies) -> None:
    """Announce ``strategies`` to the hub."""
    hub.register(strategies.TOPIC, live.may_hear, live.snapshot, every=STRATEGIES_EVERY)


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


async def _signed_in(_session: AsyncSession, user_id: UUID | None, _key: str) -> bool:
    return user_id is not None


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


async def _connections(session: AsyncSession, user_id: UUID | None, _key: str) -> Connections | None:
    if user_id is None:
        return None
    rows = await accounts.connections_of(session, user_id)
    return Connections([ConnectionView.model_validate(row) for row in rows])


async def _stops(session: AsyncSession, user_id: UUID | None, _key: str) -> StopsTick | None:
    return await stops.tick(session, user_id) if user_id else None


async def _incidents(session: AsyncSession, user_id: UUID | None, _key: str) -> IncidentsTick | None:
    return await incidents.tick(session, user_id) if user_id else None


async def _alerts(session: AsyncSession, user_id: UUID | None, _key: str) -> AlertsTick | None:
    return await charts.tick(session, user_id) if user_id else None
