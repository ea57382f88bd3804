"""Making a preview: everything the venue and the ledger know, once, into a plan that can be named."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.errors import Conflict, InvalidInput, NotFound, Unavailable
from holdfast.core.identity import new_id
from holdfast.core.instruments import Instrument, InstrumentStatus
from holdfast.core.money import plain
from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import DEFINITIONS, IndexDefinition, definition_of
from holdfast.market.instruments import InstrumentBook
from holdfast.platform.database import Database
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.portfolio import advice, repository
from holdfast.portfolio.endings import by_hand_parts, closable
from holdfast.portfolio.models import BalanceSnapshot, Plan, Sleeve
from holdfast.portfolio.plan import Held, PlanDraft, build_close_plan, build_open_plan, digest
from holdfast.portfolio.positions import index_name, names_of
from holdfast.portfolio.schemas import (
    PlanLeg,
    PlanTotals,
    PlanView,
    PreviewClose,
    PreviewOpen,
    PreviewRequest,
)
from holdfast.portfolio.sweep import LegMarket
from holdfast.venues.protocol import PriceLimit, PublicVenue, Rejected, VenueError

BOOK_DEPTH = 200
FRESH = timedelta(seconds=15)
KEEP_UNUSED = timedelta(days=1)
"""How long a preview nobody carried out is kept after it has expired."""

TAKER_FEE = Decimal("0.00055")
"""Bybit's standard rate for linear contracts, used (and said) where the account's own is not known."""

Names = dict[str, tuple[str, str, str]]
"""Asset id, name and ticker by symbol."""


@dataclass(frozen=True, slots=True)
class World:
    """What a preview looks at outside the ledger."""

    indices: IndexBoard
    instruments: InstrumentBook
    venue: PublicVenue


@dataclass(frozen=True, slots=True)
class Account:
    """One connection as the ledger knows it: halt reasons, whole positions and the user's own, by symbol."""

    connection: Connection
    balance: BalanceSnapshot | None
    halts: dict[str, str]
    fees: dict[str, Decimal]
    net: dict[str, Decimal]
    manual: dict[str, Decimal]

    @property
    def available(self) -> Decimal | None:
        return self.balance.available if self.balance else None

    def wants_a_look(self, now: datetime) -> bool:
        """Whether the balance shown is old enough to be read again before the user confirms."""
        if self.connection.state != "active":
            return False
        return self.balance is None or now - self.balance.taken_at > FRESH


@dataclass(frozen=True, slots=True)
class Proposal:
    """A draft and what it is about."""

    draft: PlanDraft
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


async def make_preview(
    database: Database,
    user_id: UUID,
    wanted: PreviewRequest,
    *,
    world: World,
    settings: Settings,
    now: datetime,
) -> PlanView:
    """Plan what the user asks for and keep it for ``settings.preview_seconds``.

    No transaction is held while the venue is asked.

    Raises:
        NotFound: an index, connection or position that is not there (for this user).
        InvalidInput: the size is below the index's minimum or beyond reason, or a basket is to be sold short.
        Conflict: the position is closed, or is being changed.
        Unavailable: the index has no inputs yet, or the venue does not answer.
    """
    if isinstance(wanted, PreviewOpen):
        proposal = await _propose_open(database, user_id, wanted, world, settings, now)
    else:
        proposal = await _propose_close(database, user_id, wanted, world, settings, now)
    view = _view(proposal, settings, now)
    async with database.transaction() as session:
        await repository.forget_unused_plans(session, user_id, expired_before=now - KEEP_UNUSED)
        session.add(_row(view, user_id))
        if proposal.account.wants_a_look(now):
            await enqueue(session, "execution.reconcile", str(view.connection_id), now=now)
    return view


