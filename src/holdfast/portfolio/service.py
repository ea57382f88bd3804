"""Handing a previewed plan over to whoever carries it out."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import Conflict, Gone, NotFound
from holdfast.portfolio import repository
from holdfast.portfolio.models import Plan
from holdfast.portfolio.schemas import PlanView

NEW_PREVIEW = "Look at a new preview and confirm that."


class PlanBlocked(Conflict):
    code = "plan-blocked"
    title = "This plan cannot be carried out."


async def shown_plan(session: AsyncSession, user_id: UUID, plan_id: UUID) -> PlanView:
    """A preview as it was shown.

    Raises:
        NotFound: there is none of this user's by that id.
    """
    plan = await repository.plan_of(session, user_id, plan_id)
    if plan is None:
        raise _no_such_preview()
    return PlanView.model_validate(plan.body)


async def take_plan(session: AsyncSession, user_id: UUID, plan_id: UUID, digest: str, now: datetime) -> Plan:
    """The plan, locked, if it may be carried out now. ``digest`` names what the user was shown.

    Raises:
        NotFound: there is none of this user's by that id.
        Gone: it has expired.
        Conflict: it was used already, it is not what the user was shown, or it was blocked (``PlanBlocked``).
    """
    plan = await repository.plan_of(session, user_id, plan_id, for_update=True)
    if plan is None:
        raise _no_such_preview()
    if plan.digest != digest:
        raise Conflict("This is not the plan you were shown. Nothing was traded.", advice=NEW_PREVIEW)
    if await repository.is_plan_used(session, plan_id):
        raise Conflict("This plan has been carried out already.", advice="Look at the position it made.")
    if now >= plan.expires_at:
        raise Gone("This preview has expired. Nothing was traded.", advice=NEW_PREVIEW)
    if not plan.body["executable"]:
        raise PlanBlocked(str(plan.body["blocked_reason"]), advice=NEW_PREVIEW)
    return plan


def _no_such_preview() -> NotFound:
    return NotFound("There is no such preview.", advice="Make a new one.")
