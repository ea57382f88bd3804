"""Incidents over HTTP."""

from typing import Literal
from uuid import UUID

from fastapi import APIRouter

from holdfast.accounts.access import UserDep
from holdfast.accounts.announcing import announces
from holdfast.core.errors import InvalidInput
from holdfast.execution.incidents import incidents
from holdfast.execution.incidents.schemas import IncidentView
from holdfast.platform.paging import DEFAULT_LIMIT, CursorQuery, LimitQuery, decode_cursor, encode_cursor
from holdfast.platform.schemas import Page
from holdfast.platform.web import NowDep, SessionDep

router = APIRouter(prefix="/api/incidents", tags=["incidents"])


@router.get("")
async def list_incidents(
    user: UserDep,
    session: SessionDep,
    state: Literal["open", "all"] = "open",
    position: UUID | None = None,
    cursor: CursorQuery = None,
    limit: LimitQuery = DEFAULT_LIMIT,
) -> Page[IncidentView]:
    """What happened to the user's accounts from outside, newest first."""
    found = decode_cursor(cursor)
    try:
        before = (found[0], UUID(found[1])) if found else None
    except ValueError as error:
        raise InvalidInput(
            "This page cursor cannot be read.", advice="Start again from the first page."
        ) from error
    rows = await incidents.page(
        session, user.id, only_open=state == "open", position=position, before=before, limit=limit + 1
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return Page(items=rows[:limit], next_cursor=encode_cursor(last.at, last.id) if last else None)


@router.post("/{incident_id}/seen", status_code=204, dependencies=announces("incidents"))
async def see_incident(incident_id: UUID, user: UserDep, session: SessionDep, now: NowDep) -> None:
    """The user has seen it. What only waited for that is settled, and no longer blocks anything."""
    await incidents.see(session, user.id, incident_id, now=now)
