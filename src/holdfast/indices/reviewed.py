"""The reviewed tables: what each coin is, and which instrument trades it. Written by people, keyed by
CoinGecko's id; never derived from tickers."""

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any

import orjson

from holdfast.indices.universe import CoinKind, Listing


@dataclass(frozen=True, slots=True)
class Alias:
    """A ticker and when the asset had it."""

    ticker: str
    valid_from: datetime
    valid_to: datetime | None


@dataclass(frozen=True, slots=True)
class ReviewedAsset:
    """``asset_id`` is ours and never changes, even when CoinGecko renames the coin."""

    asset_id: str
    kind: CoinKind
    aliases: tuple[Alias, ...] = ()


@cache
def assets() -> dict[str, ReviewedAsset]:
    """CoinGecko id → what it is. A coin with a reviewed instrument and no other entry is a plain coin."""
    reviewed = {coin_id: _asset(coin_id, entry) for coin_id, entry in _table("assets.json").items()}
    for coin_id in _table("bybit_linear.json"):
        reviewed.setdefault(coin_id, ReviewedAsset(coin_id, CoinKind.COIN))
    return reviewed


@cache
def listings() -> dict[str, Listing]:
    """Asset id → its USDT perpetual at Bybit."""
    known = assets()
    return {
        known[coin_id].asset_id: Listing(entry["symbol"], entry.get("multiplier", 1))
        for coin_id, entry in _table("bybit_linear.json").items()
    }


def _asset(coin_id: str, entry: dict[str, Any]) -> ReviewedAsset:
    aliases = tuple(
        Alias(
            alias["ticker"],
            datetime.fromisoformat(alias["from"]),
            datetime.fromisoformat(alias["to"]) if "to" in alias else None,
        )
        for alias in entry.get("aliases", [])
    )
    return ReviewedAsset(entry.get("id", coin_id), CoinKind(entry["kind"]), aliases)


def _table(name: str) -> dict[str, dict[str, Any]]:
    content = resources.files("holdfast.indices").joinpath("data", name).read_bytes()
    table: dict[str, dict[str, Any]] = orjson.loads(content)
    return table
