"""Positions and the overview, from the ledger and the latest prices."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal, localcontext
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.errors import NotFound
from holdfast.core.targets import TargetSet
from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import DEFINITIONS
from holdfast.market.quotes import QuoteBoard
from holdfast.portfolio import repository
from holdfast.portfolio.endings import by_hand_parts
from holdfast.portfolio.ledger import EXACT, QUOTE, Leg
from holdfast.portfolio.models import Alteration, BalanceSnapshot, Plan, Sleeve
from holdfast.portfolio.schemas import AccountBalance, Overview, PositionDetail, PositionLeg, PositionSummary

OPEN_STATES = frozenset({"opening", "active", "closing", "rebalancing", "needs_attention"})
CLOSED_STATES = frozenset({"closed", "unwound"})
QUOTE_STALE = timedelta(seconds=10)

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class SleeveBooks:
    """One sleeve as the ledger has it, before prices. ``legs`` have outstanding alterations already taken out
    at the price they were closed at; ``altered`` sums all alterations there ever were, by symbol."""

    sleeve: Sleeve
    label: str
    legs: dict[str, Leg]
    altered: dict[str, Decimal]
    names: dict[str, tuple[str, str, str]]
    halts: dict[str, str]
    execution_id: UUID | None

    @property
    def is_open(self) -> bool:
        return self.sleeve.state in OPEN_STATES


@dataclass(frozen=True, slots=True)
class Ended:
    """What the positions that are over and flat have come to, in USDT."""

    realised: Decimal
    fees: Decimal
    funding: Decimal


@dataclass(frozen=True, slots=True)
class Prices:
    """Where marks and target weights come from, at one moment."""

    quotes: QuoteBoard
    indices: IndexBoard
    now: datetime

    def mark(self, symbol: str) -> Decimal | None:
        quote = self.quotes.get(symbol)
        return quote.mark if quote else None

    def is_stale(self, symbol: str) -> bool:
        age = self.quotes.age(symbol, self.now)
        return age is None or age > QUOTE_STALE

    def targets(self, index_id: str) -> TargetSet | None:
        return self.indices.targets(index_id, self.now) if index_id in DEFINITIONS else None


@dataclass(slots=True)
class _Sums:
    """USDT totals of a sleeve. ``None`` once a price is missing."""

    gross: Decimal | None = _ZERO
    net: Decimal | None = _ZERO
    unrealised: Decimal | None = _ZERO
    realised: Decimal = _ZERO
    fees: Decimal = _ZERO
    funding: Decimal = _ZERO
    other_fees: dict[str, Decimal] = field(default_factory=dict)

    @property
    def price_pnl(self) -> Decimal | None:
        return None if self.unrealised is None else self.realised + self.unrealised

    @property
    def pnl(self) -> Decimal | None:
        return None if self.price_pnl is None else self.price_pnl - self.fees + self.funding


async def load(
    session: AsyncSession,
    user_id: UUID,
    *,
    states: Collection[str] = (),
    position_id: UUID | None = None,
    before: tuple[datetime, UUID] | None = None,
    limit: int | None = None,
) -> list[SleeveBooks]:
    """The user's sleeves, newest first: all, those in ``states``, or only ``position_id`` (none if it is not
    theirs). ``limit`` and ``before`` take a page of them."""
    wanted = None if position_id is None else [position_id]
    rows = await repository.sleeves_of(
        session, user_id, states=states, sleeve_ids=wanted, before=before, limit=limit
    )
    return await _books_of(session, rows, named=position_id is not None)


async def load_open(session: AsyncSession, users: Collection[UUID]) -> dict[UUID, list[SleeveBooks]]:
    """The open sleeves of each of the users, newest first."""
    rows = await repository.sleeves_of_users(session, users, OPEN_STATES)
    found: dict[UUID, list[SleeveBooks]] = {user_id: [] for user_id in users}
    for books in await _books_of(session, rows, named=False) if rows else ():
        found[books.sleeve.user_id].append(books)
    return found


async def load_overview(session: AsyncSession, user_id: UUID) -> tuple[list[SleeveBooks], Ended]:
    """The user's open sleeves, newest first, with those that are over and hold something all the same; and
    what all others have come to."""
    cash, fees, funding, holding = await repository.ended_totals(session, user_id, CLOSED_STATES)
    rows = list(await repository.sleeves_of(session, user_id, states=OPEN_STATES))
    if holding:
        rows += await repository.sleeves_of(session, user_id, sleeve_ids=holding)
    return await _books_of(session, rows, named=False), Ended(cash, fees, funding)


async def _books_of(
    session: AsyncSession, rows: Sequence[tuple[Sleeve, str]], *, named: bool
) -> list[SleeveBooks]:
    """``named``: whether the legs' names are wanted, which are in the plans."""
    ids = [sleeve.id for sleeve, _ in rows]
    all_legs = await repository.legs_of_sleeves(session, ids)
    alterations: dict[UUID, list[Alteration]] = {}
    for alteration in await repository.alterations_of(session, ids):
        alterations.setdefault(alteration.sleeve_id, []).append(alteration)
    halts = await repository.halts_of(session, list({sleeve.connection_id for sleeve, _ in rows}))
    executions = await repository.latest_executions(session, ids)
    plans = await repository.shaping_plans(session, ids) if named else {}
    books = []
    for sleeve, label in rows:
        legs = all_legs.get(sleeve.id, {})
        own = alterations.get(sleeve.id, [])
        _take_out(legs, own)
        books.append(
            SleeveBooks(
                sleeve=sleeve,
                label=label,
                legs=legs,
                altered=_altered(own),
                names=names_of(plans.get(sleeve.id, [])),
                halts={
                    symbol: halts[sleeve.connection_id, symbol]
                    for symbol in legs
                    if (sleeve.connection_id, symbol) in halts
                },
                execution_id=executions.get(sleeve.id),
            )
        )
    return books


