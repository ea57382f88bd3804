"""Guards of the books: what is counted, whose it is, and that they are looked at."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import UUID

from holdfast.execution import preflight, repository, tasks
from holdfast.execution.executor import Executor
from holdfast.execution.reconciliation import reconcile, watch
from holdfast.portfolio import booking, endings
from holdfast.portfolio.ledger import eaten, grain, share_forced, share_out
from holdfast.torture.mutations.registry import Change, mutation


@mutation("fills are not told apart by their execution id")
def fills_counted_twice() -> list[Change]:
    original = booking._insert_fill

    async def insert(session: Any, connection_id: UUID, report: Any, order: Any, now: Any) -> bool:
        if await original(session, connection_id, report, order, now):
            return True
        again = replace(report, exec_id=f"{report.exec_id}-again")
        return await original(session, connection_id, again, order, now)

    async def none_known(*_: Any) -> set[str]:
        return set()

    return [(booking, "_insert_fill", insert), (repository, "booked_ids", none_known)]


@mutation("a forced trade is taken for the user's own")
def forced_trades_are_manual() -> list[Change]:
    return [(booking, "share_forced", lambda fill, _sleeves, _manual: ({}, fill))]


@mutation("a forced trade is shared out to its holders in equal parts")
def forced_shares_are_equal() -> list[Change]:
    def equally(fill: Decimal, sleeves: dict[UUID, Decimal], manual: Decimal) -> Any:
        holders = {owner: Decimal(1) for owner, quantity in sleeves.items() if quantity * fill < 0}
        if not holders:
            return share_forced(fill, sleeves, manual)
        whole = Decimal(len(holders) + bool(manual))
        return share_out(fill, holders, whole, grain(fill, *sleeves.values()))

    return [(booking, "share_forced", equally)]


@mutation("a trade by hand closes positions first, and the user's own holding last")
def hands_take_positions_first() -> list[Change]:
    return [(booking, "eaten", lambda fill, sleeves, _manual: eaten(fill, sleeves, Decimal(0)))]


@mutation("what was closed by hand changes hands twice over")
def settled_twice_over() -> list[Change]:
    def doubled(*args: Any) -> list[tuple[Any, Decimal]]:
        return [(alteration, 2 * part) for alteration, part in original(*args)]

    original = endings.by_hand_parts
    return [(endings, "by_hand_parts", doubled)]


async def _nothing_taken(*_: Any, **__: Any) -> bool:
    return False


@mutation("fills that come after the end of an execution are not looked for")
def late_fills_ignored() -> list[Change]:
    return [(reconcile, "take_own_fill", _nothing_taken)]


@mutation("fills that come after the end of an execution are neither looked for nor heard")
def late_fills_unheard() -> list[Change]:
    return [(reconcile, "take_own_fill", _nothing_taken), (watch, "take_own_fill", _nothing_taken)]


def _halts_ignored() -> list[Change]:
    async def nothing(*_: Any) -> str:
        return ""

    return [(preflight, "_blocked", nothing)]


@mutation("halts are written and not looked at")
def halts_ignored() -> list[Change]:
    return _halts_ignored()


async def _nothing(*_: Any, **__: Any) -> None:
    return None


def _books_not_compared_first() -> list[Change]:
    return [(preflight, "ensure_reconciled", _nothing)]


@mutation("halts are not looked at, and the books not compared before an execution begins")
def books_not_looked_at() -> list[Change]:
    return [*_halts_ignored(), *_books_not_compared_first()]


@mutation("halts are not looked at, and the books compared neither before an execution nor while it goes on")
def books_never_looked_at() -> list[Change]:
    return [
        *_halts_ignored(),
        *_books_not_compared_first(),
        (preflight, "reconcile_connection", _nothing),
        (Executor, "_compared", _nothing),
        (tasks, "ensure_reconciled", _nothing),
    ]
