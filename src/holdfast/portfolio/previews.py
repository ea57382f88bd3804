"""Making a preview: everything the venue and the ledger know, once, into a plan that can be named."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from holdfast.core.money import plain
from holdfast.indices.catalogue import DEFINITIONS, IndexDefinition, definition_of
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.portfolio import advice, repository
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.plan import Held, build_close_plan, build_open_plan
from holdfast.portfolio.preview_inputs import (
    Account,
    Names,
    World,
    account_of,
    account_once_read,
    held_in,
    markets_of,
    names_in,
)
from holdfast.portfolio.preview_view import Proposal, plan_row, view_of
from holdfast.portfolio.rebalance import build_rebalance_plan
from holdfast.portfolio.schemas import (
    MarketTactic,
    PassiveTactic,
    PlanView,
    PreviewClose,
    PreviewOpen,
    PreviewRebalance,
    PreviewRequest,
    TacticWish,
    TwapTactic,
)
from holdfast.portfolio.tactics import AT_ONCE, Tactic

__all__ = ["PlanJudge", "World", "flatten_plan", "make_preview", "plan_row"]

KEEP_UNUSED = timedelta(days=1)
"""How long a preview nobody carried out is kept after it has expired."""

PlanJudge = Callable[[AsyncSession, UUID, PlanView, datetime], Awaitable[list[str]]]
"""Why a plan that takes new risk must not be carried out; answered by a floor above, wired by the app."""


async def make_preview(
    database: Database,
    user_id: UUID,
    wanted: PreviewRequest,
    *,
    world: World,
    settings: Settings,
    now: datetime,
    judge: PlanJudge | None = None,
) -> PlanView:
    """Plan what the user asks for and keep it for ``settings.preview_seconds``.

    No transaction is held while the venue is asked.

    Raises:
        NotFound: an index, connection or position that is not there (for this user).
        InvalidInput: the size is below the index's minimum or beyond reason, or a basket is to be sold short.
        Conflict: the position is closed, or is being changed.
        Unavailable: the index has no inputs yet, or the venue does not answer.
    """
    match wanted:
        case PreviewOpen():
            proposal = await _propose_open(database, user_id, wanted, world, settings, now)
        case PreviewClose():
            proposal = await _propose_close(database, user_id, wanted, world, settings, now)
        case PreviewRebalance():
            proposal = await _propose_rebalance(database, user_id, wanted, world, settings, now)
    view = view_of(proposal, settings, now)
    if judge is not None and view.kind != "close":
        async with database.transaction() as session:
            proposal.problems.extend(await judge(session, user_id, view, now))
        view = view_of(proposal, settings, now)
    async with database.transaction() as session:
        await repository.forget_unused_plans(session, user_id, expired_before=now - KEEP_UNUSED)
        session.add(plan_row(view, user_id))
        if proposal.account.wants_a_look(now):
            await enqueue(session, "execution.reconcile", str(view.connection_id), now=now)
    return view


async def _propose_open(
    database: Database, user_id: UUID, wanted: PreviewOpen, world: World, settings: Settings, now: datetime
) -> Proposal:
    definition = definition_of(wanted.index_id)
    _refuse_impossible(definition, wanted, settings)
    account = await account_once_read(database, user_id, wanted.connection_id)
    targets = world.indices.targets(wanted.index_id, now)
    if not targets.targets:
        raise Unavailable(targets.stale_reason, advice="Try again in a moment.")
    markets = await markets_of(world, [target.symbol for target in targets.targets], account)
    tactic = _tactic(wanted.tactic)
    draft = build_open_plan(
        targets.targets,
        direction=1 if wanted.direction == "long" else -1,
        size=wanted.size,
        markets=markets,
        allowance=_allowance(settings),
        available=account.available,
        tactic=tactic,
    )
    minimum = world.indices.minimum(wanted.index_id)
    advice.refuse_below_minimum(draft, wanted.size, minimum)
    stale = [targets.stale_reason] if targets.stale_reason else []
    return Proposal(
        kind="open",
        draft=draft,
        tactic=tactic,
        account=account,
        names={t.symbol: (t.asset_id, *world.indices.asset(t.asset_id)) for t in targets.targets},
        position=None,
        index_id=definition.id,
        version=targets.source_version,
        direction=wanted.direction,
        size=wanted.size,
        level=targets.level,
        problems=[*advice.account_problems(account.connection, account.balance), *stale, *draft.problems],
        warnings=[
            *advice.opening_warnings(draft, account.manual, minimum, is_ratio=definition.kind == "ratio"),
            *advice.fee_warnings(draft, account.fees),
            *advice.account_warnings(account.balance, now),
        ],
    )


async def _propose_close(
    database: Database, user_id: UUID, wanted: PreviewClose, world: World, settings: Settings, now: datetime
) -> Proposal:
    async with database.transaction() as session:
        owned = await _owned(session, user_id, wanted.position_id)
    sleeve, account = owned.sleeve, owned.account
    markets = await markets_of(world, [leg.symbol for leg in owned.held if leg.quantity], account)
    tactic = _tactic(wanted.tactic)
    draft = build_close_plan(
        owned.held,
        markets=markets,
        allowance=_allowance(settings),
        available=account.available,
        tactic=tactic,
    )
    level = world.indices.level(sleeve.index_id, now).level if sleeve.index_id in DEFINITIONS else None
    return Proposal(
        kind="close",
        draft=draft,
        tactic=tactic,
        account=account,
        names=owned.names,
        position=sleeve,
        index_id=sleeve.index_id,
        version=sleeve.index_version,
        direction=sleeve.direction,
        size=sleeve.size,
        level=sleeve.entry_level if level is None else level,
        problems=[
            *advice.connection_problems(account.connection),
            *advice.undecided_problems(owned.undecided),
            *draft.problems,
        ],
        warnings=[*advice.closing_warnings(draft), *advice.fee_warnings(draft, account.fees)],
    )


async def _propose_rebalance(
    database: Database,
    user_id: UUID,
    wanted: PreviewRebalance,
    world: World,
    settings: Settings,
    now: datetime,
) -> Proposal:
    async with database.transaction() as session:
        owned = await _owned(session, user_id, wanted.position_id)
    sleeve, account = owned.sleeve, owned.account
    if sleeve.index_id not in DEFINITIONS:
        raise Conflict("The index of this position is no longer kept.", advice="You can still close it.")
    targets = world.indices.targets(sleeve.index_id, now)
    if not targets.targets:
        raise Unavailable(targets.stale_reason, advice="Try again in a moment.")
    symbols = {target.symbol for target in targets.targets}
    symbols |= {leg.symbol for leg in owned.held if leg.quantity}
    tactic = _tactic(wanted.tactic)
    draft = build_rebalance_plan(
        targets.targets,
        owned.held,
        direction=1 if sleeve.direction == "long" else -1,
        size=sleeve.size,
        markets=await markets_of(world, sorted(symbols), account),
        allowance=_allowance(settings),
        available=account.available,
        tactic=tactic,
    )
    present = {t.symbol: (t.asset_id, *world.indices.asset(t.asset_id)) for t in targets.targets}
    return Proposal(
        kind="rebalance",
        draft=draft,
        tactic=tactic,
        account=account,
        names={**owned.names, **present},
        position=sleeve,
        index_id=sleeve.index_id,
        version=targets.source_version,
        direction=sleeve.direction,
        size=sleeve.size,
        level=targets.level,
        problems=[
            *advice.account_problems(account.connection, account.balance),
            *advice.undecided_problems(owned.undecided),
            *([targets.stale_reason] if targets.stale_reason else []),
            *draft.problems,
        ],
        warnings=[
            *advice.rebalancing_warnings(draft, account.manual),
            *advice.fee_warnings(draft, account.fees),
            *advice.account_warnings(account.balance, now),
        ],
    )


@dataclass(frozen=True, slots=True)
class _Owned:
    """A position that is to be traded. ``undecided``: symbols in which an order's outcome is open."""

    sleeve: Sleeve
    account: Account
    names: Names
    held: list[Held]
    undecided: list[str]


