"""Conditions of an account: what its key may do, in which modes it is, what it owes, what is delisted."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.keycheck import EXPIRES_SOON, Level
from holdfast.accounts.models import Connection
from holdfast.core.instruments import InstrumentStatus
from holdfast.execution.incidents import words
from holdfast.execution.incidents.incidents import News
from holdfast.execution.incidents.schemas import IncidentKind
from holdfast.market.instruments import VENUE
from holdfast.market.models import InstrumentRow
from holdfast.portfolio.models import Posting, Sleeve
from holdfast.portfolio.positions import OPEN_STATES
from holdfast.venues.protocol import AccountInfo, Balance, VenuePosition

Present = dict[tuple[IncidentKind, str], News]

KEY_KINDS: Final[tuple[IncidentKind, ...]] = ("key_refused", "key_expiring", "account_downgraded")
VENUE_KINDS: Final[tuple[IncidentKind, ...]] = (
    "books_differ",
    "position_mode",
    "leverage_changed",
    "margin_mode",
    "borrowed",
    "delisting_announced",
)
LAST_DAYS: Final = timedelta(days=3)
DELIVERY_SOON: Final = timedelta(days=1)


def key_conditions(connection: Connection, *, now: datetime) -> Present:
    """What stands against this connection's key, from what the last check has written."""
    present: Present = {}
    finding = _worst_finding(connection)
    reason = connection.state_reason or finding.get("message", "")
    advice = finding.get("advice", "")
    expires = connection.key_expires_at
    worked = connection.could_trade_at is not None
    if connection.state == "failing":
        present["key_refused", ""] = words.key_refused(reason, advice)
    elif connection.state == "refused" and worked and finding.get("check") == "expiry":
        present["key_refused", ""] = words.key_expired(reason, advice)
    elif connection.state in ("refused", "watch_only") and worked:
        present["account_downgraded", ""] = words.account_downgraded(reason, advice)
    if expires and now < expires <= now + EXPIRES_SOON and connection.state != "refused":
        left = expires - now
        present["key_expiring", ""] = words.key_expiring(expires, left.days, soon=left <= LAST_DAYS)
    return present


def _worst_finding(connection: Connection) -> Mapping[str, str]:
    """The first refusal; of a watching key, why it only watches."""
    findings: Sequence[Mapping[str, str]] = connection.checks
    refused = next((each for each in findings if each.get("level") == Level.REFUSED), None)
    purpose = next((each for each in findings if each.get("check") == "purpose"), {})
    return refused or purpose


def venue_conditions(
    connection: Connection,
    account: AccountInfo | None,
    balance: Balance | None,
    positions: Sequence[VenuePosition],
    *,
    held: Collection[str],
    differences: Mapping[str, str],
) -> Present:
    """What the venue says of the account itself. ``held``: symbols in which a position of Holdfast's stands;
    ``differences``: symbols in which the books and the venue disagree, with the reason. What the venue did
    not tell (``None``) is not judged."""
    present: Present = {
        ("books_differ", symbol): words.books_differ(symbol, reason) for symbol, reason in differences.items()
    }
    for position in positions:
        if position.hedge_mode:
            present["position_mode", position.symbol] = words.position_mode(position.symbol)
        elif position.leverage > 1 and position.symbol in held:
            news = words.leverage_changed(position.symbol, position.leverage)
            present["leverage_changed", position.symbol] = news
    before = connection.margin_mode
    if account and (account.margin_mode not in words.OPENABLE or (before and account.margin_mode != before)):
        present["margin_mode", ""] = words.margin_mode(account.margin_mode, before)
    if balance and balance.borrowed > 0:
        present["borrowed", ""] = words.borrowed(balance.borrowed)
    return present


def judged_kinds(account: AccountInfo | None, balance: Balance | None) -> list[IncidentKind]:
    """Which of ``VENUE_KINDS`` can be judged by what the venue told; the others stay as they are."""
    unjudged = {"margin_mode"} if account is None else set()
    unjudged |= {"borrowed"} if balance is None else set()
    return [kind for kind in VENUE_KINDS if kind not in unjudged]


async def delistings(session: AsyncSession, held: Collection[str], *, now: datetime) -> Present:
    """Instruments we hold that the venue is about to close."""
    rows = await session.scalars(
        select(InstrumentRow).where(InstrumentRow.venue == VENUE, InstrumentRow.symbol.in_(held))
    )
    ending = (InstrumentStatus.REDUCE_ONLY.value, InstrumentStatus.CLOSED.value)
    return {
        ("delisting_announced", row.symbol): words.delisting(
            row.symbol,
            row.delivery_at,
            soon=row.delivery_at is not None and row.delivery_at - now <= DELIVERY_SOON,
        )
        for row in rows
        if row.delivery_at is not None or row.status in ending
    }


async def held_symbols(session: AsyncSession, connection_id: UUID) -> set[str]:
    """Symbols in which a position that is not over holds anything on this connection."""
    total = func.sum(Posting.amount)
    rows = await session.scalars(
        select(Posting.symbol)
        .join(Sleeve, Sleeve.id == Posting.sleeve_id)
        .where(
            Sleeve.connection_id == connection_id,
            Sleeve.state.in_(OPEN_STATES),
            Posting.asset == Posting.symbol,
        )
        .group_by(Posting.sleeve_id, Posting.symbol)
        .having(total != 0)
    )
    return set(rows)
