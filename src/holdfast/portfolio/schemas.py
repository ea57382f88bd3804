"""What the API says about previews, positions and the ledger."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from holdfast.core.instruments import Side
from holdfast.core.money import Amount
from holdfast.platform.schemas import Schema

Direction = Literal["long", "short"]
Size = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2, allow_inf_nan=False)]


class MarketTactic(Schema):
    """Take at once, wherever the market is, within the allowance of the best price at that moment."""

    kind: Literal["market"]


class LimitTactic(Schema):
    """Take at once, but never beyond the previewed price and its allowance."""

    kind: Literal["limit_ioc"] = "limit_ioc"


class PassiveTactic(Schema):
    """Rest at the best price and follow it; take what is missing when the deadline comes."""

    kind: Literal["passive"]
    deadline_seconds: int = Field(ge=5, le=600)


class TwapTactic(Schema):
    """Cut large legs into slices, evenly over time; small legs go at once."""

    kind: Literal["twap"]
    slices: int = Field(ge=2, le=50)
    seconds: int = Field(ge=10, le=3600)


TacticWish = Annotated[MarketTactic | LimitTactic | PassiveTactic | TwapTactic, Field(discriminator="kind")]
TacticKind = Literal["market", "limit_ioc", "passive", "twap"]


class PreviewOpen(Schema):
    """Put an index on. ``size`` is the index notional in USDT; leverage is always 1x. Without a ``tactic``,
    here as below, orders take at once (``limit_ioc``)."""

    kind: Literal["open"] = "open"
    connection_id: UUID
    index_id: str = Field(max_length=40)
    direction: Direction
    size: Size
    tactic: TacticWish | None = None


class PreviewClose(Schema):
    kind: Literal["close"] = "close"
    position_id: UUID
    tactic: TacticWish | None = None


class PreviewRebalance(Schema):
    """Bring a position to the index's present weights, at the size it was opened with."""

    kind: Literal["rebalance"] = "rebalance"
    position_id: UUID
    tactic: TacticWish | None = None


PreviewRequest = Annotated[PreviewOpen | PreviewClose | PreviewRebalance, Field(discriminator="kind")]


class TacticView(Schema):
    """How the orders are sent. ``seconds`` is the passive deadline, or how long slicing lasts; ``note`` says
    what to expect."""

    kind: TacticKind = "limit_ioc"
    seconds: int = 0
    slices: int = 1
    note: str = ""


class PlanLeg(Schema):
    """One instrument of a plan. Quantities in base units, money in USDT.

    ``action``: trade; skip (too small for the venue: ``note`` says why); by_hand (already closed outside
    Holdfast: it is booked, not traded). ``weight``, ``target_notional`` and ``residual_notional`` (wanted
    minus planned) are signed like the position the order makes; the other amounts are not. No order of the
    leg is sent beyond ``limit_price``, save with the market tactic. ``slices``: the orders it is cut into at
    least. ``reduces``: the order only makes what the position holds smaller. Rebalancing: ``weight`` and
    ``held_weight`` are signed shares of the position's size, wanted and held now, ``held_quantity`` is what
    is held, and ``target_notional`` the difference to be traded.
    """

    symbol: str
    asset_id: str
    name: str
    ticker: str
    action: Literal["trade", "skip", "by_hand"]
    side: Side
    weight: float
    target_notional: Amount
    quantity: Amount
    expected_price: Amount
    limit_price: Amount
    notional: Amount
    fee: Amount
    slippage: Amount
    residual_notional: Amount
    note: str
    slices: int = 1
    held_weight: float | None = None
    held_quantity: Amount | None = None
    reduces: bool = False


class PlanTotals(Schema):
    """``tracking_error`` is the L1 distance between planned and wanted weights over the wanted gross
    (0.01 = 1 %), when rebalancing ``tracking_error_before`` the same as it stands now; ``left_out`` the
    notional of legs that the venue's rules leave out. ``expected_cost``: fees and slippage of the tactic."""

    gross: Amount
    net: Amount
    margin_needed: Amount
    available: Amount | None
    available_as_of: datetime | None
    fees: Amount
    slippage: Amount
    left_out: Amount
    tracking_error: float
    tracking_error_before: float | None = None
    expected_cost: Amount = Decimal(0)


