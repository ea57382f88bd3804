"""Compares the books with the venue's own, by the rules of every torture, once all has been mended."""

from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution.incidents import attention
from holdfast.execution.incidents.models import Incident
from holdfast.portfolio.models import Halt
from holdfast.sim.bybit.account import Account
from holdfast.torture import invariants
from holdfast.torture.truth import books_of


async def judge(
    session: AsyncSession,
    connection_id: UUID,
    account: Account,
    *,
    began: dict[str, Decimal],
    incidents: Collection[str],
) -> list[str]:
    """Everything that is wrong with one connection, in words; empty if nothing is.

    Beyond the rules of every torture nothing is halted here, and nothing told that did not happen or is still
    told though it is over: a crash of ours is neither a reason for the one nor for the other.

    Args:
        account: as the venue has it.
        began: what it held, by symbol, before the books began.
        incidents: kinds of those that are rightly told.
    """
    books = await books_of(session, connection_id, account, began)
    found = [str(violation) for violation in invariants.judge(books)]
    halts = await session.scalars(select(Halt).where(Halt.connection_id == connection_id))
    found += [f"{halt.symbol} is halted: {halt.reason}" for halt in halts]
    told = await session.scalars(select(Incident).where(Incident.connection_id == connection_id))
    untrue = [one for one in told if one.kind not in incidents and not _stood_half_done(one)]
    return found + [f"an incident was told: {one.title}" for one in untrue]


def _stood_half_done(incident: Incident) -> bool:
    """While an execution is interrupted its position does need attention, and no longer."""
    return incident.kind == attention.KIND and incident.settled_at is not None
