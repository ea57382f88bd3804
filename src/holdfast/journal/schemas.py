"""The journal as the API tells it."""

import unicodedata
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from holdfast.core.money import Amount
from holdfast.platform.schemas import Schema

MOST_TAGS: Final = 20
MOST_IMAGES: Final = 8
MOST_FILLS: Final = 200
LONGEST_TEXT: Final = 20_000

_EARLIEST: Final = datetime(2009, 1, 3, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)


def _printable(text: str) -> str:
    if any(unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t" for sign in text):
        raise ValueError("control characters are no text")
    return text


def _line(text: str) -> str:
    return _printable(" ".join(text.split()))


def _paragraphs(text: str) -> str:
    return _printable(text.replace("\r\n", "\n").replace("\r", "\n").rstrip())


def tag_of(text: str) -> str:
    """A tag as it is kept: "#Break  Out" is "break out"."""
    tag = " ".join(unicodedata.normalize("NFKC", text).casefold().split()).lstrip("#").strip()
    if "," in tag:
        raise ValueError("a tag holds no comma")
    return _printable(tag)


def _moment(moment: datetime) -> datetime:
    if not _EARLIEST <= moment <= _LATEST:
        raise ValueError("this is not in the time of markets: choose one between 2009 and 2100")
    return moment.astimezone(UTC)


def _distinct(tags: list[str]) -> list[str]:
    return sorted(set(tags))


SeriesName = Annotated[str, Field(pattern=r"^([a-z0-9-]{1,20}:[A-Za-z0-9._-]{1,40})?$")]
Line = Annotated[str, AfterValidator(_line)]
Paragraphs = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_paragraphs)]
Tag = Annotated[
    str, Field(max_length=200), AfterValidator(tag_of), StringConstraints(min_length=1, max_length=40)
]
Tags = Annotated[list[Tag], Field(max_length=MOST_TAGS), AfterValidator(_distinct)]
Moment = Annotated[AwareDatetime, AfterValidator(_moment)]
Price = Annotated[Decimal, Field(gt=0, max_digits=28, decimal_places=12, allow_inf_nan=False)]
Quantity = Annotated[Decimal, Field(gt=0, max_digits=28, decimal_places=12, allow_inf_nan=False)]
Fees = Annotated[Decimal, Field(max_digits=28, decimal_places=12, allow_inf_nan=False)]

Direction = Literal["long", "short"]
Mood = Literal["calm", "confident", "eager", "anxious", "greedy", "frustrated", "bored"]


class PositionTrade(Schema):
    """One of the user's positions, open or closed."""

    kind: Literal["position"]
    position_id: UUID


class FillsTrade(Schema):
    """Some of the user's fills, of one symbol on one account, by their execution ids."""

    kind: Literal["fills"]
    fills: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_printable)]],
        Field(min_length=1, max_length=MOST_FILLS),
    ]


class HandTrade(Schema):
    """A trade made elsewhere. ``quantity`` in coins, money in USDT; without an exit it is still open.
    ``fees`` are positive when paid."""

    kind: Literal["hand"]
    direction: Direction
    quantity: Quantity
    entry_price: Price
    entry_at: Moment
    exit_price: Price | None = None
    exit_at: Moment | None = None
    fees: Fees = Decimal(0)

    @model_validator(mode="after")
    def _exit_is_whole(self) -> Self:
        if (self.exit_price is None) != (self.exit_at is None):
            raise ValueError("an exit has a price and a time: give both, or neither while it is open")
        if self.exit_at is not None and self.exit_at < self.entry_at:
            raise ValueError("the exit is before the entry")
        return self


TradeWish = Annotated[PositionTrade | FillsTrade | HandTrade, Field(discriminator="kind")]


