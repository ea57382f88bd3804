"""The gate between targets and orders: limits and stops, asked before a plan is shown as possible, when it is
confirmed, before its first order, and again in the transaction in which an order becomes sent.

Only what could raise an exposure can be refused. Closing, taking back, and the reducing legs of a rebalance
always pass.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final, cast
from uuid import UUID

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.errors import Conflict
from holdfast.core.instruments import InstrumentKind, Side
from holdfast.execution.incidents import incidents
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import OrderState
from holdfast.execution.risk import gate_books, stops
from holdfast.execution.risk.limits import Intent, Situation, judge, losses
from holdfast.execution.risk.pace import TOO_MANY_AT_ONCE, PlannedOrder, planned_orders, within_rate
from holdfast.market.quotes import LAST_KEY, LiveQuote, QuoteBoard, decode
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio.schemas import PlanView
from holdfast.venues.protocol import TradingVenue

log = structlog.get_logger(__name__)

RISKY: Final = ("open", "rebalance")
"""Roles of orders that may raise an exposure."""
REJECT_CODE: Final = "gate"
TOO_FAST_SECONDS: Final = 6.0
"""When an order that would have been one too many within a minute is looked at again: longer than a worker
waits with an execution in hand, so others of the account get their turn."""
_SERVICE: Final = "execution.quotes"
_REDIS_SECONDS: Final = 1.0
"""A Redis that hangs must not hold the transaction of sending."""
_TOGETHER: Final = "Not sent, because the plan would not be whole: {reason}"


class OverLimit(Conflict):
    code = "over-limit"
    title = "This is beyond a limit."


class TooFast(str):
    """An objection that passes by itself: nothing but the rate of orders speaks against this one."""

    __slots__ = ()


async def refusals(
    session: AsyncSession, work: Work, execution: Execution, orders: Sequence[Order]
) -> dict[UUID, str]:
    """Why which of these orders must not be sent, by order id, in words for the user.

    Called in the transaction in which they become sent, which from here on holds the user's risk lock: orders
    of two executions that would pass a limit together cannot both get through. An opening is whole or not at
    all: if one of its orders here is refused, none of them is sent. Once it has begun, an order against which
    only the rate speaks (``TooFast``) is to be sent later, beside the others: taking everything back would
    send as many orders and cost the user the fees.
    """
    risky = [order for order in orders if order.role in RISKY]
    if not risky:
        return {}
    await gate_books.lock_user(session, execution.user_id)
    begun = await _begun(session, execution.id)
    exposure = await gate_books.exposure_of(session, execution.user_id, now=work.clock.now(), reserve=False)
    board = quotes_of(work)
    await _load(work, board, {*(o.symbol for o in risky), *(symbol for _, symbol in exposure.stakes)})
    situation = await gate_books.situation_of(
        session,
        execution.user_id,
        settings=work.settings,
        quote_of=_known_price(board, risky, work.clock.now()) if begun else board.get,
        symbols={order.symbol for order in risky},
        now=work.clock.now(),
        exposure=exposure,
        fresh=not begun,
    )
    stopped = await stops.reason_now(session, work.settings, execution.user_id, execution.sleeve_id)
    old = "" if begun else await _old_books(session, work, execution.connection_id)
    symbols = [order.symbol for order in risky]
    blocked = await incidents.obstacle(session, execution.connection_id, symbols, opening=True)
    wanted, always = [_intent(order) for order in risky], stopped or old or blocked
    if begun and not always and not judge(situation, wanted, rate=False):
        return {cast(UUID, key): TooFast(reason) for key, reason in judge(situation, wanted).items()}
    return _together(situation, wanted, always)


def _together(situation: Situation, wanted: list[Intent], always: str) -> dict[UUID, str]:
    """``always`` refuses everything that does not reduce."""
    refused: dict[object, str] = {}
    if always:
        refused = {order.key: always for order in wanted if not _reduces(situation, order)}
    else:
        refused = judge(situation, wanted)
    if refused:
        reason = next(iter(refused.values()))
        for order in wanted:
            if order.key not in refused and not _reduces(situation, order):
                refused[order.key] = _TOGETHER.format(reason=reason)
    return {cast(UUID, key): reason for key, reason in refused.items()}


def _reduces(situation: Situation, order: Intent) -> bool:
    stake = situation.exposure.stakes.get((order.owner, order.symbol))
    return stake is not None and order.reduces(stake)


def _intent(order: Order) -> Intent:
    remaining = order.quantity - order.filled_quantity
    return Intent(order.id, order.sleeve_id, order.symbol, Side(order.side), remaining, order.limit_price)


async def _begun(session: AsyncSession, execution_id: UUID) -> bool:
    """Whether something of it was sent: from then on an old price is no objection. Its orders carry limit
    prices of their own, and finishing a hedge is safer than taking it back blindly."""
    sent = await session.scalar(
        select(Order.id).where(Order.execution_id == execution_id, Order.sent_at.is_not(None)).limit(1)
    )
    return sent is not None


async def _old_books(session: AsyncSession, work: Work, connection_id: UUID) -> str:
    connection = await session.get_one(Connection, connection_id)
    if connection.reconciled_at is None:
        return "The books of this account were not compared with Bybit yet. Try again in a minute."
    age = work.clock.now() - connection.reconciled_at
    if age <= timedelta(seconds=work.settings.stale_books_seconds):
        return ""
    return (
        f"The books of this account were last compared with Bybit {age.total_seconds() / 60:.0f} minutes "
        "ago, and nothing new is opened on old books. Try again in a minute."
    )


# --- prices in a worker ----------------------------------------------------------------------------------


async def look(work: Work, door: TradingVenue, execution: Execution) -> None:
    """Bring this worker's prices up to date before an opening begins: from what the feed published, or from
    the venue itself where that is missing, old or without an index. Called outside any transaction.

    Raises:
        VenueError: neither can be had.
    """
    async with work.database.sessions() as session:
        rows = await session.scalars(
            select(Order.symbol).where(Order.execution_id == execution.id, Order.role.in_(RISKY))
        )
        symbols = set(rows)
    if not symbols:
        return
    board, now = quotes_of(work), work.clock.now()
    await _load(work, board, symbols)
    longest = timedelta(seconds=work.settings.stale_price_seconds)
    if all(_suffices(board.get(symbol), now, longest) for symbol in symbols):
        return
    asked = work.clock.now()
    for quote in await door.quotes(InstrumentKind.LINEAR):
        board.put(
            LiveQuote(
                symbol=quote.symbol,
                bid=quote.bid,
                ask=quote.ask,
                last=quote.last,
                mark=quote.mark,
                index=quote.index,
                prev_24h=quote.last,
                turnover_24h=quote.turnover_24h,
                funding_rate=quote.funding_rate,
                at=asked,
            )
        )


def _suffices(quote: LiveQuote | None, now: datetime, longest: timedelta) -> bool:
    return quote is not None and quote.index > 0 and now - quote.at <= longest


async def check_first(work: Work, door: TradingVenue, execution: Execution) -> str:
    """Why an execution must not begin, in words; "" if it may. Raises as ``look``."""
    await look(work, door, execution)
    async with work.database.sessions() as session:
        rows = await session.scalars(
            select(Order).where(Order.execution_id == execution.id, Order.state == OrderState.PLANNED)
        )
        refused = await refusals(session, work, execution, list(rows))
        await session.rollback()
    return next(iter(refused.values()), "")


async def keep_marks(work: Work, user_id: UUID) -> None:
    """Write down where the user stands, once the books are up to date. What was read partly before midnight
    and partly after it belongs to no day, and is left to the next look."""
    board = quotes_of(work)
    async with work.database.sessions() as session:
        exposure = await gate_books.exposure_of(session, user_id, now=work.clock.now(), reserve=False)
    await _load(work, board, {symbol for _, symbol in exposure.stakes})
    async with work.database.transaction() as session:
        now = work.clock.now()
        await gate_books.observe(session, user_id, quote_of=board.get, now=now)
        if gate_books.day_of(work.clock.now()) != gate_books.day_of(now):
            await session.rollback()


def quotes_of(work: Work) -> QuoteBoard:
    """The prices this worker process has seen."""
    if _SERVICE not in work.services:
        work.services[_SERVICE] = QuoteBoard()
    return cast(QuoteBoard, work.services[_SERVICE])


async def _load(work: Work, board: QuoteBoard, symbols: set[str]) -> None:
    """What the feed published last. Without Redis the prices that are known stay, and grow old."""
    if not symbols:
        return
    names = sorted(symbols)
    try:
        async with asyncio.timeout(_REDIS_SECONDS):
            stored = await work.redis.hmget(LAST_KEY, names)
    except (RedisError, OSError, TimeoutError) as error:
        log.warning("prices could not be read", error=type(error).__name__)
        return
    for symbol, content in zip(names, stored, strict=True):
        if content:
            try:
                board.put(decode(symbol, orjson.loads(content)))
            except (ValueError, KeyError, ArithmeticError) as error:
                log.warning("unreadable quote dropped", symbol=symbol, error=repr(error))


def _known_price(
    board: QuoteBoard, orders: Sequence[Order], now: datetime
) -> Callable[[str], LiveQuote | None]:
    """The board, and for an order whose instrument is not on it the order's own limit price."""
    own = {order.symbol: order.limit_price for order in orders if order.limit_price > 0}

    def quote(symbol: str) -> LiveQuote | None:
        known, price = board.get(symbol), own.get(symbol)
        if known is not None or price is None:
            return known
        nothing = Decimal(0)
        return LiveQuote(symbol, price, price, price, price, nothing, price, nothing, nothing, now)

    return quote


