"""A position that stands half done is an incident: its owner may be looking at another page."""

from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution.incidents import incidents, words
from holdfast.execution.incidents.models import Incident
from holdfast.execution.incidents.schemas import IncidentKind
from holdfast.execution.models import Execution
from holdfast.execution.repository import STUCK_STATE
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.positions import index_name

KIND: Final[IncidentKind] = "needs_attention"


async def note_attention(session: AsyncSession, execution: Execution, *, now: datetime) -> None:
    """Tell the owner if the position of this execution needs attention, with the execution's reason. What is
    told already gets the new reason, and is news again where another execution came into the same trouble."""
    sleeve = await session.get_one(Sleeve, execution.sleeve_id, populate_existing=True)
    if sleeve.state != STUCK_STATE:
        return
    news = words.needs_attention(execution.reason, sleeve.id, index_name(sleeve.index_id))
    this = f"{KIND}:{execution.id}:"
    reference = f"{this}{now.isoformat()}"
    standing = await session.scalar(
        select(Incident).where(
            Incident.sleeve_id == sleeve.id, Incident.kind == KIND, Incident.settled_at.is_(None)
        )
    )
    if standing is None:
        await incidents.note(
            session,
            news,
            user_id=execution.user_id,
            connection_id=execution.connection_id,
            reference=reference,
            at=now,
        )
        return
    standing.text = news.text
    if not standing.reference.startswith(this):
        standing.reference, standing.at, standing.seen_at = reference, now, None
