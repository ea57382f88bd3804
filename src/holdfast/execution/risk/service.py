"""A user's own limits: what they are, what counts, how far they are used, and setting them."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import InvalidInput
from holdfast.core.identity import new_id
from holdfast.core.money import plain
from holdfast.execution.risk import gate_books
from holdfast.execution.risk.gate_books import LIMIT_NAMES, QuoteOf
from holdfast.execution.risk.limits import Bounds, Exposure, Result, Situation
from holdfast.execution.risk.models import RiskLimit
from holdfast.execution.risk.schemas import (
    InstrumentUsage,
    Limits,
    LimitsView,
    LimitUsage,
    PositionLimitsView,
)
from holdfast.platform.settings import Settings
from holdfast.portfolio.models import Sleeve

_ZERO = Decimal(0)


async def users_limits(
    session: AsyncSession, user_id: UUID, *, settings: Settings, quote_of: QuoteOf, now: datetime
) -> LimitsView:
    situation = await _situation(session, user_id, settings=settings, quote_of=quote_of, now=now)
    own = (await gate_books.limits_of(session, user_id)).get(None, Bounds())
    mark, result = (await gate_books.marks_of(session, user_id)).get(None), situation.result
    since = mark.peak_since if mark else None
    if own.drawdown is None:
        result = replace(result, peak=result.operators_peak)
        since = mark.operators_peak_since if mark else None
    return LimitsView(
        user=shown(own),
        defaults=shown(gate_books.instance_bounds(settings)),
        effective=shown(situation.user),
        usage=_usage(situation, result, None, since),
    )


async def positions_limits(
    session: AsyncSession, sleeve: Sleeve, *, settings: Settings, quote_of: QuoteOf, now: datetime
) -> PositionLimitsView:
    situation = await _situation(session, sleeve.user_id, settings=settings, quote_of=quote_of, now=now)
    rows = await gate_books.limits_of(session, sleeve.user_id)
    own = rows.get(sleeve.id, Bounds())
    result = situation.results.get(sleeve.id, Result())
    since = (await gate_books.marks_of(session, sleeve.user_id)).get(sleeve.id)
    return PositionLimitsView(
        position=shown(own),
        user=shown(rows.get(None, Bounds())),
        defaults=shown(gate_books.instance_bounds(settings)),
        effective=shown(situation.user.stricter(own)),
        usage=_usage(situation, result, sleeve.id, since.peak_since if since else sleeve.created_at),
    )


async def set_limits(
    session: AsyncSession,
    user_id: UUID,
    sleeve: Sleeve | None,
    wanted: Limits,
    *,
    settings: Settings,
    now: datetime,
) -> None:
    """Replace the user's own limits, or those of one position. A new drawdown limit counts the peak from now,
    and so does setting everything once more to what it was; changing other limits leaves the peak alone, and
    the installation's own limit goes on with a peak of its own.

    Raises:
        InvalidInput: looser than this installation allows.
    """
    _refuse_looser(wanted, gate_books.instance_bounds(settings))
    await gate_books.lock_user(session, user_id)
    owner = sleeve.id if sleeve else None
    row = await session.scalar(
        select(RiskLimit).where(RiskLimit.user_id == user_id, RiskLimit.sleeve_id.is_not_distinct_from(owner))
    )
    if row is None:
        row = RiskLimit(id=new_id(), user_id=user_id, sleeve_id=owner)
        session.add(row)
    changed = {name for name in LIMIT_NAMES if getattr(row, name) != getattr(wanted, name)}
    for name in changed:
        setattr(row, name, getattr(wanted, name))
    row.updated_at = now
    if wanted.drawdown is not None and ("drawdown" in changed or not changed):
        await gate_books.count_peak_anew(session, user_id, sleeve, now=now)
    await session.flush()


def shown(bounds: Bounds) -> Limits:
    return Limits.model_construct(**{name: getattr(bounds, name) for name in LIMIT_NAMES})


def _refuse_looser(wanted: Limits, hardest: Bounds) -> None:
    for name in LIMIT_NAMES:
        value, most = getattr(wanted, name), getattr(hardest, name)
        if value is not None and most is not None and value > most:
            raise InvalidInput(
                f"{name} may be at most {plain(Decimal(most))} on this installation.",
                advice="Choose a tighter limit, or leave it out to use the installation's.",
            )


async def _situation(
    session: AsyncSession, user_id: UUID, *, settings: Settings, quote_of: QuoteOf, now: datetime
) -> Situation:
    exposure = await gate_books.exposure_of(session, user_id, now=now, reserve=True)
    return await gate_books.situation_of(
        session, user_id, settings=settings, quote_of=quote_of, exposure=exposure, now=now
    )


def _usage(
    situation: Situation, result: Result, owner: UUID | None, peak_since: datetime | None
) -> LimitUsage:
    exposure = situation.exposure
    if owner is not None:
        stakes = {key: stake for key, stake in exposure.stakes.items() if key[0] == owner}
        exposure = Exposure(stakes, {owner: exposure.sent.get(owner, 0)})
    worth = exposure.notionals(situation.prices)
    return LimitUsage(
        gross_notional=worth.gross,
        sleeve_notional=max(worth.by_owner.values(), default=_ZERO),
        instrument_notional=max(worth.by_symbol.values(), default=_ZERO),
        instruments=[
            InstrumentUsage(symbol=symbol, notional=notional)
            for symbol, notional in sorted(worth.by_symbol.items(), key=lambda item: -item[1])
        ],
        day_pnl=result.day_pnl,
        daily_loss=max(_ZERO, -result.day_pnl),
        equity=result.equity,
        peak=result.peak,
        peak_since=peak_since,
        drawdown=result.drawdown,
        orders_per_minute=sum(exposure.sent.values()),
        unpriced=sorted(worth.unpriced),
        as_of=situation.now,
    )
