"""What charts ask and are told."""

from datetime import datetime
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, model_validator

from holdfast.core.money import Amount
from holdfast.core.timeframes import Timeframe
from holdfast.platform.schemas import Schema
from holdfast.scripts.ta.catalogue import InputKind, Pane, PlotKind


class IndicatorInput(Schema):
    """Something the user may choose: a number from ``min`` to ``max``, or one of ``options``."""

    name: str
    label: str
    kind: InputKind
    default: int | float | str
    min: float | None
    max: float | None
    options: list[str] | None


class IndicatorPlot(Schema):
    """One column of values. ``colour`` is one of eight. A band is filled to the plot ``band_with``."""

    id: str
    label: str
    kind: PlotKind
    pane: Pane
    colour: int
    band_with: str | None


class IndicatorView(Schema):
    """One indicator of the catalogue. ``levels`` are lines to draw across its own pane."""

    id: str
    name: str
    group: str
    about: str
    inputs: list[IndicatorInput]
    plots: list[IndicatorPlot]
    levels: list[float]


# --- what users keep ----------------------------------------------------------------------------------------

MOST_CELLS: Final = 4
MOST_HIDDEN: Final = 100
MOST_INPUTS: Final = 64
MOST_LAYOUTS: Final = 50
MOST_DRAWINGS: Final = 200
MOST_DRAWN_SERIES: Final = 500
MOST_ALERTS: Final = 100
MOST_FIRED: Final = 500
LATEST_FIRED: Final = 20

SeriesName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,20}:[A-Za-z0-9._-]{1,40}$")]
Text = Annotated[str, AfterValidator(lambda text: _printable(text))]
Second = Annotated[int, Field(ge=0, le=4_102_444_800)]
Price = Annotated[
    Amount, Field(gt=0, max_digits=28, decimal_places=12, description="In quote coin, as a plain string.")
]


def _printable(text: str) -> str:
    if any(sign < " " and sign not in "\n\t" for sign in text):
        raise ValueError("control characters are no text")
    return text


class ChartIndicator(Schema):
    """An indicator or a script of the user's on a chart. ``key`` tells two of the same kind apart."""

    key: Annotated[Text, Field(min_length=1, max_length=40)]
    id: Annotated[str, Field(pattern=r"^([a-z0-9_]{1,40}|script:[0-9a-f-]{36})$")]
    inputs: Annotated[
        dict[
            Annotated[Text, Field(min_length=1, max_length=80)],
            StrictBool
            | StrictInt
            | Annotated[StrictFloat, Field(allow_inf_nan=False)]
            | Annotated[Text, Field(max_length=80)],
        ],
        Field(max_length=MOST_INPUTS),
    ]
    hidden: bool = False


class ChartMarks(Schema):
    """Which marks are drawn on a chart. ``hidden_signals``: datasets of signals that are not."""

    fills: bool = True
    news: bool = True
    journal: bool = True
    hidden_signals: Annotated[list[UUID], Field(max_length=MOST_HIDDEN, default_factory=list)]


class ChartCell(Schema):
    """What one chart shows. ``compare``: other series drawn beside it in percent."""

    series: SeriesName
    timeframe: Timeframe
    type: Literal["candles", "heikin-ashi", "bars", "line", "area"] = "candles"
    scale: Literal["linear", "log", "percent"] = "linear"
    volume: bool = True
    compare: Annotated[list[SeriesName], Field(max_length=8, default_factory=list)]
    indicators: Annotated[list[ChartIndicator], Field(max_length=20, default_factory=list)]
    marks: Annotated[ChartMarks, Field(default_factory=lambda: ChartMarks.model_validate({}))]


class NewLayout(Schema):
    """``version``: of the layout as it was read; 0 for a new one. ``active``: the chart that keys act on."""

    version: Annotated[int, Field(ge=0)]
    name: Annotated[Text, Field(min_length=1, max_length=80)]
    is_default: bool = False
    active: Annotated[int, Field(ge=0, lt=MOST_CELLS)] = 0
    cells: Annotated[list[ChartCell], Field(min_length=1, max_length=MOST_CELLS)]

    @model_validator(mode="after")
    def _active_is_there(self) -> Self:
        if self.active >= len(self.cells):
            raise ValueError("active is the number of a chart of this layout, counted from 0")
        return self


class LayoutView(Schema):
    id: UUID
    version: int
    name: str
    is_default: bool
    active: int
    cells: list[ChartCell]
    updated_at: datetime


class Anchor(Schema):
    """``time``: UTC seconds. Drawings stand on times and prices, on every timeframe."""

    time: Second
    price: Annotated[Amount, Field(max_digits=40, decimal_places=18)]


class Drawing(Schema):
    """``colour`` is one of eight. Horizontal lines and texts have one anchor, the others two."""

    id: Annotated[Text, Field(min_length=1, max_length=40)]
    tool: Literal["trend", "ray", "horizontal", "rectangle", "fibonacci", "text", "measure"]
    anchors: Annotated[list[Anchor], Field(min_length=1, max_length=2)]
    text: Annotated[Text, Field(max_length=500)] = ""
    colour: Annotated[int, Field(ge=1, le=8)] = 1

    @model_validator(mode="after")
    def _enough_anchors(self) -> Self:
        needed = 1 if self.tool in ("horizontal", "text") else 2
        if len(self.anchors) != needed:
            raise ValueError(f"a drawing of the kind {self.tool} has {needed} anchor(s)")
        return self


class NewDrawings(Schema):
    """All drawings on a series. ``version`` is of those that were read; 0 if there were none."""

    version: Annotated[int, Field(ge=0)]
    drawings: Annotated[list[Drawing], Field(max_length=MOST_DRAWINGS)]

    @model_validator(mode="after")
    def _ids_differ(self) -> Self:
        if len({one.id for one in self.drawings}) != len(self.drawings):
            raise ValueError("two drawings have the same id")
        return self


class DrawingsView(Schema):
    series: str
    version: int
    drawings: list[Drawing]


Direction = Literal["above", "below", "either"]


class NewAlert(Schema):
    """Tell when the price of ``series`` comes to ``price`` from below (``above``), from above (``below``) or
    from either side; ``once``, or ``every`` time."""

    series: SeriesName
    direction: Direction
    price: Price
    repeat: Literal["once", "every"] = "once"
    note: Annotated[Text, Field(max_length=200)] = ""
    active: bool = True


class AlertView(Schema):
    """``fired_at``: the last time. One that was to fire ``once`` is not active any more afterwards."""

    id: UUID
    series: str
    direction: Direction
    price: Amount
    repeat: Literal["once", "every"]
    note: str
    active: bool
    created_at: datetime
    fired_at: datetime | None


class FiredAlertView(Schema):
    """The level ``price`` was reached; ``above``: from below. ``seen_price``: the price ``at`` that moment.
    Within a minute that was read afterwards, the moment is its end. ``number`` grows in the order in which
    they were noted."""

    id: UUID
    alert_id: UUID
    series: str
    direction: Literal["above", "below"]
    price: Amount
    seen_price: Amount
    number: int
    note: str
    at: datetime


class AlertsTick(Schema):
    """Pushed on the stream topic ``alerts``: all alerts, and those that were noted last to have fired, by
    their moments, newest first."""

    alerts: list[AlertView]
    fired: list[FiredAlertView]
