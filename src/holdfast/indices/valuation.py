"""An index at one moment: prices, values, weights, level, and what is wrong with the inputs. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from holdfast.indices import methodology
from holdfast.indices.catalogue import Basket, Dominance, IndexDefinition
from holdfast.indices.methodology import Floats
from holdfast.indices.universe import Coin, mismatch_reason

QUOTE_LIMIT = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Member:
    """``quantity`` is the frozen number of coins of a basket, 0 where supplies or prices decide."""

    asset_id: str
    symbol: str
    multiplier: int
    quantity: float = 0.0


@dataclass(frozen=True, slots=True)
class Composition:
    """The members of an index since ``effective_at``, in the order of the reconstitution."""

    index_id: str
    effective_at: datetime
    version: str
    members: tuple[Member, ...]
    divisor: float = 1.0


@dataclass(frozen=True, slots=True)
class MemberPrice:
    """Prices in USDT per coin. ``trouble`` is "" while the price is fresh and plausible."""

    now: float
    day_ago: float | None
    at: datetime
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Valuation:
    """Arrays are in the order of the composition's members."""

    level: float
    change_24h: float | None
    as_of: datetime
    prices: Floats
    shares: Floats
    weights: Floats
    troubles: tuple[str, ...]
    """One per member; "" is fine."""


def coin_price(
    coin: Coin,
    member: Member,
    venue_price: float | None,
    day_ago: float | None,
    at: datetime | None,
    now: datetime | None,
) -> MemberPrice:
    """The live price of a member; CoinGecko's, marked as trouble, while the venue has none.

    Without ``now`` its age is not judged.
    """
    label = f"{coin.name} ({member.symbol})"
    if not venue_price or at is None:
        return MemberPrice(
            coin.price or 0.0, None, coin.source_at, f"Bybit has not sent a price of {label} yet."
        )
    price = venue_price / member.multiplier
    before = day_ago / member.multiplier if day_ago else None
    if now and now - at > QUOTE_LIMIT:
        seconds = QUOTE_LIMIT.total_seconds()
        return MemberPrice(
            price, before, at, f"Bybit's price of {label} is more than {seconds:.0f} seconds old."
        )
    mismatch = mismatch_reason(coin, price)
    return MemberPrice(price, before, at, f"{coin.name}: {mismatch}." if mismatch else "")


def value(
    definition: IndexDefinition,
    composition: Composition,
    coins: Mapping[str, Coin],
    prices: list[MemberPrice],
) -> Valuation:
    """The index with these prices, one per member in order.

    Raises:
        ValueError: a price or a supply is missing altogether, so there is no level.
    """
    now = np.array([price.now for price in prices])
    quantities = _quantities(definition, composition, coins)
    if not (np.all(now > 0) and np.all(quantities > 0)):
        raise ValueError("a price or a supply is missing")
    values = now * quantities
    level = level_of(definition, composition, values)
    before = [price.day_ago for price in prices]
    change = None
    if all(before):
        day_ago = np.array(before, dtype=np.float64) * quantities
        change = level / level_of(definition, composition, day_ago) - 1
    return Valuation(
        level=level,
        change_24h=change,
        as_of=min(price.at for price in prices),
        prices=now,
        shares=methodology.shares(values),
        weights=_weights(definition, composition, values),
        troubles=tuple(price.trouble for price in prices),
    )


def _quantities(definition: IndexDefinition, composition: Composition, coins: Mapping[str, Coin]) -> Floats:
    members = composition.members
    if isinstance(definition.rule, Basket):
        return np.array([member.quantity for member in members])
    if isinstance(definition.rule, Dominance):
        return np.array([coins[member.asset_id].supply or 0.0 for member in members])
    return np.ones(len(members))


def level_of(definition: IndexDefinition, composition: Composition, values: Floats) -> float:
    """The level at these values (price times quantity, or market cap), one per member in order."""
    if isinstance(definition.rule, Basket):
        return float(values.sum() / composition.divisor)
    return definition.scale * methodology.ratio_level(values, *_sides(definition, composition))


def _weights(definition: IndexDefinition, composition: Composition, values: Floats) -> Floats:
    if isinstance(definition.rule, Basket):
        return methodology.shares(values)
    return methodology.ratio_weights(values, *_sides(definition, composition))


def _sides(
    definition: IndexDefinition, composition: Composition
) -> tuple[methodology.Mask, methodology.Mask]:
    rule = definition.rule
    assert not isinstance(rule, Basket)
    ids = [member.asset_id for member in composition.members]
    numerator = np.array([asset_id == rule.numerator for asset_id in ids])
    if isinstance(rule, Dominance):
        return numerator, np.ones(len(ids), dtype=bool)
    return numerator, np.array([asset_id == rule.denominator for asset_id in ids])
