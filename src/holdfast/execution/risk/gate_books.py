"""What the gate judges by: limits, exposures, prices and results of one user, read from the rows."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.identity import new_id
from holdfast.core.instruments import Side
from holdfast.execution.models import Execution, Order
from holdfast.execution.orders import FINAL, OrderState
from holdfast.execution.plans import PlannedLeg, legs_of, traded
from holdfast.execution.risk.limits import Bounds, Exposure, Price, Result, Situation, Stake
from holdfast.execution.risk.models import RiskLimit, RiskMark
from holdfast.market.quotes import LiveQuote
from holdfast.platform.settings import Settings
from holdfast.portfolio.ledger import QUOTE
from holdfast.portfolio.models import BalanceSnapshot, Fill, Plan, Posting, Sleeve

OVER: Final = ("closed", "unwound")
RATE_WINDOW: Final = timedelta(minutes=1)
LIMIT_NAMES: Final = (
    "order_notional",
    "instrument_notional",
    "sleeve_notional",
    "gross_notional",
    "daily_loss",
    "drawdown",
    "orders_per_minute",
    "price_band",
)
_ZERO: Final = Decimal(0)
_AT_ONCE: Final = 1_000
_NOT_SENT: Final = (OrderState.PLANNED,)

QuoteOf = Callable[[str], LiveQuote | None]


async def lock_user(session: AsyncSession, user_id: UUID) -> None:
    """Until this transaction ends nobody else judges orders of this user: two that fit one by one must not
    pass a limit together."""
    await session.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": f"risk:{user_id}"}
    )


def instance_bounds(settings: Settings) -> Bounds:
    """What holds for everybody on this installation."""
    return Bounds(**{name: getattr(settings, f"limit_{name}") for name in LIMIT_NAMES})


def bounds_of(row: RiskLimit | None) -> Bounds:
    return Bounds(**{name: getattr(row, name) for name in LIMIT_NAMES}) if row else Bounds()


async def limits_of(session: AsyncSession, user_id: UUID) -> dict[UUID | None, Bounds]:
    """The user's own limits by position; ``None`` for those over all positions."""
    rows = await session.scalars(select(RiskLimit).where(RiskLimit.user_id == user_id))
    return {row.sleeve_id: bounds_of(row) for row in rows}


async def situation_of(
    session: AsyncSession,
    user_id: UUID,
    *,
    settings: Settings,
    quote_of: QuoteOf,
    symbols: Collection[str] = (),
    exposure: Exposure,
    now: datetime,
    fresh: bool = False,
) -> Situation:
    """Everything ``limits.judge`` needs for orders in ``symbols``.

    ``fresh``: whether an old price of a wanted symbol is an objection.
    """
    own = await limits_of(session, user_id)
    held = {symbol for _, symbol in exposure.stakes}
    prices = await prices_of(session, user_id, held | set(symbols), quote_of)
    results = await results_of(session, user_id, prices, now=now)
    installation = instance_bounds(settings)
    return Situation(
        now=now,
        user=installation.stricter(own.get(None, Bounds())),
        own={owner: bounds for owner, bounds in own.items() if owner},
        exposure=exposure,
        prices=prices,
        result=results.pop(None, Result()),
        results={owner: result for owner, result in results.items() if owner},
        fresh_for=timedelta(seconds=settings.stale_price_seconds) if fresh else None,
        installation=installation,
    )


async def exposure_of(session: AsyncSession, user_id: UUID, *, now: datetime, reserve: bool) -> Exposure:
    """What the user's positions hold, and what orders may still add to them. ``reserve``: also what was
    confirmed and is not sent, or not even an order, yet."""
    stakes: dict[tuple[UUID, str], Stake] = {}
    held = await session.execute(
        select(Posting.sleeve_id, Posting.symbol, func.sum(Posting.amount))
        .join(Sleeve, Sleeve.id == Posting.sleeve_id)
        .where(Sleeve.user_id == user_id, Sleeve.state.not_in(OVER), Posting.asset == Posting.symbol)
        .group_by(Posting.sleeve_id, Posting.symbol)
    )
    for sleeve_id, symbol, quantity in held:
        if sleeve_id and quantity:
            stakes[sleeve_id, symbol] = Stake(quantity)
    under_way = await _under_way(session, user_id)
    for order, booked in under_way:
        pending = _pending(order, booked, reserve=reserve)
        if pending > 0:
            key = order.sleeve_id, order.symbol
            stakes[key] = stakes.get(key, Stake()).plus(Side(order.side), pending)
    if reserve:
        for owner, leg, quantity in await _to_come(session, user_id, [order for order, _ in under_way]):
            key = owner, leg.symbol
            stakes[key] = stakes.get(key, Stake()).plus(leg.side, quantity)
    return Exposure(stakes, await _sent(session, user_id, now=now))


