"""What happens to an account from outside, and what Holdfast does about it by itself.

Found by → what Holdfast does → when it is settled:

* manual_trade: a fill without our id → books it as the user's own; where it closed part of a position, that
  part is not traded any more → at once; if it met a position, when that ends or was rebalanced.
* adl: a fill AdlTrade → books it to its holders in proportion; what is left stays → when the position ends or
  was rebalanced, or the user has seen it.
* liquidation: a fill BustTrade → the same, and opens nothing more on the connection → when the user has seen
  it.
* delivery: a fill Delivery → books the close at the venue's price; a position left with nothing is closed →
  when the position ends or was rebalanced, or the user has seen it.
* delisting_announced: an instrument we hold has a delivery date, or has left the list → opens nothing more in
  it; it can be closed → when no position holds it any more.
* position_mode: a symbol in hedge mode → halts the symbol → when it is in one-way mode again.
* leverage_changed: a position above 1x → warns; puts 1x back before the next opening → when it is 1x or flat.
* margin_mode: not the mode the books began with → warns; opens nothing more in portfolio margin or in a mode
  that is not known → when it is put back.
* key_refused: wrong, revoked, expired, or bound to another address → trades nothing; tries the key again and
  again → when the key works.
* key_expiring: its own date, 14 days before → warns; an alarm in the last three days → when it has more
  time again.
* account_downgraded: could trade and cannot any more (read-only, a permission lost, no unified account) →
  trades nothing; goes on watching where it may → when it can trade again.
* books_differ: the sum of the books is not the venue's position → halts the symbol → when they agree again.
* late_fill: a fill after its execution had ended → books it; the position needs attention → when the position
  ends, or the user has seen it.
* needs_attention: an execution stands half done, or has ended so → what its reason says → when the position
  does not need attention any more.
* stray_order: an order of ours rests at the venue and no execution waits for it → cancels it, and books what
  it filled → at once.
* borrowed: debt in USDT → opens nothing more on the connection → when it is repaid.
* stream_lost: nothing is heard from the account → reads over REST every minute, and everything since → when
  it is heard again.
* flattened, stopped: the kill switch → what its command says → when it is lifted.

An event is named by the venue's record, a condition by the moment it began: reading the same history twice
makes one incident. ``blocks`` holds until the incident is settled.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import case, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.errors import NotFound
from holdfast.core.identity import new_id
from holdfast.execution.incidents.models import Incident
from holdfast.execution.incidents.schemas import (
    Blocks,
    IncidentKind,
    IncidentsTick,
    IncidentView,
    Severity,
)
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.positions import index_name

ACKNOWLEDGED: Final = frozenset({"liquidation", "adl", "delivery", "late_fill"})
AWAY: Final = "away:"
"""What the user's having seen it settles: these kinds, and a past that is lost (its reference begins so)."""


@dataclass(frozen=True, slots=True)
class News:
    """One incident to be written. ``text`` is complete: what happened, what Holdfast does, what to do."""

    kind: IncidentKind
    severity: Severity
    title: str
    text: str
    symbol: str = ""
    sleeve_id: UUID | None = None
    blocks: Blocks = ""