async def _owned(session: AsyncSession, user_id: UUID, position_id: UUID) -> _Owned:
    sleeve = await repository.sleeve_of(session, user_id, position_id)
    if sleeve is None:
        raise NotFound("There is no such position.", advice="See the list of your positions.")
    _refuse_busy(sleeve)
    account = await account_of(session, user_id, sleeve.connection_id)
    names = await names_in(session, sleeve.id)
    return _Owned(
        sleeve=sleeve,
        account=account,
        names=names,
        held=await held_in(session, sleeve.id, account, names),
        undecided=await repository.undecided_orders(session, sleeve.id),
    )


async def flatten_plan(
    database: Database,
    sleeve: Sleeve,
    world: World,
    settings: Settings,
    *,
    allowance: Decimal,
    now: datetime,
) -> tuple[PlanView, dict[str, str]]:
    """The plan that closes what can be closed of a position now. Unlike a close somebody previews it is not
    all or nothing: what the venue does not trade is left out of it, and named with the reason.

    Raises:
        Unavailable: the venue does not answer.
    """
    async with database.transaction() as session:
        account = await account_of(session, sleeve.user_id, sleeve.connection_id)
        names = await names_in(session, sleeve.id)
        held = await held_in(session, sleeve.id, account, names)
    markets = await markets_of(world, [leg.symbol for leg in held if leg.quantity], account)
    whole = build_close_plan(held, markets=markets, allowance=allowance, available=account.available)
    left_out = {leg.symbol: leg.problem for leg in whole.legs if leg.action == "skip" and leg.problem}
    draft = build_close_plan(
        [leg for leg in held if leg.symbol not in left_out],
        markets=markets,
        allowance=allowance,
        available=account.available,
    )
    proposal = Proposal(
        kind="close",
        tactic=AT_ONCE,
        draft=replace(draft, legs=tuple(replace(leg, problem="") for leg in draft.legs)),
        account=account,
        names=names,
        position=sleeve,
        index_id=sleeve.index_id,
        version=sleeve.index_version,
        direction=sleeve.direction,
        size=sleeve.size,
        level=sleeve.entry_level,
        problems=[],
        warnings=[f"{symbol} is not closed by this: {reason}." for symbol, reason in left_out.items()],
    )
    return view_of(proposal, settings, now), left_out