async def _under_way(session: AsyncSession, user_id: UUID) -> list[tuple[Order, Decimal]]:
    """Orders of executions that have not ended, each with how much of it is in the ledger."""
    booked = (
        select(Fill.order_id, func.sum(Fill.quantity).label("quantity"))
        .join(Order, Order.id == Fill.order_id)
        .join(Execution, Execution.id == Order.execution_id)
        .where(Execution.user_id == user_id, Execution.finished_at.is_(None))
        .group_by(Fill.order_id)
        .subquery()
    )
    rows = await session.execute(
        select(Order, func.coalesce(booked.c.quantity, 0))
        .join(Execution, Execution.id == Order.execution_id)
        .outerjoin(booked, booked.c.order_id == Order.id)
        .where(Execution.user_id == user_id, Execution.finished_at.is_(None))
        .execution_options(populate_existing=False)
    )
    return [(order, Decimal(quantity)) for order, quantity in rows]


def _pending(order: Order, booked: Decimal, *, reserve: bool) -> Decimal:
    """What it may still move that is not in the ledger yet."""
    state = OrderState(order.state)
    if state is OrderState.PLANNED and not reserve:
        return order.filled_quantity - booked
    if state in FINAL:
        return order.filled_quantity - booked
    return order.quantity - booked


async def _to_come(
    session: AsyncSession, user_id: UUID, orders: list[Order]
) -> list[tuple[UUID, PlannedLeg, Decimal]]:
    """What executions under way still want beyond their orders, by position and leg: later slices, and what
    was missed and is tried again. Those that are being taken back want nothing more."""
    rows = await session.execute(
        select(Execution.id, Execution.sleeve_id, Plan)
        .join(Plan, Plan.id == Execution.plan_id)
        .where(Execution.user_id == user_id, Execution.finished_at.is_(None), Execution.kind != "close")
    )
    wanted = []
    for execution_id, owner, plan in rows:
        own = [order for order in orders if order.execution_id == execution_id]
        if any(order.role == "unwind" for order in own):
            continue
        for leg in traded(legs_of(plan)):
            missing = leg.quantity - sum((_claimed(order) for order in own if order.leg == leg.index), _ZERO)
            if missing > 0:
                wanted.append((owner, leg, missing))
    return wanted


def _claimed(order: Order) -> Decimal:
    """How much of its leg an order has had, or may still have."""
    return order.filled_quantity if OrderState(order.state) in FINAL else order.quantity


async def _sent(session: AsyncSession, user_id: UUID, *, now: datetime) -> dict[UUID, int]:
    rows = await session.execute(
        select(Order.sleeve_id, func.count())
        .join(Execution, Execution.id == Order.execution_id)
        .where(Execution.user_id == user_id, Order.sent_at > now - RATE_WINDOW, Order.state.not_in(_NOT_SENT))
        .group_by(Order.sleeve_id)
    )
    return dict(rows.tuples().all())


async def prices_of(
    session: AsyncSession, user_id: UUID, symbols: Iterable[str], quote_of: QuoteOf
) -> dict[str, Price]:
    """The live price, or for something that is held the price of its last trade, whatever its age."""
    prices, missing = {}, []
    for symbol in symbols:
        quote = quote_of(symbol)
        if quote is None:
            missing.append(symbol)
        else:
            prices[symbol] = Price(quote.mark, quote.index, quote.at)
    return prices | (await _last_trades(session, user_id, missing) if missing else {})


