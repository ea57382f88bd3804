"""The last look before the first order. Anything wrong here ends the execution with nothing traded."""

import asyncio
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.execution import repository
from holdfast.execution.incidents import incidents
from holdfast.execution.models import Execution
from holdfast.execution.plans import START_WITHIN, PlannedLeg, legs_of, traded, view_of
from holdfast.execution.reconciliation.reconcile import RECENT, ensure_reconciled, reconcile_connection
from holdfast.execution.risk import gate
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.booking import closable, settle_alterations
from holdfast.portfolio.models import Halt, Plan
from holdfast.portfolio.repository import lock_ledger
from holdfast.venues.protocol import (
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    TradingVenue,
    Unreachable,
)

TOO_LATE = "It could not be started within a minute, and prices have moved on. Nothing was traded."
LEVERAGE = Decimal(1)
CHANGED = (
    "{symbols} was changed outside Holdfast after the preview. Nothing was traded: look at a new preview."
)


async def check(work: Work, door: TradingVenue, execution: Execution, plan: Plan) -> str:
    """Why the plan must not be started, in words for the user; "" if it may.

    Raises:
        RetryAt: the venue does not answer; to be tried again while there is time.
    """
    late = _late(work, execution)
    if late:
        return late
    legs = traded(legs_of(plan))
    async with work.database.sessions() as session:
        blocked = await _blocked(session, execution, legs)
    if blocked:
        return blocked
    try:
        if execution.kind == "close":
            return await _check_close(work, door, execution, legs)
        await _begin_books(work, door, execution)
        refused = await gate.check_first(work, door, execution)
        if refused:
            return f"{refused} Nothing was traded."
        if execution.kind == "rebalance":
            refused = await _check_rebalance(work, door, execution, plan, legs)
        else:
            refused = await _check_open(work, door, execution, plan, legs)
        return refused or _late(work, execution)
    except KeyRefused as error:
        return f"Bybit does not accept this key any more ({error}). Nothing was traded."
    except Rejected as error:
        return f"Bybit refused to prepare the account: {error}. Nothing was traded."
    except (Unreachable, RateLimited, OutcomeUnknown) as error:
        raise RetryAt(2, f"The account could not be looked at yet: {error}") from error


def _late(work: Work, execution: Execution) -> str:
    """Asked at both ends of the look: the venue may answer slowly, or this process be frozen meanwhile. A
    closing is asked about at the beginning only: once its look has begun in time, it goes on."""
    if work.clock.now() - execution.created_at <= START_WITHIN:
        return ""
    return f"{TOO_LATE} The last try: {execution.reason}" if execution.reason else TOO_LATE


async def _blocked(session: AsyncSession, execution: Execution, legs: list[PlannedLeg]) -> str:
    connection = await session.get_one(Connection, execution.connection_id)
    if connection.state != "active":
        return f"The connection “{connection.label}” cannot trade at the moment: {connection.state_reason}"
    halts = await session.scalars(
        select(Halt).where(
            Halt.connection_id == execution.connection_id, Halt.symbol.in_([leg.symbol for leg in legs])
        )
    )
    halted = [f"{halt.symbol}: {halt.reason}" for halt in halts]
    return f"Trading is halted. {' '.join(halted)} Nothing was traded." if halted else ""


async def _begin_books(work: Work, door: TradingVenue, execution: Execution) -> None:
    """What the account held before our first order must be written down before it; and nothing new is opened
    on old books."""
    longest = timedelta(seconds=work.settings.stale_books_seconds)
    await ensure_reconciled(work, door, execution.connection_id, recent=min(longest, RECENT))


async def _check_open(
    work: Work, door: TradingVenue, execution: Execution, plan: Plan, legs: list[PlannedLeg]
) -> str:
    needed = view_of(plan).totals.margin_needed
    balance = await door.balance()
    if balance.available < needed:
        return (
            f"The account has {plain(round(balance.available, 2))} USDT available and this plan needs "
            f"{plain(round(needed, 2))}. Nothing was traded."
        )
    symbols = [leg.symbol for leg in legs]
    await _prepare_symbols(door, symbols)
    async with work.database.sessions() as session:
        blocked = await incidents.obstacle(session, execution.connection_id, symbols, opening=True)
    return f"{blocked} Nothing was traded." if blocked else ""


async def _check_rebalance(
    work: Work, door: TradingVenue, execution: Execution, plan: Plan, legs: list[PlannedLeg]
) -> str:
    """What was closed by hand is booked here, so that the position is what the differences start from."""
    await reconcile_connection(work, door, execution.connection_id)
    adding = [leg for leg in legs if not leg.view.reduces]
    async with work.database.sessions() as session:
        blocked = await _blocked(session, execution, legs)
    blocked = blocked or await _check_open(work, door, execution, plan, adding)
    if blocked:
        return blocked
    positions = {held.symbol: held.quantity for held in await door.positions()}
    shown = [leg for leg in view_of(plan).legs if leg.held_quantity is not None]
    previewed = {leg.symbol: leg.held_quantity for leg in shown}
    async with work.database.transaction() as session:
        await lock_ledger(session, execution.connection_id)
        await repository.fence_off(session, execution.id, work.lease.fence)
        owned = await closable(session, execution.sleeve_id)
        changed = sorted(
            symbol
            for symbol in owned.keys() | previewed.keys()
            if owned.get(symbol, Decimal(0)) != previewed.get(symbol, Decimal(0))
        )
        if changed:
            return CHANGED.format(symbols=", ".join(changed))
        await settle_alterations(session, sleeve_id=execution.sleeve_id, now=work.clock.now())
        reducing = {leg.index: leg for leg in legs if leg.view.reduces}
        for order in await repository.orders_of(session, execution.id):
            if order.leg in reducing:
                net, quantity = positions.get(order.symbol, Decimal(0)), reducing[order.leg].quantity
                order.reduce_only = repository.reduces(net, Side(order.side), quantity)
    return ""


async def _prepare_symbols(door: TradingVenue, symbols: list[str]) -> None:
    """One-way mode and 1x leverage on every symbol. The venue is asked how it stands, because anybody may
    have changed it since the last time; setting it anew is allowed only ten times a second."""

    async def prepare(symbol: str) -> None:
        standing = await door.position_of(symbol)
        if standing.hedge_mode:
            await door.ensure_one_way(symbol)
        if standing.hedge_mode or standing.leverage != LEVERAGE:
            await door.ensure_leverage(symbol, LEVERAGE)

    await asyncio.gather(*(prepare(symbol) for symbol in symbols))


async def _check_close(work: Work, door: TradingVenue, execution: Execution, legs: list[PlannedLeg]) -> str:
    """Trades and positions say who holds what; whatever else the venue owes keeps nobody from closing."""
    await reconcile_connection(work, door, execution.connection_id, holdings_only=True)
    async with work.database.sessions() as session:
        blocked = await _blocked(session, execution, legs)
    if blocked:
        return blocked
    positions = {held.symbol: held.quantity for held in await door.positions()}
    async with work.database.transaction() as session:
        await repository.fence_off(session, execution.id, work.lease.fence)
        owned = await closable(session, execution.sleeve_id)
        changed = [
            leg.symbol for leg in legs if -leg.side.sign * owned.get(leg.symbol, Decimal(0)) < leg.quantity
        ]
        if changed:
            return CHANGED.format(symbols=", ".join(changed))
        whole = {leg.index: leg.quantity for leg in legs}
        for order in await repository.orders_of(session, execution.id):
            net = positions.get(order.symbol, Decimal(0))
            order.reduce_only = repository.reduces(net, Side(order.side), whole[order.leg])
    return ""