class NewEntry(Schema):
    """``happened_at``: the moment the note is about. ``series``: "" for none. ``images``: pictures that were
    sent before, in the order they are shown."""

    title: Annotated[Line, StringConstraints(min_length=1, max_length=160)]
    text: Paragraphs = ""
    series: SeriesName = ""
    happened_at: Moment
    mood: Mood | None = None
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    setup: Annotated[Line, StringConstraints(max_length=60)] = ""
    tags: Tags = Field(default_factory=list)
    trade: TradeWish | None = None
    images: Annotated[list[UUID], Field(max_length=MOST_IMAGES)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _images_differ(self) -> Self:
        if len(set(self.images)) != len(self.images):
            raise ValueError("a picture is named twice")
        return self


class ChangedEntry(NewEntry):
    """The whole entry as it is to be. ``version`` is of the entry that was read."""

    version: Annotated[int, Field(ge=1)]


class TradeWanted(Schema):
    trade: TradeWish


class LegView(Schema):
    """One instrument of a trade. ``quantity`` is all that was entered, ``open_quantity``, signed, what is
    still held; prices are averages. ``pnl`` is None while a price is missing."""

    symbol: str
    direction: Direction
    quantity: Amount
    open_quantity: Amount
    entry_price: Amount | None
    exit_price: Amount | None
    fees: Amount
    funding: Amount
    pnl: Amount | None


class TradeView(Schema):
    """A trade as the ledger has it now, or (``kind`` hand) as its owner typed it. Money in USDT.

    ``pnl`` = ``price_pnl`` - ``fees`` + ``funding``, while it is open at the latest prices. ``value`` is what
    was entered, at entry prices. Prices and quantity are None where there are several legs. ``other_fees``
    were paid in other coins and are not in the result.
    """

    kind: Literal["position", "fills", "hand"]
    state: Literal["open", "closed"]
    series: str
    name: str
    direction: Direction
    entry_at: datetime | None
    exit_at: datetime | None
    quantity: Amount | None
    entry_price: Amount | None
    exit_price: Amount | None
    value: Amount
    fees: Amount
    funding: Amount
    price_pnl: Amount | None
    pnl: Amount | None
    other_fees: list[str]
    legs: list[LegView]
    position_id: UUID | None
    fills: list[str]


class ImageView(Schema):
    """GET /api/journal/images/{id} has the picture itself."""

    id: UUID
    content_type: str
    width: int
    height: int
    size: int


class EntryView(Schema):
    id: UUID
    version: int
    title: str
    text: str
    series: str
    happened_at: datetime
    mood: Mood | None
    rating: int | None
    setup: str
    tags: list[str]
    trade: TradeView | None
    images: list[ImageView]
    created_at: datetime
    updated_at: datetime


class EntryRef(Schema):
    """What is kept of the answer to a write, so that no text outlives its entry."""

    id: UUID
    version: int


class JournalMark(Schema):
    """An entry on a chart: ``time`` is when it happened, in UTC seconds."""

    id: UUID
    time: int
    title: str
    mood: Mood | None
    has_trade: bool


class LabelView(Schema):
    """Something that was written before, and how often."""

    name: str
    entries: int


class LabelsView(Schema):
    """What to offer while one types, most used first."""

    tags: list[LabelView]
    setups: list[LabelView]
    series: list[LabelView]


GroupBy = Literal["tag", "symbol", "setup", "mood", "weekday", "hour", "direction"]


class FiguresView(Schema):
    """Figures of closed trades; each trade counts once, however many entries tell of it. Money in USDT.

    ``win_rate`` is a share (0.5 = half); a trade that ended at zero is neither won nor lost.
    ``profit_factor``: what was won over what was lost; None where nothing was lost. ``expectancy``: the
    average result in units of the average loss; None where nothing was lost. ``holding_seconds``: on
    average.
    """

    trades: int
    won: int
    lost: int
    win_rate: float | None
    total: Amount
    average: Amount | None
    average_win: Amount | None
    average_loss: Amount | None
    profit_factor: float | None
    expectancy: float | None
    largest_loss: Amount | None
    holding_seconds: float | None


class GroupView(FiguresView):
    """``key``: the tag, series, setup, mood, direction, weekday (0 = Monday) or hour (of entry, UTC); "" for
    none."""

    key: str
    label: str


class CurvePoint(Schema):
    """``total``: the result of all trades until this one was over."""

    at: datetime
    pnl: Amount
    total: Amount


class StatisticsView(Schema):
    """``open``: trades that are not over and not counted. ``by_hand``: counted trades that were typed. The
    curve holds the newest ``MOST_POINTS`` trades."""

    by: GroupBy
    overall: FiguresView
    groups: list[GroupView]
    curve: list[CurvePoint]
    open: int
    by_hand: int