async def _last_trades(session: AsyncSession, user_id: UUID, symbols: list[str]) -> dict[str, Price]:
    rows = await session.execute(
        select(Fill.symbol, Fill.price, Fill.executed_at)
        .distinct(Fill.symbol)
        .join(Sleeve, Sleeve.id == Fill.sleeve_id)
        .where(Sleeve.user_id == user_id, Fill.symbol.in_(symbols))
        .order_by(Fill.symbol, Fill.executed_at.desc())
    )
    return {symbol: Price(price, _ZERO, at) for symbol, price, at in rows}


async def results_of(
    session: AsyncSession, user_id: UUID, prices: Mapping[str, Price], *, now: datetime
) -> dict[UUID | None, Result]:
    """Today's result and the fall from the peak, by position; ``None`` is the user.

    Today is the UTC day. A position's result is its price P&L, open and closed, minus fees, plus funding; the
    user's is the sum over all positions that were open today. A position's value is its size plus its result
    since it was opened; the user's is the equity of all their accounts as the venue last told it.
    """
    sleeves = await _sleeves_of_today(session, user_id, now)
    profits = await _profits(session, sleeves, prices)
    marks = await marks_of(session, user_id)
    results: dict[UUID | None, Result] = {}
    for sleeve_id, profit in profits.items():
        sleeve, mark = sleeves[sleeve_id], marks.get(sleeve_id)
        value = sleeve.size + profit
        peak = max(value, mark.peak) if mark else max(value, sleeve.size)
        results[sleeve_id] = Result(profit - _day_value(mark, sleeve, profit, now), value, peak)
    today = sum((result.day_pnl for result in results.values()), _ZERO)
    equity, mark = await equity_of(session, user_id), marks.get(None)
    if mark is None or equity is None:
        return {None: Result(today, equity, equity, equity), **results}
    peaks = max(equity, mark.peak), max(equity, mark.operators_peak)
    return {None: Result(today, equity, *peaks), **results}


async def equity_of(session: AsyncSession, user_id: UUID) -> Decimal | None:
    """Of all the user's connected accounts together; ``None`` before the venue has told."""
    equity: Decimal | None = await session.scalar(
        select(func.sum(BalanceSnapshot.equity))
        .join(Connection, Connection.id == BalanceSnapshot.connection_id)
        .where(Connection.user_id == user_id, Connection.deleted_at.is_(None))
    )
    return equity


async def marks_of(session: AsyncSession, user_id: UUID) -> dict[UUID | None, RiskMark]:
    rows = await session.scalars(select(RiskMark).where(RiskMark.user_id == user_id))
    return {row.sleeve_id: row for row in rows}


async def observe(session: AsyncSession, user_id: UUID, *, quote_of: QuoteOf, now: datetime) -> None:
    """Keep where everything stands now: tomorrow's loss and every drawdown are measured from it. Whoever
    reconciles calls this every minute. ``now`` is a moment before anything is read here."""
    held = {symbol for _, symbol in (await exposure_of(session, user_id, now=now, reserve=False)).stakes}
    prices = await prices_of(session, user_id, held, quote_of)
    sleeves = await _sleeves_of_today(session, user_id, now)
    profits = await _profits(session, sleeves, prices)
    marks = await marks_of(session, user_id)
    rows = [
        _mark(
            user_id,
            sleeve_id,
            profit,
            _day_value(marks.get(sleeve_id), sleeves[sleeve_id], profit, now),
            sleeves[sleeve_id].size + profit,
            now,
        )
        for sleeve_id, profit in profits.items()
    ]
    equity = await equity_of(session, user_id)
    if equity is not None:
        mark = marks.get(None)
        begin = equity if mark is None else (mark.day_value if mark.day == day_of(now) else mark.value)
        rows.append(_mark(user_id, None, equity, begin, equity, now))
    ordered = sorted(rows, key=lambda row: str(row["sleeve_id"] or ""))
    for start in range(0, len(ordered), _AT_ONCE):
        await _keep_marks(session, ordered[start : start + _AT_ONCE])


