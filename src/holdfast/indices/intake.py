"""CoinGecko's rows as ours: read, judged by kind, keyed by our own ids. Pure."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from holdfast.indices.reviewed import ReviewedAsset
from holdfast.indices.universe import CoinKind, guessed_kind

_LARGEST = 1e19
"""What the columns hold."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One coin of one poll. Null, zero, negative and absurd figures are ``None``: unknown."""

    asset_id: str
    coingecko_id: str
    name: str
    ticker: str
    kind: CoinKind
    rank: int | None
    supply: Decimal | None
    price: Decimal | None
    market_cap: Decimal | None
    volume: Decimal | None
    source_at: datetime


def readings(
    rows: Iterable[Mapping[str, Any]], reviewed: Mapping[str, ReviewedAsset], now: datetime
) -> list[Reading]:
    """Every readable row, one per asset; a row without an id or a name is left out."""
    found: dict[str, Reading] = {}
    for row in rows:
        reading = _reading(row, reviewed, now)
        if reading is not None:
            found.setdefault(reading.asset_id, reading)
    return list(found.values())


def _reading(row: Mapping[str, Any], reviewed: Mapping[str, ReviewedAsset], now: datetime) -> Reading | None:
    coin_id, name, ticker = row.get("id"), row.get("name"), row.get("symbol")
    if not (isinstance(coin_id, str) and isinstance(name, str) and isinstance(ticker, str) and coin_id):
        return None
    price = _positive(row.get("current_price"))
    known = reviewed.get(coin_id)
    if known is not None:
        kind = known.kind
    else:
        kind = guessed_kind(coin_id, name, ticker, float(price) if price else None) or CoinKind.UNKNOWN
    rank = row.get("market_cap_rank")
    return Reading(
        asset_id=known.asset_id if known else coin_id,
        coingecko_id=coin_id,
        name=name[:100],
        ticker=ticker.upper()[:20],
        kind=kind,
        rank=rank if isinstance(rank, int) else None,
        supply=_positive(row.get("circulating_supply")),
        price=price,
        market_cap=_positive(row.get("market_cap")),
        volume=_positive(row.get("total_volume")),
        source_at=_moment(row.get("last_updated")) or now,
    )


def _positive(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or not 0 < value < _LARGEST:
        return None
    return Decimal(str(value))


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
