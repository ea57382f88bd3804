"""What the API says about indices."""

from datetime import datetime
from typing import Literal

from holdfast.core.money import Amount
from holdfast.platform.schemas import Schema

IndexKind = Literal["ratio", "basket"]
HistoryRange = Literal["1D", "1W", "1M", "3M", "1Y"]


class IndexSummary(Schema):
    """``level`` in ``unit`` ("%", "ratio" or "points"); ``None`` until inputs have arrived. ``stale_reason``
    is empty while every input is fresh; otherwise trading is blocked. ``spark``: about 48 levels of the
    last day, oldest first."""

    id: str
    name: str
    symbol: str
    kind: IndexKind
    unit: Literal["%", "ratio", "points"]
    tagline: str
    level: float | None
    change_24h: float | None
    as_of: datetime | None
    stale_reason: str
    spark: list[float]
    member_count: int


class IndexMember(Schema):
    """``weight`` is the signed target weight of a long position per unit of size; ``share`` the part of the
    universe's market cap. ``None`` while prices are missing."""

    asset_id: str
    name: str
    ticker: str
    symbol: str
    share: float | None
    weight: float | None
    price: float | None
    change_24h: float | None
    market_cap: float | None
    stale: bool


class ExcludedAsset(Schema):
    asset_id: str
    name: str
    ticker: str
    reason: str


class MinimumSize(Schema):
    """``size`` is the least size whose plan stays within the tracking bound, ``full_size`` the least at which
    no leg is left out; both in USDT. ``reason`` says in words which leg decides."""

    size: Amount
    full_size: Amount
    reason: str


class IndexDetail(IndexSummary):
    version: str
    methodology: list[str]
    gross_per_unit: float | None
    members: list[IndexMember]
    excluded: list[ExcludedAsset]
    minimum: MinimumSize | None
    attribution: str = "Data provided by CoinGecko"


class LevelPoint(Schema):
    at: datetime
    level: float


class IndexHistory(Schema):
    index_id: str
    range: HistoryRange
    points: list[LevelPoint]
    note: str = ""


class LevelTick(Schema):
    """Pushed on the stream topic ``index:{id}`` and, for all indices, ``indices``."""

    index_id: str
    level: float | None
    change_24h: float | None
    as_of: datetime | None
    stale_reason: str
    members: dict[str, float]
    """asset id → price"""
