"""Coins, instruments and quotes for the tests of the indices."""

from datetime import UTC, datetime
from decimal import Decimal

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.indices.universe import Coin, CoinKind
from holdfast.market.quotes import LiveQuote

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def coin(
    asset_id: str,
    *,
    price: float | None = 1.0,
    supply: float | None = 1e9,
    cap: float | None = None,
    **changes,
) -> Coin:
    if cap is None and price and supply:
        cap = price * supply
    values = {
        "asset_id": asset_id,
        "name": asset_id.title(),
        "ticker": asset_id[:3].upper(),
        "kind": CoinKind.COIN,
        "supply": supply,
        "price": price,
        "market_cap": cap,
        "source_at": NOW,
        "fetched_at": NOW,
    }
    return Coin(**(values | changes))


def instrument(symbol: str, **changes) -> Instrument:
    values = {
        "symbol": symbol,
        "kind": InstrumentKind.LINEAR,
        "base": symbol.removesuffix("USDT"),
        "quote": "USDT",
        "tick": Decimal("0.0001"),
        "lot": Decimal("0.001"),
        "min_quantity": Decimal("0.001"),
        "min_notional": Decimal("5"),
        "max_market_quantity": Decimal("1000000"),
        "max_limit_quantity": Decimal("1000000"),
        "status": InstrumentStatus.TRADING,
    }
    return Instrument(**(values | changes))


def quote(symbol: str, price: float | str, **changes) -> LiveQuote:
    value = Decimal(str(price))
    values = {
        "symbol": symbol,
        "bid": value,
        "ask": value,
        "last": value,
        "mark": value,
        "index": value,
        "prev_24h": value,
        "turnover_24h": Decimal("1000000"),
        "funding_rate": Decimal("0.0001"),
        "at": NOW,
    }
    return LiveQuote(**(values | changes))