async def count_peak_anew(
    session: AsyncSession, user_id: UUID, sleeve: Sleeve | None, *, now: datetime
) -> None:
    """Forget the highest value: the drawdown limit was set again. The operator's peak stays."""
    mark = (await marks_of(session, user_id)).get(sleeve.id if sleeve else None)
    if mark is not None:
        mark.peak = mark.value + (sleeve.size if sleeve else _ZERO)
        mark.peak_since = now


async def count_operators_peak_anew(session: AsyncSession, user_id: UUID, *, now: datetime) -> Decimal | None:
    """Forget the highest value that the installation's limit is measured from. For its operator alone.

    Returns:
        The account's value it is measured from now; ``None`` if nothing was seen of it yet.
    """
    await lock_user(session, user_id)
    mark = (await marks_of(session, user_id)).get(None)
    if mark is None:
        return None
    mark.operators_peak, mark.operators_peak_since = mark.value, now
    return mark.value


def _mark(
    user_id: UUID,
    sleeve_id: UUID | None,
    value: Decimal,
    day_value: Decimal,
    height: Decimal,
    now: datetime,
) -> dict[str, Any]:
    return {
        "id": new_id(),
        "user_id": user_id,
        "sleeve_id": sleeve_id,
        "value": value,
        "seen_at": now,
        "day": day_of(now),
        "day_value": day_value,
        "peak": height,
        "peak_since": now,
        "operators_peak": height,
        "operators_peak_since": now,
    }


async def _keep_marks(session: AsyncSession, rows: list[dict[str, Any]]) -> None:
    """All in one statement. In one order everywhere, so that two who do it wait for each other. Whoever has
    looked earlier and comes later changes nothing: it may have been frozen since yesterday."""
    new = insert(RiskMark).values(rows)
    nobody = text("coalesce(sleeve_id, '00000000-0000-0000-0000-000000000000'::uuid)")
    kept = {name: new.excluded[name] for name in ("value", "seen_at", "day", "day_value")}
    peaks = {
        name: func.greatest(getattr(RiskMark, name), new.excluded[name])
        for name in ("peak", "operators_peak")
    }
    await session.execute(
        new.on_conflict_do_update(
            index_elements=[RiskMark.user_id, nobody],
            set_=kept | peaks,
            where=RiskMark.seen_at <= new.excluded.seen_at,
        )
    )


async def _sleeves_of_today(session: AsyncSession, user_id: UUID, now: datetime) -> dict[UUID, Sleeve]:
    """Positions that are open, or were at some time of this UTC day."""
    begin = datetime.combine(day_of(now), time(), UTC)
    rows = await session.scalars(
        select(Sleeve).where(
            Sleeve.user_id == user_id, or_(Sleeve.state.not_in(OVER), Sleeve.closed_at >= begin)
        )
    )
    return {sleeve.id: sleeve for sleeve in rows}


async def _profits(
    session: AsyncSession, sleeves: Mapping[UUID, Sleeve], prices: Mapping[str, Price]
) -> dict[UUID, Decimal]:
    """Price P&L minus fees plus funding in the quote coin, since each position was opened."""
    if not sleeves:
        return {}
    rows = await session.execute(
        select(Posting.sleeve_id, Posting.asset, func.sum(Posting.amount))
        .where(Posting.sleeve_id.in_(sleeves))
        .group_by(Posting.sleeve_id, Posting.asset)
    )
    profits = dict.fromkeys(sleeves, _ZERO)
    for sleeve_id, asset, amount in rows:
        if sleeve_id is None or not amount:
            continue
        if asset == QUOTE:
            profits[sleeve_id] += amount
        elif asset in prices:
            profits[sleeve_id] += amount * prices[asset].value
    return profits


def _day_value(mark: RiskMark | None, sleeve: Sleeve, profit: Decimal, now: datetime) -> Decimal:
    """The position's result when the day began: what was seen last before it."""
    if mark is not None:
        return mark.day_value if mark.day == day_of(now) else mark.value
    return _ZERO if day_of(sleeve.created_at) == day_of(now) else profit


def day_of(moment: datetime) -> date:
    """The UTC day, by which losses are counted."""
    return moment.astimezone(UTC).date()
