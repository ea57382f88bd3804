"""Own data as the API tells it."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from holdfast.core.money import Amount
from holdfast.platform.schemas import Schema

Kind = Literal["bars", "signals"]
State = Literal["waiting", "checking", "writing", "ready", "failed"]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]
SeriesName = Annotated[str, StringConstraints(min_length=3, max_length=60)]


class RowProblem(Schema):
    """Rows count from 1, a header included."""

    row: int
    message: str


class DatasetView(Schema):
    """``rows`` of the file, of which ``rows_done`` are stored. ``wrong_rows`` counts the rows that cannot be
    read, up to 100,000; ``problems`` are the first 200 of them. ``timeframe`` is of bars only."""

    id: UUID
    kind: Kind
    name: str
    series: str
    file_name: str
    size: int
    state: State
    rows: int
    rows_done: int
    wrong_rows: int
    problems: list[RowProblem]
    error: str
    timeframe: str | None
    first_at: datetime | None
    last_at: datetime | None
    created_at: datetime
    updated_at: datetime


class QuotaView(Schema):
    """How much of what one user may keep is used."""

    datasets: int
    most_datasets: int
    rows: int
    most_rows: int
    most_bytes: int
    most_rows_of_one: int
    most_signals: int


class DatasetsView(Schema):
    """Newest first; problems are told of each by itself."""

    datasets: list[DatasetView]
    quota: QuotaView


class NewDataset(Schema):
    """The fields of the form beside the file. ``series``: what signals are attached to."""

    kind: Kind = "bars"
    name: Name
    series: SeriesName | None = None
    timeframe: Annotated[str, Field(max_length=4)] | None = None


class Upload(NewDataset):
    """The form with the fingerprint of its file: what makes two requests the same."""

    file_name: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^/\\\x00-\x1f]+$")]
    size: int
    sha256: str


class DatasetChange(Schema):
    """What is missing stays. ``series``: attach signals to another one."""

    name: Name | None = None
    series: SeriesName | None = None


class SignalView(Schema):
    """``time`` in UTC seconds; ``color`` is #rrggbb or the name of one of the page's colours."""

    dataset_id: UUID
    number: int
    time: int
    type: str
    price: Amount | None
    label: str
    color: str
    icon: str


class SignalsView(Schema):
    """Oldest first; ``more``: there are more in the span than were asked for."""

    series: str
    signals: list[SignalView]
    more: bool