# --- plans, before and when they are confirmed ----------------------------------------------------------


async def plan_problems(
    session: AsyncSession,
    user_id: UUID,
    sleeve_id: UUID | None,
    planned: Sequence[PlannedOrder],
    *,
    settings: Settings,
    quote_of: gate_books.QuoteOf,
    now: datetime,
) -> list[str]:
    """Why a plan that opens or rebalances must not be carried out now, in words; empty if it may. Orders of
    other executions that are confirmed but not sent count as if they were."""
    owner = sleeve_id or UUID(int=0)
    situation = await gate_books.situation_of(
        session,
        user_id,
        settings=settings,
        quote_of=quote_of,
        symbols={order.symbol for order in planned},
        now=now,
        exposure=await gate_books.exposure_of(session, user_id, now=now, reserve=True),
    )
    most = situation.orders_a_minute(owner)
    wanted = [
        Intent(
            number,
            owner,
            order.symbol,
            order.side,
            order.quantity,
            order.limit_price,
            order.parts,
            order.a_minute,
        )
        for number, order in enumerate(within_rate(planned, most))
    ]
    if all(_reduces(situation, order) for order in wanted):
        return []
    stopped = await stops.reason_now(session, settings, user_id, sleeve_id)
    if stopped:
        return [stopped]
    lost = losses(situation, sleeve_id)
    if lost:
        return [lost]
    if most is not None and len(planned) > most:
        return [TOO_MANY_AT_ONCE.format(count=len(planned), most=most)]
    return list(dict.fromkeys(judge(situation, wanted).values()))


