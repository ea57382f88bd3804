"""Scripts as the API tells them."""

from datetime import datetime
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, StrictBool, StrictFloat, StrictInt, StringConstraints

from holdfast.core.timeframes import Timeframe
from holdfast.market.candles.service import MOST_BARS
from holdfast.platform.schemas import Schema
from holdfast.scripts.language.output import (
    LONGEST_NAME,
    LONGEST_TEXT,
    MOST_INPUTS,
    FaultKind,
    InputKind,
    Pane,
    Place,
    PlotKind,
    Shape,
)
from holdfast.scripts.language.run import MOST_SOURCE

_LAST_SECOND: Final = 4_102_444_800

FindingKind = Literal["future", "random", "start"]


def _readable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("this is no text")
    return text


def _short(source: str) -> str:
    if len(source.encode()) > MOST_SOURCE:
        raise ValueError(f"a script may have at most {MOST_SOURCE // 1024} KiB")
    return source


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("control characters are no text")
    return text


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_printable),
]
Source = Annotated[str, Field(max_length=MOST_SOURCE), AfterValidator(_readable), AfterValidator(_short)]
SeriesName = Annotated[str, StringConstraints(min_length=3, max_length=60), AfterValidator(_readable)]
InputValue = (
    StrictBool
    | StrictInt
    | Annotated[StrictFloat, Field(allow_inf_nan=False)]
    | Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_readable)]
)
_InputName = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_readable)]
Inputs = Annotated[dict[_InputName, InputValue], Field(max_length=MOST_INPUTS)]


# --- what a run tells ---------------------------------------------------------------------------------------


class ScriptInput(Schema):
    """Something the user may choose: a number from ``min`` to ``max``, or one of ``options``."""

    name: str
    label: str
    kind: InputKind
    default: bool | int | float | str
    min: float | None
    max: float | None
    step: float | None
    options: list[str] | None
    help: str


class ScriptPlot(Schema):
    """One column of values. ``colour`` is one of eight."""

    id: str
    label: str
    kind: PlotKind
    pane: Pane
    colour: int


class ScriptLine(Schema):
    """A level across the pane of the script."""

    value: float
    label: str
    colour: int


class ScriptMarker(Schema):
    """What is drawn at the bars where its column is 1."""

    label: str
    shape: Shape
    at: Place
    colour: int


class CountedMarker(ScriptMarker):
    """With the number of bars it stands at."""

    count: int


class CountedAlert(Schema):
    """With the number of bars at which it would have been told."""

    message: str
    count: int


class ScriptFault(Schema):
    """Why a script gave nothing. ``kind``: it cannot be read (``syntax``), it failed (``script``), it took
    too much (``limit``), it asked for what is not allowed (``refused``), or what it gave is no result
    (``result``). ``line`` counts from 1."""

    kind: FaultKind
    message: str
    line: int | None


class ScriptFinding(Schema):
    """A value that should have stayed the same and did not. ``future``: it changed once later bars were
    there. ``random``: the same run gave another. ``start``: it depends on where the history begins. ``time``:
    UTC seconds of the first such bar."""

    kind: FindingKind
    output: str
    time: int | None
    text: str


class ScriptFindings(Schema):
    """What looking for values from the future found: a search, not a proof. ``runs`` were compared over
    ``bars`` of ``series`` (of made-up bars, if it is ``None``); not ``complete`` if time ran out or one of
    them failed. ``unchecked``: it was not looked for. ``warmup``: bars after which the values had forgotten
    where the bars began, if they did."""

    state: Literal["clean", "suspect", "unchecked"]
    findings: list[ScriptFinding] = Field(default_factory=list)
    complete: bool = False
    runs: int = 0
    bars: int = 0
    warmup: int | None = None
    series: str | None = None
    timeframe: Timeframe | None = None


class RecentRow(Schema):
    """One of the last bars: ``values`` in the order of the plots, ``None`` where there is none."""

    time: int
    close: float
    values: list[float | None]
    signal: float | None
    target: float | None
    markers: list[str]


class SignalCounts(Schema):
    up: int
    down: int


class TargetSummary(Schema):
    """Of the weights that are given: NaN is hold."""

    given: int
    lowest: float | None
    highest: float | None


class OutputsView(Schema):
    """What one run gave, in short. ``recent``: the last bars, oldest first."""

    plots: list[ScriptPlot]
    lines: list[ScriptLine]
    markers: list[CountedMarker]
    alerts: list[CountedAlert]
    signals: SignalCounts | None
    target: TargetSummary | None
    recent: list[RecentRow]


class CheckWanted(Schema):
    """A source to be tried. Without ``series``: what a new chart shows."""

    source: Source
    inputs: Inputs = Field(default_factory=dict)
    series: SeriesName | None = None
    timeframe: Timeframe | None = None


class CheckView(Schema):
    """What a source does on the last bars of a series; ``series`` is ``None`` if they were made up because
    none are here. ``outputs`` are missing if there is an ``error``."""

    title: str
    overlay: bool
    pane: str
    inputs: list[ScriptInput]
    outputs: OutputsView | None
    logs: list[str]
    error: ScriptFault | None
    findings: ScriptFindings
    series: str | None
    timeframe: Timeframe
    bars: int


class ValuesWanted(Schema):
    """Values of a source that is not saved, over a page of bars."""

    source: Source
    inputs: Inputs = Field(default_factory=dict)
    series: SeriesName
    timeframe: Timeframe = Timeframe.M1
    before: Annotated[int, Field(ge=0, le=_LAST_SECOND)] | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_BARS)] = 500


# --- what is kept -------------------------------------------------------------------------------------------


class NewScript(Schema):
    name: Name
    source: Source


class ScriptChange(Schema):
    """``version``: the one that was read, to which ``source`` is the next. Without ``name`` that stays."""

    name: Name | None = None
    source: Source
    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class ScriptSummary(Schema):
    """A script without its source. ``title``, ``overlay`` and ``inputs`` are what its newest version said."""

    id: UUID
    name: str
    version: int
    title: str
    overlay: bool
    inputs: list[ScriptInput]
    error: ScriptFault | None
    findings: ScriptFindings
    created_at: datetime
    updated_at: datetime


class ScriptSaved(Schema):
    """What a save has made: GET /api/scripts/{id} tells the rest. It is kept for repeats, so it is small."""

    id: UUID
    name: str
    version: int
    sha256: str
    updated_at: datetime


class VersionSummary(Schema):
    number: int
    title: str
    sha256: str
    created_at: datetime


class VersionView(VersionSummary):
    """One version, which never changes."""

    script_id: UUID
    source: str
    overlay: bool
    pane: str
    inputs: list[ScriptInput]
    error: ScriptFault | None
    findings: ScriptFindings


class ScriptView(ScriptSummary):
    """A script as it is now, and its versions, newest first."""

    pane: str
    source: str
    sha256: str
    versions: list[VersionSummary]


class ScriptExample(Schema):
    """A script to begin with."""

    id: str
    name: str
    about: str
    source: str


class ReferenceEntry(Schema):
    """A name a script may use."""

    name: str
    kind: Literal["function", "value", "module"]
    signature: str
    help: str


class ReferenceView(Schema):
    names: list[ReferenceEntry]
