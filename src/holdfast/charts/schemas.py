"""What charts ask and are told."""

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
