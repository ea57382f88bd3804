"""Choosing the members of an index. Pure.

Members change on the index's calendar, when its definition changes, or when one of them can no longer be
traded; never because a figure wobbles between polls.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import numpy as np

from holdfast.core.instruments import Instrument
from holdfast.indices import methodology
from holdfast.indices.catalogue import Basket, Calendar, Dominance, IndexDefinition
from holdfast.indices.universe import (
    Coin,
    CoinKind,
    Listing,
    ineligible_reason,
    largest,
    untradable_reason,
)
from holdfast.indices.valuation import Composition, Member


def is_due(
    definition: IndexDefinition,
    current: Composition | None,
    coins: Mapping[str, Coin],
    instruments: Mapping[str, Instrument],
    now: datetime,
    missing_limit: timedelta,
) -> bool:
    """Whether the members must be chosen anew."""
    if current is None or current.version != definition.version:
        return True
    if current.effective_at < _period_start(definition.calendar, now):
        return True
    return any(_must_leave(member, coins, instruments, now, missing_limit) for member in current.members)


def _period_start(calendar: Calendar, now: datetime) -> datetime:
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight.replace(day=1) if calendar is Calendar.MONTHLY else midnight


def _must_leave(
    member: Member,
    coins: Mapping[str, Coin],
    instruments: Mapping[str, Instrument],
    now: datetime,
    missing_limit: timedelta,
) -> bool:
    coin = coins.get(member.asset_id)
    if coin is None or coin.kind is not CoinKind.COIN or now - coin.fetched_at > missing_limit:
        return True
    return untradable_reason(member.symbol, instruments.get(member.symbol)) != ""


def reconstitute(
    definition: IndexDefinition,
    current: Composition | None,
    coins: Mapping[str, Coin],
    listings: Mapping[str, Listing],
    instruments: Mapping[str, Instrument],
    venue_prices: Mapping[str, float],
    now: datetime,
) -> Composition | None:
    """The members from ``now`` on, or ``None`` while the universe is too small or lacks what the index is of.

    ``coins`` are those of the newest poll; ``venue_prices`` are per unit of base, by symbol.
    """
    reasons = {
        coin.asset_id: _reason(coin, listings.get(coin.asset_id), instruments, venue_prices)
        for coin in coins.values()
    }
    chosen = _chosen(definition, coins, reasons)
    if not chosen:
        return None
    if not isinstance(definition.rule, Basket):
        members = tuple(_member(asset_id, listings[asset_id]) for asset_id in chosen)
        return Composition(definition.id, now, definition.version, members)
    return _basket(definition, definition.rule, current, chosen, coins, listings, venue_prices, now)


def _reason(
    coin: Coin,
    listing: Listing | None,
    instruments: Mapping[str, Instrument],
    venue_prices: Mapping[str, float],
) -> str:
    symbol = listing.symbol if listing else ""
    return ineligible_reason(coin, listing, instruments.get(symbol), venue_prices.get(symbol))


def _chosen(definition: IndexDefinition, coins: Mapping[str, Coin], reasons: Mapping[str, str]) -> list[str]:
    rule = definition.rule
    if isinstance(rule, Dominance):
        ranked = largest(coins, reasons, rule.count)
        return ranked if len(ranked) == rule.count and rule.numerator in ranked else []
    if isinstance(rule, Basket):
        ranked = largest(coins, reasons, rule.count)
        return ranked if len(ranked) == rule.count else []
    pair = [rule.numerator, rule.denominator]
    return pair if all(reasons.get(asset_id) == "" for asset_id in pair) else []


def _member(asset_id: str, listing: Listing, quantity: float = 0.0) -> Member:
    return Member(asset_id, listing.symbol, listing.multiplier, quantity)


def _basket(
    definition: IndexDefinition,
    rule: Basket,
    current: Composition | None,
    chosen: list[str],
    coins: Mapping[str, Coin],
    listings: Mapping[str, Listing],
    venue_prices: Mapping[str, float],
    now: datetime,
) -> Composition | None:
    """Quantities from capped weights, and the divisor that keeps the level where it was."""
    prices = np.array([_price(listings[i], venue_prices) for i in chosen])
    values = prices * np.array([coins[i].supply or 0.0 for i in chosen])
    quantities = methodology.basket_quantities(values, prices, methodology.capped_shares(values, rule.cap))
    level = rule.base if current is None else _level_now(current, coins, venue_prices)
    if level is None:
        return None
    members = tuple(
        _member(asset_id, listings[asset_id], float(quantity))
        for asset_id, quantity in zip(chosen, quantities, strict=True)
    )
    divisor = methodology.divisor_for(prices, quantities, level)
    return Composition(definition.id, now, definition.version, members, divisor)


def _price(listing: Listing, venue_prices: Mapping[str, float]) -> float:
    return venue_prices[listing.symbol] / listing.multiplier


def _level_now(
    composition: Composition, coins: Mapping[str, Coin], venue_prices: Mapping[str, float]
) -> float | None:
    """The level of the old members just before they change; a price the venue no longer gives is CoinGecko's
    last one. ``None`` if a member has no price at all."""
    total = 0.0
    for member in composition.members:
        venue_price = venue_prices.get(member.symbol)
        coin = coins.get(member.asset_id)
        price = venue_price / member.multiplier if venue_price else (coin.price if coin else None)
        if not price:
            return None
        total += price * member.quantity
    return total / composition.divisor
