"""What CoinGecko says about one coin by itself."""

from datetime import UTC, datetime
from typing import Any

from holdfast.sim.coingecko.context import Context
from holdfast.sim.coingecko.quotes import CURRENCIES
from holdfast.sim.coins import SimCoin, category_names


def coin_details(context: Context) -> Any:
    coin = context.coin()
    quote = context.all[coin.id]
    rates = {currency: context.quotes.rate(currency, context.now_ms) for currency in CURRENCIES}
    figures = {"current_price": quote.price, "market_cap": quote.cap, "total_volume": quote.volume}
    return identity(coin) | {
        "platforms": platforms(coin),
        "categories": [category_names()[category] for category in coin.categories],
        "market_cap_rank": quote.rank,
        "market_data": {
            name: {c: None if value is None else value * rate for c, rate in rates.items()}
            for name, value in figures.items()
        }
        | {
            "circulating_supply": quote.supply,
            "total_supply": quote.supply,
            "max_supply": quote.max_supply,
            "last_updated": iso(quote.updated_ms),
        },
        "last_updated": iso(quote.updated_ms),
    }


def identity(coin: SimCoin) -> dict[str, Any]:
    return {
        "id": coin.id,
        "symbol": coin.symbol,
        "name": coin.name,
        "localization": {"en": coin.name},
        "image": {size: image(coin, size) for size in ("thumb", "small", "large")},
    }


def platforms(coin: SimCoin) -> dict[str, str | None]:
    """Made-up addresses, for the coins that are tokens."""
    native = "layer-1" in coin.categories
    return {} if native else {"ethereum": f"0x{abs(_address_of(coin.id)):040x}"}


def _address_of(text: str) -> int:
    """A number for ``text`` that is the same in every process."""
    return int.from_bytes(text.encode()[:20], "big")


def image(coin: SimCoin, size: str) -> str:
    return f"https://coin-images.coingecko.com/coins/images/0/{size}/{coin.id}.png"


def iso(at_ms: int) -> str:
    """CoinGecko's form of a moment."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