async def open_on(session: AsyncSession, connection_id: UUID) -> int:
    """How many positions are not closed on a connection."""
    return await repository.count_sleeves(session, connection_id, OPEN_STATES)


def summary(books: SleeveBooks, prices: Prices) -> PositionSummary:
    """One position with its P&L at the latest prices."""
    sleeve, sums = books.sleeve, _sums(books, prices)
    targets = prices.targets(sleeve.index_id)
    held = [symbol for symbol, leg in books.legs.items() if leg.quantity]
    pnl = sums.pnl
    return PositionSummary(
        id=sleeve.id,
        connection_id=sleeve.connection_id,
        connection_label=books.label,
        index_id=sleeve.index_id,
        index_name=index_name(sleeve.index_id),
        direction="long" if sleeve.direction == "long" else "short",
        size=sleeve.size,
        state=sleeve.state,
        entry_level=sleeve.entry_level,
        level=targets.level if targets and targets.targets else None,
        gross=sums.gross,
        net=sums.net,
        pnl=pnl,
        pnl_percent=None if pnl is None else float(pnl / sleeve.size),
        price_pnl=sums.price_pnl,
        fees=sums.fees,
        funding=sums.funding,
        drift=_drift(books, prices, targets),
        altered=bool(books.altered),
        stale=books.is_open and any(prices.is_stale(symbol) for symbol in held),
        execution_id=books.execution_id,
        opened_at=sleeve.opened_at,
        closed_at=sleeve.closed_at,
        created_at=sleeve.created_at,
    )


def detail(books: SleeveBooks, prices: Prices) -> PositionDetail:
    """One position, leg by leg."""
    targets = prices.targets(books.sleeve.index_id)
    wanted, actual = _target_shares(books, targets), _shares(books, prices)
    legs = [
        _leg_view(books, leg, prices, wanted.get(symbol), actual.get(symbol))
        for symbol, leg in sorted(books.legs.items())
    ]
    return PositionDetail(
        **summary(books, prices).model_dump(), legs=legs, notices=_notices(books, prices, targets)
    )


def overview(
    counted: Sequence[SleeveBooks], ended: Ended, balances: Sequence[BalanceSnapshot], prices: Prices
) -> Overview:
    """All positions there ever were (``counted`` one by one, the others as ``ended``), and the accounts'
    balances."""
    with localcontext(EXACT):
        sums = [_sums(books, prices) for books in counted]
        unrealised = [each.unrealised for each in sums]
        known = [value for value in unrealised if value is not None]
        open_books = [books for books in counted if books.is_open]
        return Overview(
            equity=sum((b.equity for b in balances), _ZERO) if balances else None,
            available=sum((b.available for b in balances), _ZERO) if balances else None,
            as_of=min((b.taken_at for b in balances), default=None),
            accounts=[AccountBalance.model_validate(b) for b in balances],
            open_pnl=sum(known, _ZERO) if len(known) == len(unrealised) else None,
            realised_pnl=sum((each.realised for each in sums), ended.realised),
            fees=sum((each.fees for each in sums), ended.fees),
            funding=sum((each.funding for each in sums), ended.funding),
            positions=[summary(books, prices) for books in open_books],
            notices=[
                f"{index_name(books.sleeve.index_id)}: {notice}"
                for books in open_books
                for notice in _notices(books, prices, None)
            ],
        )


def the_only(books: Sequence[SleeveBooks]) -> SleeveBooks:
    """Raises ``NotFound`` if there is none."""
    if not books:
        raise NotFound("There is no such position.", advice="See the list of your positions.")
    return books[0]


def names_of(plans: Sequence[Plan]) -> dict[str, tuple[str, str, str]]:
    """Asset id, name and ticker by symbol, as they were when the latest of the plans was made."""
    return {
        leg["symbol"]: (leg["asset_id"], leg["name"], leg["ticker"])
        for plan in plans
        for leg in plan.body["legs"]
    }


def index_name(index_id: str) -> str:
    definition = DEFINITIONS.get(index_id)
    return definition.name if definition else index_id