PlanKind = Literal["open", "close", "rebalance"]


class PlanView(Schema):
    id: UUID
    kind: PlanKind
    digest: str
    connection_id: UUID
    position_id: UUID | None
    index_id: str
    index_name: str
    index_version: str
    direction: Direction
    size: Amount
    level: float
    legs: list[PlanLeg]
    totals: PlanTotals
    tactic: TacticView = TacticView()
    allowance: float = Field(
        description="how far the price may move before a leg is not filled, 0.005 = 0.5 %"
    )
    warnings: list[str]
    executable: bool
    blocked_reason: str
    created_at: datetime
    expires_at: datetime


PositionState = Literal["opening", "active", "closing", "rebalancing", "closed", "unwound", "needs_attention"]


class PositionLeg(Schema):
    """``quantity`` is signed and what is still held; ``altered``, signed like the trade that did it, is the
    part that was closed or changed outside Holdfast. ``weight`` and ``target_weight`` are signed shares of
    gross exposure (0.01 = 1 %)."""

    symbol: str
    asset_id: str
    name: str
    ticker: str
    quantity: Amount
    entry_price: Amount | None
    mark_price: Amount | None
    notional: Amount | None
    target_weight: float | None
    weight: float | None
    pnl: Amount | None
    fees: Amount
    funding: Amount
    altered: Amount
    halted_reason: str


class PositionSummary(Schema):
    """P&L in USDT from the position's own fills, fees and funding. ``pnl`` = ``price_pnl`` - ``fees`` +
    ``funding``; ``None`` while a price is missing. ``pnl_percent`` is its share of ``size``, and ``drift``
    half the L1 distance from the index's present weights (both 0.01 = 1 %).
    """

    id: UUID
    connection_id: UUID
    connection_label: str
    index_id: str
    index_name: str
    direction: Direction
    size: Amount
    state: PositionState
    entry_level: float
    level: float | None
    gross: Amount | None
    net: Amount | None
    pnl: Amount | None
    pnl_percent: float | None
    price_pnl: Amount | None
    fees: Amount
    funding: Amount
    drift: float | None
    altered: bool
    stale: bool
    execution_id: UUID | None
    opened_at: datetime | None
    closed_at: datetime | None
    created_at: datetime


class PositionDetail(PositionSummary):
    legs: list[PositionLeg]
    notices: list[str]


class PositionTick(Schema):
    """Pushed on the stream topic ``positions``."""

    positions: list[PositionSummary]


class PositionDetailTick(Schema):
    """Pushed on the stream topic ``position:{id}``."""

    position: PositionDetail


class AccountBalance(Schema):
    """One connection's wallet as the venue last told it, in USDT."""

    connection_id: UUID
    equity: Amount
    available: Amount
    taken_at: datetime


class Overview(Schema):
    """Everything of the signed-in user, in USDT. ``open_pnl`` (price P&L of what is held) + ``realised_pnl``
    (price P&L of what was closed) - ``fees`` + ``funding`` is the result of all positions there ever were.
    ``equity`` and ``available`` are the sums over ``accounts``, as the venue last told them."""

    equity: Amount | None
    available: Amount | None
    as_of: datetime | None
    accounts: list[AccountBalance]
    open_pnl: Amount | None
    realised_pnl: Amount
    fees: Amount
    funding: Amount
    positions: list[PositionSummary]
    notices: list[str]


class FillView(Schema):
    exec_id: str
    position_id: UUID | None
    index_name: str
    symbol: str
    side: Side
    exec_type: str
    quantity: Amount
    price: Amount
    value: Amount
    fee: Amount
    fee_asset: str
    by_hand: bool
    executed_at: datetime


class PaymentView(Schema):
    """A fee (negative), a funding payment (positive = received), or the value of a part that changed hands
    between a position and the user's own holding without a trade."""

    id: int
    kind: Literal["fee", "funding", "adjustment"]
    position_id: UUID | None
    index_name: str
    symbol: str
    amount: Amount
    asset: str
    at: datetime
