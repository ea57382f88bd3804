"""A preview as it is shown and kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from holdfast.core.identity import new_id
from holdfast.platform.settings import Settings
from holdfast.portfolio import advice
from holdfast.portfolio.models import Plan, Sleeve
from holdfast.portfolio.plan import PlanDraft, digest
from holdfast.portfolio.positions import index_name
from holdfast.portfolio.preview_inputs import Account, Names
from holdfast.portfolio.schemas import PlanKind, PlanLeg, PlanTotals, PlanView, TacticView
from holdfast.portfolio.tactics import Tactic


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft and what it is about."""

    kind: PlanKind
    draft: PlanDraft
    tactic: Tactic
    account: Account
    names: Names
    position: Sleeve | None
    index_id: str
    version: str
    direction: str
    size: Decimal
    level: float
    problems: list[str]
    warnings: list[str]


def view_of(proposal: Proposal, settings: Settings, now: datetime) -> PlanView:
    draft, account = proposal.draft, proposal.account
    view = PlanView(
        id=new_id(),
        kind=proposal.kind,
        digest="",
        connection_id=account.connection.id,
        position_id=proposal.position.id if proposal.position else None,
        index_id=proposal.index_id,
        index_name=index_name(proposal.index_id),
        index_version=proposal.version,
        direction="long" if proposal.direction == "long" else "short",
        size=proposal.size,
        level=proposal.level,
        legs=_legs(draft, proposal.names),
        totals=PlanTotals(
            gross=draft.gross,
            net=draft.net,
            margin_needed=draft.margin_needed,
            available=account.available,
            available_as_of=account.balance.taken_at if account.balance else None,
            fees=draft.fees,
            slippage=draft.slippage,
            left_out=draft.left_out,
            tracking_error=draft.tracking_error,
            tracking_error_before=draft.tracking_error_before,
            expected_cost=draft.fees + draft.slippage,
        ),
        tactic=TacticView(
            kind=proposal.tactic.kind,
            seconds=proposal.tactic.seconds,
            slices=proposal.tactic.slices,
            note=advice.tactic_note(proposal.tactic, draft, settings.price_allowance),
        ),
        allowance=settings.price_allowance,
        warnings=proposal.warnings,
        executable=not proposal.problems,
        blocked_reason=" ".join(proposal.problems),
        created_at=now,
        expires_at=now + timedelta(seconds=settings.preview_seconds),
    )
    return view.model_copy(update={"digest": digest(view.model_dump(mode="json"))})


def _legs(draft: PlanDraft, names: Names) -> list[PlanLeg]:
    legs = []
    for leg in draft.legs:
        _, name, ticker = names.get(leg.symbol, (leg.symbol, leg.symbol, leg.symbol))
        legs.append(
            PlanLeg(
                symbol=leg.symbol,
                asset_id=leg.asset_id,
                name=name,
                ticker=ticker,
                action=leg.action,
                side=leg.side,
                weight=leg.weight,
                target_notional=leg.target_notional,
                quantity=leg.quantity,
                expected_price=leg.expected_price,
                limit_price=leg.limit_price,
                notional=leg.notional,
                fee=leg.fee,
                slippage=leg.slippage,
                residual_notional=leg.residual_notional,
                note=leg.note or leg.problem,
                slices=leg.slices,
                held_weight=leg.held_weight,
                held_quantity=leg.held_quantity,
                reduces=leg.reduces,
            )
        )
    return legs


def plan_row(view: PlanView, user_id: UUID) -> Plan:
    return Plan(
        id=view.id,
        user_id=user_id,
        connection_id=view.connection_id,
        sleeve_id=view.position_id,
        kind=view.kind,
        index_id=view.index_id,
        direction=view.direction,
        size=view.size,
        digest=view.digest,
        body=view.model_dump(mode="json"),
        created_at=view.created_at,
        expires_at=view.expires_at,
    )