def _take_out(legs: dict[str, Leg], alterations: Sequence[Alteration]) -> None:
    """What was closed by hand makes no more profit or loss, though it is booked only with the close."""
    held = {symbol: leg.quantity for symbol, leg in legs.items()}
    outstanding = [alteration for alteration in alterations if alteration.settled_at is None]
    with localcontext(EXACT):
        for alteration, part in by_hand_parts(held, outstanding):
            legs[alteration.symbol].move(part, -part * alteration.price)


def _altered(alterations: Sequence[Alteration]) -> dict[str, Decimal]:
    altered: dict[str, Decimal] = {}
    for alteration in alterations:
        altered[alteration.symbol] = altered.get(alteration.symbol, _ZERO) + alteration.quantity
    return altered


def _sums(books: SleeveBooks, prices: Prices) -> _Sums:
    sums = _Sums()
    with localcontext(EXACT):
        for symbol, leg in books.legs.items():
            sums.realised += leg.realised
            sums.fees += leg.fees.get(QUOTE, _ZERO)
            sums.funding += leg.funding.get(QUOTE, _ZERO)
            for asset in leg.fees.keys() - {QUOTE}:
                sums.other_fees[asset] = sums.other_fees.get(asset, _ZERO) + leg.fees[asset]
            if not leg.quantity:
                continue
            mark = prices.mark(symbol)
            if mark is None or sums.gross is None or sums.net is None or sums.unrealised is None:
                sums.gross = sums.net = sums.unrealised = None
                continue
            value = leg.quantity * mark
            sums.gross += abs(value)
            sums.net += value
            sums.unrealised += leg.unrealised(mark)
    return sums


def _leg_view(
    books: SleeveBooks, leg: Leg, prices: Prices, wanted: float | None, actual: float | None
) -> PositionLeg:
    asset_id, name, ticker = books.names.get(leg.symbol, (leg.symbol, leg.symbol, leg.symbol))
    mark = prices.mark(leg.symbol)
    fees, funding = leg.fees.get(QUOTE, _ZERO), leg.funding.get(QUOTE, _ZERO)
    with localcontext(EXACT):
        price_pnl = leg.realised if not leg.quantity else leg.price_pnl(mark) if mark is not None else None
        return PositionLeg(
            symbol=leg.symbol,
            asset_id=asset_id,
            name=name,
            ticker=ticker,
            quantity=leg.quantity,
            entry_price=None if leg.entry_price is None else round(leg.entry_price, 12),
            mark_price=mark,
            notional=None if mark is None else leg.quantity * mark,
            target_weight=wanted,
            weight=actual,
            pnl=None if price_pnl is None else price_pnl - fees + funding,
            fees=fees,
            funding=funding,
            altered=books.altered.get(leg.symbol, _ZERO),
            halted_reason=books.halts.get(leg.symbol, ""),
        )


def _target_shares(books: SleeveBooks, targets: TargetSet | None) -> dict[str, float]:
    """Signed shares of gross that the index wants now."""
    gross = sum(abs(target.weight) for target in targets.targets) if targets else 0.0
    if not targets or not gross:
        return {}
    sign = 1.0 if books.sleeve.direction == "long" else -1.0
    return {target.symbol: sign * target.weight / gross for target in targets.targets}


def _shares(books: SleeveBooks, prices: Prices) -> dict[str, float]:
    """Signed shares of gross that are held; empty while a price is missing or nothing is held."""
    values = {}
    for symbol, leg in books.legs.items():
        mark = prices.mark(symbol)
        if leg.quantity and mark is None:
            return {}
        values[symbol] = float(leg.quantity * mark) if mark is not None else 0.0
    gross = sum(abs(value) for value in values.values())
    return {symbol: value / gross for symbol, value in values.items()} if gross else {}


def _drift(books: SleeveBooks, prices: Prices, targets: TargetSet | None) -> float | None:
    wanted, actual = _target_shares(books, targets), _shares(books, prices)
    if not books.is_open or not wanted or not actual:
        return None
    return sum(abs(actual.get(s, 0.0) - wanted.get(s, 0.0)) for s in {*wanted, *actual}) / 2


def _notices(books: SleeveBooks, prices: Prices, targets: TargetSet | None) -> list[str]:
    """What the owner has to know about this position, in words."""
    if not books.is_open:
        return []
    notices = [f"{symbol} is halted: {reason}" for symbol, reason in sorted(books.halts.items())]
    if books.altered:
        notices.append(
            f"{', '.join(sorted(books.altered))} was closed or changed outside Holdfast, so this position no "
            "longer follows the index exactly. Closing it trades only what is left."
        )
    if books.sleeve.state == "needs_attention":
        notices.append("This position needs your attention: its last execution says why.")
    other_fees = _sums(books, prices).other_fees
    if other_fees:
        paid = ", ".join(f"{amount.normalize():f} {asset}" for asset, amount in sorted(other_fees.items()))
        notices.append(f"Fees of {paid} were paid in another coin and are not part of the profit and loss.")
    left = set(_target_shares(books, targets)) ^ {s for s, leg in books.legs.items() if leg.quantity}
    if targets and targets.targets and left and not books.altered:
        notices.append(
            f"The index and this position do not hold the same coins now: {', '.join(sorted(left))}."
        )
    return notices