async def note(
    session: AsyncSession,
    news: News,
    *,
    user_id: UUID,
    connection_id: UUID | None,
    reference: str,
    at: datetime,
    settled_at: datetime | None = None,
) -> bool:
    """Write an event once. Told again in other words (a trade goes on), the words change; one that blocks
    begins anew, because what the user has seen and let pass was less.

    Returns:
        Whether anything is new.
    """
    values = {
        "id": new_id(),
        "user_id": user_id,
        "connection_id": connection_id,
        "sleeve_id": news.sleeve_id,
        "symbol": news.symbol,
        "kind": news.kind,
        "severity": news.severity,
        "title": news.title,
        "text": news.text,
        "blocks": news.blocks,
        "reference": reference,
        "at": at,
        "settled_at": settled_at,
    }
    again = {"seen_at": None, "settled_at": settled_at} if news.blocks else {}
    written = await session.scalar(
        insert(Incident)
        .values(values)
        .on_conflict_do_update(
            index_elements=[
                Incident.user_id,
                text("coalesce(connection_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
                Incident.reference,
            ],
            set_={"title": news.title, "text": news.text, "severity": news.severity} | again,
            where=or_(Incident.title != news.title, Incident.text != news.text),
        )
        .returning(Incident.id)
    )
    return written is not None


async def retract(session: AsyncSession, connection_id: UUID, reference: str) -> None:
    """Take back an event that more of the same history tells otherwise."""
    await session.execute(
        delete(Incident).where(Incident.connection_id == connection_id, Incident.reference == reference)
    )


async def hold(
    session: AsyncSession,
    connection: Connection,
    kinds: Sequence[IncidentKind],
    present: Mapping[tuple[IncidentKind, str], News],
    *,
    now: datetime,
) -> bool:
    """Make the open conditions of ``kinds`` on a connection exactly those ``present``, by (kind, symbol): new
    ones begin, known ones keep their words up to date, the others are settled. The caller holds the
    connection's row, so nobody else does the same.

    Returns:
        Whether anything changed.
    """
    rows = await session.scalars(
        select(Incident).where(
            Incident.connection_id == connection.id,
            Incident.kind.in_(kinds),
            Incident.settled_at.is_(None),
            Incident.reference.startswith(Incident.kind + ":"),
        )
    )
    known = {(row.kind, row.symbol): row for row in rows}
    changed = False
    for key, row in known.items():
        if key not in present:
            row.settled_at, changed = now, True
    for (kind, symbol), news in present.items():
        standing = known.get((kind, symbol))
        if standing is None:
            changed |= await note(
                session,
                news,
                user_id=connection.user_id,
                connection_id=connection.id,
                reference=f"{kind}:{symbol}:{now.isoformat()}",
                at=now,
            )
        elif (standing.title, standing.text, standing.severity) != (news.title, news.text, news.severity):
            if news.severity == "alarm" != standing.severity:
                standing.seen_at = None
            standing.title, standing.text, standing.severity = news.title, news.text, news.severity
            standing.blocks, changed = news.blocks, True
    await session.flush()
    return changed


async def settle_all(session: AsyncSession, connection_id: UUID, *, now: datetime) -> None:
    """The connection is gone, and with it everything that stood against it."""
    await session.execute(
        update(Incident)
        .where(Incident.connection_id == connection_id, Incident.settled_at.is_(None))
        .values(settled_at=now)
    )


async def obstacle(
    session: AsyncSession, connection_id: UUID, symbols: Sequence[str], *, opening: bool
) -> str:
    """Why these symbols must not be traded on this connection now, in words; "" if nothing stands against
    it. ``opening``: whether the orders may add to what is held."""
    blocking = ("opening", "trading") if opening else ("trading",)
    found = await session.scalar(
        select(Incident)
        .where(
            Incident.connection_id == connection_id,
            Incident.settled_at.is_(None),
            Incident.blocks.in_(blocking),
            or_(Incident.symbol == "", Incident.symbol.in_(symbols)),
        )
        .order_by(Incident.at)
        .limit(1)
    )
    return f"{found.title} {found.text}" if found else ""


async def see(session: AsyncSession, user_id: UUID, incident_id: UUID, *, now: datetime) -> None:
    """The user has seen it; that settles what only waited for that.

    Raises:
        NotFound: there is no such incident of this user's.
    """
    waits = or_(Incident.kind.in_(ACKNOWLEDGED), Incident.reference.startswith(AWAY))
    settled = case((waits, func.coalesce(Incident.settled_at, now)), else_=Incident.settled_at)
    found = await session.scalar(
        update(Incident)
        .where(Incident.id == incident_id, Incident.user_id == user_id)
        .values(seen_at=func.coalesce(Incident.seen_at, now), settled_at=settled)
        .returning(Incident.id)
    )
    if found is None:
        raise NotFound("There is no such incident.", advice="See the list of your incidents.")


async def page(
    session: AsyncSession,
    user_id: UUID,
    *,
    only_open: bool,
    position: UUID | None,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[IncidentView]:
    """The user's incidents, newest first."""
    query = (
        select(Incident, Connection.label, Sleeve.index_id)
        .outerjoin(Connection, Connection.id == Incident.connection_id)
        .outerjoin(Sleeve, Sleeve.id == Incident.sleeve_id)
        .where(Incident.user_id == user_id)
        .order_by(Incident.at.desc(), Incident.id.desc())
        .limit(limit)
    )
    if only_open:
        query = query.where(Incident.settled_at.is_(None))
    if position is not None:
        query = query.where(Incident.sleeve_id == position)
    if before is not None:
        at, row_id = before
        query = query.where(or_(Incident.at < at, (Incident.at == at) & (Incident.id < row_id)))
    return [_view(incident, label, index_id) for incident, label, index_id in await session.execute(query)]


async def ticks(session: AsyncSession, users: Sequence[UUID]) -> dict[UUID, IncidentsTick]:
    """What the stream tells each of the users: how many are open, and how many nobody has seen."""
    rows = await session.execute(
        select(
            Incident.user_id,
            func.count().filter(Incident.settled_at.is_(None)),
            func.count().filter(Incident.seen_at.is_(None)),
            func.max(func.greatest(Incident.at, Incident.seen_at, Incident.settled_at)),
        )
        .where(Incident.user_id.in_(users))
        .group_by(Incident.user_id)
    )
    told = {user: IncidentsTick(open=left, unseen=new, newest_at=at) for user, left, new, at in rows}
    return {user: told.get(user) or IncidentsTick(open=0, unseen=0, newest_at=None) for user in users}


def _view(incident: Incident, label: str | None, index_id: str | None) -> IncidentView:
    own = {name: getattr(incident, name) for name in IncidentView.model_fields if hasattr(incident, name)}
    return IncidentView.model_validate(
        {
            **own,
            "connection_label": label or "",
            "position_id": incident.sleeve_id,
            "index_name": index_name(index_id) if index_id else "",
            "acknowledge": incident.settled_at is None
            and (incident.kind in ACKNOWLEDGED or incident.reference.startswith(AWAY)),
        }
    )