async def _propose_open(
    database: Database, user_id: UUID, wanted: PreviewOpen, world: World, settings: Settings, now: datetime
) -> Proposal:
    definition = definition_of(wanted.index_id)
    _refuse_impossible(definition, wanted, settings)
    async with database.transaction() as session:
        account = await _account(session, user_id, wanted.connection_id)
    targets = world.indices.targets(wanted.index_id, now)
    if not targets.targets:
        raise Unavailable(targets.stale_reason, advice="Try again in a moment.")
    markets = await _markets(world, [target.symbol for target in targets.targets], account)
    draft = build_open_plan(
        targets.targets,
        direction=1 if wanted.direction == "long" else -1,
        size=wanted.size,
        markets=markets,
        allowance=_allowance(settings),
        available=account.available,
    )
    minimum = world.indices.minimum(wanted.index_id)
    advice.refuse_below_minimum(draft, wanted.size, minimum)
    stale = [targets.stale_reason] if targets.stale_reason else []
    return Proposal(
        draft=draft,
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
        sleeve = await repository.sleeve_of(session, user_id, wanted.position_id)
        if sleeve is None:
            raise NotFound("There is no such position.", advice="See the list of your positions.")
        _refuse_busy(sleeve)
        account = await _account(session, user_id, sleeve.connection_id)
        names = await _names(session, sleeve.id)
        held = await _held(session, sleeve.id, account, names)
        undecided = await repository.undecided_orders(session, sleeve.id)
    markets = await _markets(world, [leg.symbol for leg in held if leg.quantity], account)
    draft = build_close_plan(
        held, markets=markets, allowance=_allowance(settings), available=account.available
    )
    level = world.indices.level(sleeve.index_id, now).level if sleeve.index_id in DEFINITIONS else None
    return Proposal(
        draft=draft,
        account=account,
        names=names,
        position=sleeve,
        index_id=sleeve.index_id,
        version=sleeve.index_version,
        direction=sleeve.direction,
        size=sleeve.size,
        level=sleeve.entry_level if level is None else level,
        problems=[
            *advice.connection_problems(account.connection),
            *advice.undecided_problems(undecided),
            *draft.problems,
        ],
        warnings=[*advice.closing_warnings(draft), *advice.fee_warnings(draft, account.fees)],
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
        account = await _account(session, sleeve.user_id, sleeve.connection_id)
        names = await _names(session, sleeve.id)
        held = await _held(session, sleeve.id, account, names)
    markets = await _markets(world, [leg.symbol for leg in held if leg.quantity], account)
    whole = build_close_plan(held, markets=markets, allowance=allowance, available=account.available)
    left_out = {leg.symbol: leg.problem for leg in whole.legs if leg.action == "skip" and leg.problem}
    draft = build_close_plan(
        [leg for leg in held if leg.symbol not in left_out],
        markets=markets,
        allowance=allowance,
        available=account.available,
    )
    proposal = Proposal(
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
    return _view(proposal, settings, now), left_out


def plan_row(view: PlanView, user_id: UUID) -> Plan:
    """The row of a plan as it was shown."""
    return _row(view, user_id)


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
    if sleeve.state in ("opening", "closing"):
        raise Conflict(
            f"This position is {sleeve.state} at the moment.",
            advice="Wait until that has ended, then try again.",
        )


async def _account(session: AsyncSession, user_id: UUID, connection_id: UUID) -> Account:
    connection = await repository.connection_of(session, user_id, connection_id)
    if connection is None:
        raise NotFound("There is no such connection.", advice="Choose one of your connections.")
    halts = await repository.halts_of(session, [connection_id])
    net: dict[str, Decimal] = {}
    manual: dict[str, Decimal] = {}
    for (sleeve_id, symbol), quantity in (await repository.quantities(session, connection_id)).items():
        net[symbol] = net.get(symbol, Decimal(0)) + quantity
        if sleeve_id is None:
            manual[symbol] = quantity
    return Account(
        connection=connection,
        balance=await repository.balance_of(session, connection_id),
        halts={symbol: reason for (_, symbol), reason in halts.items()},
        fees=await repository.taker_fees(session, connection_id),
        net=net,
        manual=manual,
    )


async def _names(session: AsyncSession, sleeve_id: UUID) -> Names:
    plans = await repository.opening_plans(session, [sleeve_id])
    return names_of(plans[sleeve_id]) if sleeve_id in plans else {}


async def _held(session: AsyncSession, sleeve_id: UUID, account: Account, names: Names) -> list[Held]:
    left = await closable(session, sleeve_id)
    by_hand: dict[str, list[tuple[Decimal, Decimal]]] = {}
    alterations = await repository.open_alterations_of(session, sleeve_id)
    held = await repository.sleeve_quantities(session, sleeve_id)
    for alteration, part in by_hand_parts(held, alterations):
        by_hand.setdefault(alteration.symbol, []).append((part, alteration.price))
    return [
        Held(
            symbol=symbol,
            asset_id=names[symbol][0] if symbol in names else symbol,
            quantity=left.get(symbol, Decimal(0)),
            net=account.net.get(symbol, Decimal(0)),
            by_hand=tuple(by_hand.get(symbol, ())),
        )
        for symbol in {**left, **by_hand}
    ]


async def _markets(world: World, symbols: Iterable[str], account: Account) -> dict[str, LegMarket]:
    """Order book, price band and status of every leg, asked for side by side."""
    markets = await asyncio.gather(*(_market(world, symbol, account) for symbol in symbols))
    return {market.instrument.symbol: market for market in markets if market is not None}


async def _market(world: World, symbol: str, account: Account) -> LegMarket | None:
    """``None`` if the venue does not list it. Raises ``Unavailable`` if the venue does not answer."""
    instrument = world.instruments.get(symbol)
    if instrument is None:
        return None
    halt, taker = account.halts.get(symbol, ""), account.fees.get(symbol, TAKER_FEE)
    if halt:
        return LegMarket(instrument, (), (), taker, trouble=f"trading is halted. {halt}")
    try:
        book, band, present = await asyncio.gather(
            world.venue.book(symbol, depth=BOOK_DEPTH),
            _price_band(world.venue, symbol),
            _as_it_is(world.venue, instrument),
        )
    except Rejected as error:
        return LegMarket(instrument, (), (), taker, trouble=f"the venue has no order book of it ({error})")
    except VenueError as error:
        raise Unavailable(
            f"Bybit does not answer at the moment ({error}). Nothing was traded.",
            advice="Try again in a few seconds.",
        ) from error
    return LegMarket(
        present,
        book.bids,
        book.asks,
        taker,
        highest_buy=band.highest_buy if band else None,
        lowest_sell=band.lowest_sell if band else None,
    )


async def _as_it_is(venue: PublicVenue, known: Instrument) -> Instrument:
    """A market may halt at any moment, and the list of instruments is read once an hour."""
    now = await venue.instrument(known.symbol)
    if now is None:
        return replace(known, status=InstrumentStatus.CLOSED)
    return replace(known, status=now.status, delivery_at=now.delivery_at)


async def _price_band(venue: PublicVenue, symbol: str) -> PriceLimit | None:
    """The band only narrows limit prices; without it the order itself finds out."""
    try:
        return await venue.price_limit(symbol)
    except VenueError:
        return None


def _view(proposal: Proposal, settings: Settings, now: datetime) -> PlanView:
    draft, account = proposal.draft, proposal.account
    view = PlanView(
        id=new_id(),
        kind="close" if proposal.position else "open",
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
            )
        )
    return legs


def _row(view: PlanView, user_id: UUID) -> Plan:
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


def _allowance(settings: Settings) -> Decimal:
    return Decimal(repr(settings.price_allowance))
