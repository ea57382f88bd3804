"""Back-tests as the API tells them."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, model_validator

from holdfast.core.money import Amount
from holdfast.core.timeframes import Timeframe
from holdfast.platform.schemas import Schema
from holdfast.scripts.schemas import Inputs, InputValue, SeriesName

State = Literal["queued", "running", "done", "failed", "cancelled"]
Stage = Literal["queued", "history", "bars", "script", "causality", "trading", "figures", "done"]
WarningKind = Literal["look-ahead", "gaps", "repaint", "warm-up", "other"]

_EARLIEST: Final = datetime(2009, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def _moment(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("this is not in the time of markets: choose one between 2009 and 2100")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Rate = Annotated[Decimal, Field(ge=0, le=Decimal("0.1"), decimal_places=8, allow_inf_nan=False)]
Capital = Annotated[
    Decimal, Field(gt=0, le=Decimal(10) ** 12, max_digits=20, decimal_places=8, allow_inf_nan=False)
]
Size = Annotated[Decimal, Field(gt=0, le=1, decimal_places=8, allow_inf_nan=False)]


class Traded(Schema):
    """With what a script or signals were traded. Money in quote coin."""

    inputs: dict[str, InputValue]
    series: str
    timeframe: Timeframe
    capital: Amount
    fee_rate: Amount
    slippage: Amount
    allow_short: bool
    signal_size: Amount


class Trading(Schema):
    """What is traded and with what, in a back-test and on paper alike.

    ``capital`` in quote coin. ``fee_rate`` of each trade's value; ``slippage``: by how much its price is
    worse than the open of its bar. Both are shares: 0.001 is 0.1 %. ``signal_size``: the share of the capital
    that a signal holds; a script's target() says its own.
    """

    inputs: Inputs = Field(default_factory=dict)
    series: SeriesName
    timeframe: Timeframe
    capital: Capital = Decimal(10_000)
    fee_rate: Rate = Decimal("0.001")
    slippage: Rate = Decimal("0.0005")
    allow_short: bool = False
    signal_size: Size = Decimal(1)


class ScriptWanted(Schema):
    """Without a ``version`` the newest."""

    kind: Literal["script"]
    script_id: UUID
    version: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None


class SignalsWanted(Schema):
    """A dataset of your own signals."""

    kind: Literal["signals"]
    dataset_id: UUID


class NewBacktest(Trading):
    """``since`` and ``until``: which bars; all that are there, if they are missing."""

    source: Annotated[ScriptWanted | SignalsWanted, Field(discriminator="kind")]
    since: Moment | None = None
    until: Moment | None = None

    @model_validator(mode="after")
    def _begins_before_it_ends(self) -> Self:
        if self.since is not None and self.until is not None and self.since >= self.until:
            raise ValueError("since must be before until")
        return self


class BacktestScript(Schema):
    kind: Literal["script"] = "script"
    script_id: UUID
    version: int
    name: str
    deleted: bool


class BacktestSignals(Schema):
    kind: Literal["signals"] = "signals"
    dataset_id: UUID
    name: str


class BacktestSettings(Traded):
    since: datetime | None
    until: datetime | None


class BacktestProgress(Schema):
    """``done`` of ``total``: bars while they are fetched and read, else runs of the script; 0 of 0 where
    nothing is counted."""

    stage: Stage
    done: int
    total: int


class BacktestFailure(Schema):
    """``kind``: of the script (syntax | script | limit | refused | result), or data | worker. ``line`` counts
    from 1."""

    kind: Literal["syntax", "script", "limit", "refused", "result", "data", "worker"]
    message: str
    line: int | None = None


class BacktestWarning(Schema):
    """``look-ahead``: the result cannot be trusted, because the script uses what it could not have known."""

    kind: WarningKind
    message: str
    detail: str = ""


class BacktestFigures(Schema):
    """Money in quote coin; everything else is a share of one, a count or seconds, and ``None`` where it makes
    no sense. ``equity``: at the last close. ``hold_…``: of buying at the beginning and holding, at the same
    costs. Drawdowns are zero or below. Trades are round trips that are over; ``fees`` are of all fills.
    Formulas and their sources: docs/backtests.md."""

    equity: Amount
    profit: Amount
    fees: Amount
    total_return: float
    hold_return: float
    cagr: float | None
    max_drawdown: float
    drawdown_seconds: int
    hold_max_drawdown: float
    volatility: float | None
    sharpe: float | None
    sortino: float | None
    calmar: float | None
    exposure: float
    turnover: float
    trades: int
    wins: int
    losses: int
    win_rate: float | None
    profit_factor: float | None
    average_trade: Amount | None
    best_trade: Amount | None
    worst_trade: Amount | None
    holding_seconds: int | None


class BacktestView(Schema):
    """``quote``: the coin of all money, empty where it is not known. ``took``: seconds. ``sparkline``: equity
    at up to 60 moments. ``revision``: which state of the series' history was read."""

    id: UUID
    name: str
    state: State
    created_at: datetime
    finished_at: datetime | None
    took: float | None
    source: Annotated[BacktestScript | BacktestSignals, Field(discriminator="kind")]
    settings: BacktestSettings
    quote: str
    progress: BacktestProgress
    error: BacktestFailure | None
    warnings: list[BacktestWarning]
    figures: BacktestFigures | None
    sparkline: list[float]
    bars: int | None
    first_bar: datetime | None
    last_bar: datetime | None
    revision: str | None


class BacktestTrade(Schema):
    """A round trip. ``entry`` and ``exit`` are average prices; what is still open at the end has neither
    ``exit`` nor ``closed_at`` and counts at the last close. ``quantity``: what was entered. ``profit`` after
    fees; ``profit_share`` of what was entered."""

    number: int
    side: Literal["long", "short"]
    opened_at: datetime
    closed_at: datetime | None
    entry: Amount
    exit: Amount | None
    quantity: Amount
    profit: Amount
    profit_share: float
    fees: Amount
    bars: int
