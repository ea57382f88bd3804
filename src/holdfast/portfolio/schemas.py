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


class PreviewOpen(Schema):
    """Put an index on. ``size`` is the index notional in USDT; leverage is always 1x."""

    kind: Literal["open"] = "open"
    connection_id: UUID
    index_id: str = Field(max_length=40)
    direction: Direction
    size: Size


class PreviewClose(Schema):
    kind: Literal["close"] = "close"
    position_id: UUID


PreviewRequest = Annotated[PreviewOpen | PreviewClose, Field(discriminator="kind")]


class PlanLeg(Schema):
    """One instrument of a plan. Quantities in base units, money in USDT.

    ``action``: trade; skip (too small for the venue: ``note`` says why); by_hand (already closed outside
    Holdfast: it is booked, not traded). ``weight``, ``target_notional`` and ``residual_notional`` (wanted
    minus planned) are signed like the position the order makes; the other amounts are not.
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


class PlanTotals(Schema):
    """``tracking_error`` is the L1 distance between planned and wanted weights over the wanted gross
    (0.01 = 1 %); ``left_out`` the notional of skipped legs."""

    gross: Amount
    net: Amount
    margin_needed: Amount
    available: Amount | None
    available_as_of: datetime | None
    fees: Amount
    slippage: Amount
    left_out: Amount
    tracking_error: float


class PlanView(Schema):
    id: UUID
    kind: Literal["open", "close"]
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
    allowance: float = Field(
        description="how far the price may move before a leg is not filled, 0.005 = 0.5 %"
    )
    warnings: list[str]
    executable: bool
    blocked_reason: str
    created_at: datetime
    expires_at: datetime


PositionState = Literal["opening", "active", "closing", "closed", "unwound", "needs_attention"]


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


class Overview(Schema):
    """Everything of the signed-in user, in USDT. ``open_pnl`` (price P&L of what is held) + ``realised_pnl``
    (price P&L of what was closed) - ``fees`` + ``funding`` is the result of all positions there ever were.
    ``equity`` and ``available`` are the sums over connections as the venue last told them."""

    equity: Amount | None
    available: Amount | None
    as_of: datetime | None
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
