"""What the API says about limits, stops and flattening."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from holdfast.core.money import Amount
from holdfast.platform.schemas import Schema

Money = Annotated[Amount, Field(gt=0, max_digits=20, decimal_places=2, allow_inf_nan=False)]
Share = Annotated[Amount, Field(gt=0, le=1, max_digits=9, decimal_places=6, allow_inf_nan=False)]
Scope = Literal["instance", "user", "position"]
LONGEST_REASON = 300


class Limits(Schema):
    """How far new risk may go, in USDT. ``null``: no limit of one's own; the installation's applies.

    ``daily_loss`` counts from 00:00 UTC: price P&L, open and closed, minus fees, plus funding. ``drawdown``
    and ``price_band`` are shares (0.1 = 10 %): from the highest value since the limit was set, and of the
    index price.
    """

    order_notional: Money | None = None
    instrument_notional: Money | None = None
    sleeve_notional: Money | None = None
    gross_notional: Money | None = None
    daily_loss: Money | None = None
    drawdown: Share | None = None
    orders_per_minute: Annotated[int, Field(ge=1, le=100_000)] | None = None
    price_band: Share | None = None


class InstrumentUsage(Schema):
    symbol: str
    notional: Amount


class LimitUsage(Schema):
    """Where things stand. Notionals count what is held and what orders under way may still add, each at the
    mark price. ``day_pnl`` is signed; ``daily_loss`` is how much of that limit is used. ``equity`` and
    ``peak`` are the account's value (for one position: its size plus P&L); without a drawdown limit of one's
    own the peak is the one that the installation's is measured from. ``unpriced`` are held symbols without
    any price: they are not in the sums."""

    gross_notional: Amount
    sleeve_notional: Amount
    instrument_notional: Amount
    instruments: list[InstrumentUsage]
    day_pnl: Amount
    daily_loss: Amount
    equity: Amount | None
    peak: Amount | None
    peak_since: datetime | None
    drawdown: Amount | None
    orders_per_minute: int
    unpriced: list[str]
    as_of: datetime


class LimitsView(Schema):
    """``effective`` is what counts: the stricter of ``user`` and ``defaults``."""

    user: Limits
    defaults: Limits
    effective: Limits
    usage: LimitUsage


class PositionLimitsView(Schema):
    position: Limits
    user: Limits
    defaults: Limits
    effective: Limits
    usage: LimitUsage


class StopView(Schema):
    """No new risk is taken while it stands; what reduces risk goes on. ``instance``: everybody on this
    installation, lifted only by its operator. ``flatten_id``: what is or was closed under it."""

    id: UUID
    scope: Scope
    position_id: UUID | None
    reason: str
    by: str
    since: datetime
    flatten_id: UUID | None = None


class StopsTick(Schema):
    """Pushed on ``stops``: something changed, read the lists again."""

    changed: Literal[True] = True
    in_force: int
    newest_at: datetime | None
    flattening: int


class _Scoped(Schema):
    scope: Literal["user", "position"]
    position_id: UUID | None = None

    @model_validator(mode="after")
    def _names_its_position(self) -> "_Scoped":
        if (self.scope == "position") != (self.position_id is not None):
            raise ValueError("position_id belongs to scope “position”, and only to it")
        return self


class NewStop(_Scoped):
    reason: str = Field(default="", max_length=LONGEST_REASON)


class NewFlatten(_Scoped):
    """Close everything of this scope, and stop new risk in it."""


class FlattenPositionView(Schema):
    position_id: UUID
    state: Literal["waiting", "closing", "done", "partly"]
    execution_id: UUID | None
    text: str


class FlattenView(Schema):
    id: UUID
    scope: Literal["user", "position"]
    state: Literal["running", "done", "partly"]
    stop_id: UUID
    positions: list[FlattenPositionView]
    created_at: datetime
    finished_at: datetime | None
