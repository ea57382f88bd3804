"""Strategies on paper as the API tells them."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import Field

from holdfast.backtest.schemas import Traded, Trading
from holdfast.core.money import Amount
from holdfast.core.timeframes import Timeframe
from holdfast.platform.schemas import Schema
from holdfast.scripts.schemas import Name

MOST_RUNNING: Final = 20
"""Of one user at a time: everything that is not stopped."""
MOST_KEPT: Final = 100

State = Literal["paper", "paused", "stopped", "failed"]
EventKind = Literal[
    "started",
    "paused",
    "resumed",
    "stopped",
    "closed",
    "failed",
    "error",
    "gap",
    "signal",
    "alert",
    "repainted",
]


class NewStrategy(Trading):
    """Run a script on the closed bars of a series, on paper. Without ``version`` its newest one."""

    name: Name
    script_id: UUID
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class StrategyName(Schema):
    name: Name


class StrategyScript(Schema):
    """``deleted``: it is in no list any more; the strategy goes on with its version."""

    id: UUID
    version: int
    name: str
    deleted: bool


class StrategyFault(Schema):
    """Why the script gave nothing on the last bar, or why the strategy failed."""

    kind: str
    message: str
    line: int | None = None


class StrategyTick(Schema):
    """How a strategy is now. Money in quote coin on paper; ``quantity`` is signed.

    ``last_bar`` is the opening of the last bar it was run on, ``target`` and ``signal`` what the script said
    there; that is traded at the open of the next bar. ``price``: the newest one known, at ``price_at``.
    ``closing``: stopped, and its position is closed at the next minute's open. ``waiting``: why the next bar
    is late, "" if it is not. ``repainted``: run again over the same bars, the script said something else.
    """

    id: UUID
    name: str
    state: State
    closing: bool
    series: str
    timeframe: Timeframe
    last_bar: datetime | None
    next_due: datetime | None
    target: float | None
    signal: float | None
    quantity: Amount
    entry: Amount | None
    price: Amount | None
    price_at: datetime | None
    equity: Amount
    pnl: Amount
    pnl_share: float
    changed_at: datetime
    waiting: str
    error: StrategyFault | None
    repainted: bool


class StrategyView(StrategyTick, Traded):
    """A strategy with what it was started with. ``quote``: the coin of all money, "" if it is not known."""

    script: StrategyScript
    quote: str
    started_at: datetime
    cash: Amount
    fees: Amount


class StrategiesTick(Schema):
    """Pushed on ``strategies``: all of a user's, newest first."""

    strategies: list[StrategyTick]


class StrategyEventView(Schema):
    """``bar``: the opening of the bar it is about."""

    id: int
    kind: EventKind
    text: str
    at: datetime
    bar: datetime | None


class StrategyFillView(Schema):
    """A trade on paper at the open of the bar ``bar``; ``at``: when it was booked. ``value``: price times
    quantity. ``reason``: the script's target, the end of a stopped strategy, or a short that lost all."""

    id: int
    at: datetime
    bar: datetime
    side: Literal["buy", "sell"]
    quantity: Amount
    price: Amount
    fee: Amount
    value: Amount
    reason: Literal["target", "stop", "ruin"]