def _refuse_impossible(definition: IndexDefinition, wanted: PreviewOpen, settings: Settings) -> None:
    if wanted.size > settings.max_order_notional:
        raise InvalidInput(
            f"{plain(wanted.size)} USDT is more than Holdfast carries out in one go.",
            advice=f"Choose a size of at most {settings.max_order_notional:,} USDT.",
        )
    if definition.kind == "basket" and wanted.direction == "short":
        raise InvalidInput(f"{definition.name} can only be held long.", advice="Choose long.")


def _refuse_busy(sleeve: Sleeve) -> None:
    if sleeve.state in ("closed", "unwound"):
        raise Conflict("This position is closed already.", advice="Its history is on its page.")
    if sleeve.state in ("opening", "closing", "rebalancing"):
        raise Conflict(
            f"This position is {sleeve.state} at the moment.",
            advice="Wait until that has ended, then try again.",
        )


def _tactic(wanted: TacticWish | None) -> Tactic:
    match wanted:
        case PassiveTactic():
            return Tactic("passive", seconds=wanted.deadline_seconds)
        case TwapTactic():
            return Tactic("twap", seconds=wanted.seconds, slices=wanted.slices)
        case MarketTactic():
            return Tactic("market")
        case _:
            return AT_ONCE


def _allowance(settings: Settings) -> Decimal:
    return Decimal(repr(settings.price_allowance))
