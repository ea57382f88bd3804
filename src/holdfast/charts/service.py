"""Layouts, drawings and alerts of one user. Whoever writes names the version they read."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.charts import crossing, repository
from holdfast.charts.models import ChartDrawings, ChartLayout, PriceAlert
from holdfast.charts.schemas import (
    LATEST_FIRED,
    MOST_ALERTS,
    MOST_DRAWN_SERIES,
    MOST_LAYOUTS,
    AlertsTick,
    AlertView,
    DrawingsView,
    FiredAlertView,
    LayoutView,
    NewAlert,
    NewDrawings,
    NewLayout,
)
from holdfast.core.errors import Conflict, InvalidInput, NotFound
from holdfast.core.identity import new_id
from holdfast.market.candles import feeds

INDEX: Final = "index"


# --- layouts ------------------------------------------------------------------------------------------------


async def layouts(session: AsyncSession, user_id: UUID) -> list[LayoutView]:
    return [LayoutView.model_validate(row) for row in await repository.layouts(session, user_id)]


async def put_layout(
    session: AsyncSession, user_id: UUID, layout_id: UUID, wanted: NewLayout, *, now: datetime
) -> LayoutView:
    """Write a layout. The first one is the default; another that is to be takes its place.

    Raises:
        Conflict: it was changed or deleted since it was read; ``current`` is the newer one.
        InvalidInput: there are too many.
    """
    await lock_user(session, user_id)
    kept = {row.id: row for row in await repository.layouts(session, user_id)}
    row = kept.get(layout_id)
    _check_version(wanted.version, row.version if row else 0, LayoutView.model_validate(row) if row else None)
    if row is None and len(kept) >= MOST_LAYOUTS:
        raise InvalidInput(f"You keep {MOST_LAYOUTS} layouts already.", advice="Delete one first.")
    is_default = wanted.is_default or not any(one.is_default for one in kept.values() if one is not row)
    if is_default:
        await repository.no_default(session, user_id)
    if row is None:
        row = ChartLayout(user_id=user_id, id=layout_id, version=0)
        session.add(row)
    row.name, row.active, row.is_default = wanted.name, wanted.active, is_default
    row.cells = [cell.model_dump(mode="json") for cell in wanted.cells]
    row.version, row.updated_at = row.version + 1, now
    await session.flush()
    return LayoutView.model_validate(row)


async def delete_layout(session: AsyncSession, user_id: UUID, layout_id: UUID) -> None:
    """The one changed last becomes the default if the default is deleted. Raises ``NotFound``."""
    await lock_user(session, user_id)
    kept = {row.id: row for row in await repository.layouts(session, user_id)}
    row = kept.pop(layout_id, None)
    if row is None:
        raise NotFound("There is no such layout.", advice="GET /api/charts/layouts lists yours.")
    await session.delete(row)
    await session.flush()
    if row.is_default and kept:
        max(kept.values(), key=lambda one: one.updated_at).is_default = True


# --- drawings -----------------------------------------------------------------------------------------------


async def drawings(session: AsyncSession, user_id: UUID, series: str) -> DrawingsView:
    row = await session.get(ChartDrawings, (user_id, series))
    return _drawings_view(series, row)


async def put_drawings(
    session: AsyncSession, user_id: UUID, series: str, wanted: NewDrawings, *, now: datetime
) -> DrawingsView:
    """Replace all drawings on a series.

    Raises:
        Conflict: they were changed since they were read; ``current`` are the newer ones.
        InvalidInput: there are drawings on too many series.
    """
    await lock_user(session, user_id)
    row = await session.get(ChartDrawings, (user_id, series), populate_existing=True)
    _check_version(wanted.version, row.version if row else 0, _drawings_view(series, row))
    if row is None:
        if await repository.drawn_series(session, user_id) >= MOST_DRAWN_SERIES:
            raise InvalidInput(
                f"You keep drawings on {MOST_DRAWN_SERIES} series already.", advice="Delete those on another."
            )
        row = ChartDrawings(user_id=user_id, series=series, version=0)
        session.add(row)
    row.drawings = [drawing.model_dump(mode="json") for drawing in wanted.drawings]
    row.version, row.updated_at = row.version + 1, now
    return _drawings_view(series, row)


def _drawings_view(series: str, row: ChartDrawings | None) -> DrawingsView:
    if row is None:
        return DrawingsView(series=series, version=0, drawings=[])
    return DrawingsView.model_validate({"series": series, "version": row.version, "drawings": row.drawings})


def _check_version(read: int, now: int, current: LayoutView | DrawingsView | None) -> None:
    if read != now:
        raise Conflict(
            "It was changed elsewhere since it was read.",
            advice="Take the newer one, or write yours over it with its version.",
            current=current.model_dump(mode="json") if current else None,
        )


# --- alerts -------------------------------------------------------------------------------------------------


async def alerts(session: AsyncSession, user_id: UUID) -> list[AlertView]:
    return [AlertView.model_validate(row) for row in await repository.alerts(session, user_id)]


def check_watchable(source: str) -> None:
    """Raises ``InvalidInput`` for a source in which nothing new comes in."""
    watchable = (*feeds.OPENERS, INDEX)
    if source not in watchable:
        raise InvalidInput(
            f"The prices of {source} do not go on, so there is nothing to watch.",
            advice=f"Choose a series of {', '.join(watchable)}.",
        )


async def add_alert(
    session: AsyncSession, user_id: UUID, wanted: NewAlert, *, now: datetime, price: Decimal | None = None
) -> AlertView:
    """``price``: where the series is now, so that not even the moments before the first look are missed.

    Raises:
        InvalidInput: there are too many.
    """
    await lock_user(session, user_id)
    if len(await repository.alerts(session, user_id)) >= MOST_ALERTS:
        raise InvalidInput(f"You have {MOST_ALERTS} alerts already.", advice="Delete one first.")
    row = PriceAlert(id=new_id(), user_id=user_id, created_at=now, fired_at=None)
    _arm(row, wanted, now, price)
    session.add(row)
    return AlertView.model_validate(row)


async def change_alert(
    session: AsyncSession,
    user_id: UUID,
    alert_id: UUID,
    wanted: NewAlert,
    *,
    now: datetime,
    price: Decimal | None = None,
) -> AlertView:
    """It is watched anew from ``price`` on, where the series is now. Raises ``NotFound``."""
    row = await repository.alert_of(session, user_id, alert_id)
    if row is None:
        raise _no_alert()
    _arm(row, wanted, now, price)
    return AlertView.model_validate(row)


async def delete_alert(session: AsyncSession, user_id: UUID, alert_id: UUID) -> None:
    """What it fired stays in the list. Raises ``NotFound``."""
    row = await repository.alert_of(session, user_id, alert_id)
    if row is None:
        raise _no_alert()
    await session.delete(row)


async def ticks(session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, AlertsTick]:
    """What the stream tells each of the users."""
    told = {user_id: AlertsTick(alerts=[], fired=[]) for user_id in users}
    for alert in await repository.alerts(session, *users):
        told[alert.user_id].alerts.append(AlertView.model_validate(alert))
    for row in await repository.noted_last(session, users, LATEST_FIRED):
        told[row.user_id].fired.append(FiredAlertView.model_validate(row))
    return told


def _arm(row: PriceAlert, wanted: NewAlert, now: datetime, price: Decimal | None) -> None:
    for name, value in wanted:
        setattr(row, name, value)
    row.side = None if price is None else crossing.step(None, price, wanted.price)[0]
    row.watched_from = now


def _no_alert() -> NotFound:
    return NotFound("There is no such alert.", advice="GET /api/charts/alerts lists yours.")