def judge_with(
    settings: Settings, quote_of: gate_books.QuoteOf
) -> Callable[[AsyncSession, UUID, PlanView, datetime], Awaitable[list[str]]]:
    """What previews ask about a plan that takes new risk."""

    async def judge_plan(session: AsyncSession, user_id: UUID, plan: PlanView, now: datetime) -> list[str]:
        problems = await plan_problems(
            session,
            user_id,
            plan.position_id,
            planned_orders(plan),
            settings=settings,
            quote_of=quote_of,
            now=now,
        )
        obstacle = await _account_obstacle(session, plan, now)
        return [obstacle, *problems] if obstacle else problems

    return judge_plan


async def _account_obstacle(session: AsyncSession, plan: PlanView, now: datetime) -> str:
    """What stands against the account itself; what does against an instrument may be mended before the first
    order. Whether it still does is looked at for the next preview."""
    adds = any(not leg.reduces for leg in plan.legs)
    obstacle = await incidents.obstacle(session, plan.connection_id, (), opening=adds)
    if obstacle:
        await enqueue(session, "execution.reconcile", str(plan.connection_id), now=now)
    return obstacle


async def refuse_plan(
    session: AsyncSession,
    user_id: UUID,
    sleeve_id: UUID | None,
    planned: Sequence[PlannedOrder],
    *,
    settings: Settings,
    quote_of: gate_books.QuoteOf,
    now: datetime,
) -> None:
    """At the moment of confirming, in its transaction, under the user's risk lock.

    Raises:
        Stopped: new risk is stopped.
        OverLimit: it would pass a limit.
    """
    await gate_books.lock_user(session, user_id)
    problems = await plan_problems(
        session, user_id, sleeve_id, planned, settings=settings, quote_of=quote_of, now=now
    )
    if not problems:
        return
    stopped = await stops.reason_now(session, settings, user_id, sleeve_id)
    if stopped:
        raise stops.Stopped(f"{stopped} Nothing was traded.", advice="See your stops.")
    raise OverLimit(f"{' '.join(problems)} Nothing was traded.", advice="See your limits.")
