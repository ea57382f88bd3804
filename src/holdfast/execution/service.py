"""Starting an execution: everything it needs is written in one transaction, before any worker hears of it."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.connections import tradable_connection
from holdfast.core.errors import Conflict, Unavailable
from holdfast.core.identity import new_id
from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.execution.decide import End
from holdfast.execution.facts import facts_of
from holdfast.execution.further import next_rows
from holdfast.execution.models import Execution, Order
from holdfast.execution.plans import PlannedLeg, legs_of, tactic_of, traded, view_of
from holdfast.execution.repository import UNFINISHED
from holdfast.execution.risk import gate, pace
from holdfast.execution.schemas import ExecutionView, NewExecution
from holdfast.execution.tactics import first_orders
from holdfast.execution.views import execution_view
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.portfolio.models import Plan, Sleeve
from holdfast.portfolio.service import take_plan

CLOSABLE = ("active", "needs_attention")
QuoteOf = Callable[[str], LiveQuote | None]


class MarketMoved(Conflict):
    code = "market-moved"
    title = "The market has moved."


async def start(
    session: AsyncSession,
    user_id: UUID,
    wanted: NewExecution,
    *,
    settings: Settings,
    quote_of: QuoteOf,
    now: datetime,
) -> ExecutionView:
    """Accept a previewed plan: sleeve, execution, orders and job, all or none.

    Raises:
        Gone: the preview has expired.
        Conflict: it was used already, is blocked, or the position is being changed; or the connection cannot
            trade now.
        Unavailable: a leg has no live price.
        MarketMoved: a price is beyond what was previewed.
        Stopped, OverLimit: new risk is stopped, or the plan would pass a limit.
        NotFound: there is no such preview of this user, or its connection was deleted.
    """
    plan = await take_plan(session, user_id, wanted.plan_id, wanted.digest, now)
    await tradable_connection(session, user_id, plan.connection_id)
    legs = legs_of(plan)
    _refuse_if_moved(traded(legs), quote_of)
    if plan.kind != "close":
        await gate.refuse_plan(
            session,
            plan.user_id,
            plan.sleeve_id,
            pace.planned_orders(view_of(plan)),
            settings=settings,
            quote_of=quote_of,
            now=now,
        )
    sleeve = await (
        _new_sleeve(session, plan, now) if plan.kind == "open" else _sleeve_to_change(session, plan)
    )
    execution = Execution(
        id=new_id(),
        plan_id=plan.id,
        sleeve_id=sleeve.id,
        user_id=user_id,
        connection_id=plan.connection_id,
        kind=plan.kind,
        state="pending",
        reason="",
        fence=0,
        created_at=now,
    )
    session.add(execution)
    await session.flush()
    session.add_all(await first_rows(session, execution, plan, traded(legs), now))
    await session.flush()
    await enqueue(session, "execution.run", str(execution.id), now=now)
    return await execution_view(session, execution)


async def first_rows(
    session: AsyncSession, execution: Execution, plan: Plan, legs: list[PlannedLeg], now: datetime
) -> list[Order]:
    """The first order of every leg: all of it, or its first part.

    Raises:
        Conflict: the trading rules of a leg are not known.
    """
    book = InstrumentBook()
    await book.refresh(session)
    known = {leg.symbol: rules for leg in legs if (rules := book.get(leg.symbol))}
    if len(known) < len({leg.symbol for leg in legs}):
        raise Conflict("The trading rules of a coin are not known at the moment.", advice="Try again later.")
    facts = [facts_of(leg, [], {}, known[leg.symbol], now=now) for leg in legs]
    children = first_orders(tactic_of(plan), facts)
    return next_rows(execution, {leg.index: leg for leg in legs}, [], children, known, now=now)


def _refuse_if_moved(legs: list[PlannedLeg], quote_of: QuoteOf) -> None:
    """A look at the live prices: nobody is to be surprised by legs that cannot be filled as previewed."""
    quotes = {leg.symbol: quote for leg in legs if (quote := quote_of(leg.symbol))}
    moved = [leg for leg in legs if leg.symbol in quotes and _beyond(leg, quotes[leg.symbol])]
    if moved:
        names = ", ".join(f"{leg.symbol} (previewed up to {plain(leg.limit_price)})" for leg in moved)
        raise MarketMoved(
            f"The price of {names} has moved beyond what you were shown. Nothing was traded.",
            advice="Look at a new preview and confirm that.",
        )
    silent = [leg.symbol for leg in legs if leg.symbol not in quotes]
    if silent:
        raise Unavailable(
            f"There is no live price of {', '.join(silent)} at the moment. Nothing was traded.",
            advice="Confirm again once prices come in, or look at a new preview.",
        )


def _beyond(leg: PlannedLeg, quote: LiveQuote) -> bool:
    best = quote.ask if leg.side is Side.BUY else quote.bid
    return leg.side.sign * (best - leg.limit_price) > Decimal(0)


async def _new_sleeve(session: AsyncSession, plan: Plan, now: datetime) -> Sleeve:
    shown = view_of(plan)
    sleeve = Sleeve(
        id=new_id(),
        user_id=plan.user_id,
        connection_id=plan.connection_id,
        index_id=plan.index_id,
        index_version=shown.index_version,
        direction=plan.direction,
        size=plan.size,
        entry_level=shown.level,
        state="opening",
        created_at=now,
    )
    session.add(sleeve)
    await session.flush()
    return sleeve


async def _sleeve_to_change(session: AsyncSession, plan: Plan) -> Sleeve:
    sleeve = await session.get_one(Sleeve, plan.sleeve_id, with_for_update=True, populate_existing=True)
    busy = await session.scalar(
        select(Execution.id).where(
            Execution.sleeve_id == sleeve.id, Execution.state.in_(UNFINISHED), Execution.finished_at.is_(None)
        )
    )
    if busy or sleeve.state not in CLOSABLE:
        raise Conflict(
            "This position is being changed, or is closed already.",
            advice="Look at the position before you go on.",
        )
    if await _changed_since(session, sleeve.id, plan.created_at):
        raise Conflict(
            "This position was changed after the preview. Nothing was traded.",
            advice="Look at a new preview and confirm that.",
        )
    sleeve.state = "closing" if plan.kind == "close" else "rebalancing"
    return sleeve


async def _changed_since(session: AsyncSession, sleeve_id: UUID, moment: datetime) -> bool:
    """Whether an execution that traded has ended since: what it left is not what was previewed."""
    found = await session.scalar(
        select(Execution.id)
        .where(
            Execution.sleeve_id == sleeve_id,
            Execution.finished_at > moment,
            Execution.state != End.UNWOUND.value,
        )
        .limit(1)
    )
    return found is not None
