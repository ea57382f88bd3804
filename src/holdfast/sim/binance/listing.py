"""Which pairs the simulated Binance lists, and how it writes their numbers: always eight decimals."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from holdfast.sim.instruments import SPOT, SimInstrument
from holdfast.sim.market import Market

EIGHT: Final = 10**8
VOLUME_SHARE: Final = 4
"""The simulated Binance trades so many times what the other venue does in the same pair."""
_NEVER_MS: Final = 2**62
_FINEST: Final = Decimal("0.00000001")
_STATUS: Final = {"Trading": "TRADING", "Closed": "BREAK"}
_ORDER_TYPES: Final = [
    "LIMIT", "LIMIT_MAKER", "MARKET", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pair:
    """``tick`` and ``lot`` in units of 1e-8; ``place`` on the market's spot board, ``column`` on its tape."""

    one: SimInstrument
    tick: int
    lot: int
    place: int
    column: int

    @property
    def symbol(self) -> str:
        return self.one.symbol


class Listing:
    """Pairs whose price grid can be written with eight decimals."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._pairs: dict[str, Pair] = {}
        board = market.board(SPOT)
        for place, one in enumerate(board.instruments):
            if one.tick >= _FINEST:
                self._pairs[one.symbol] = Pair(
                    one, _eighths(one.tick), _eighths(one.lot), place, int(board.columns[place])
                )

    def find(self, symbol: str) -> Pair | None:
        """The pair, if it is listed now."""
        pair = self._pairs.get(symbol)
        return pair if pair is not None and self.status(pair) else None

    def status(self, pair: Pair) -> str:
        """TRADING or BREAK; "" before it is listed."""
        return _STATUS.get(self._market.instruments[pair.one.key].status, "")

    def end_ms(self, pair: Pair) -> int:
        """When its trading ended, or will end; far in the future if it does not."""
        shown = self._market.instruments[pair.one.key]
        planned = 0 if shown.status == "Trading" else pair.one.delivery_ms
        return shown.delivery_ms or planned or _NEVER_MS

    def all(self) -> list[Pair]:
        """Every pair listed now, by symbol."""
        return [pair for _, pair in sorted(self._pairs.items()) if self.status(pair)]

    def trading(self) -> list[Pair]:
        return [pair for pair in self.all() if self.status(pair) == "TRADING"]

    def row(self, pair: Pair) -> dict[str, Any]:
        """A member of exchangeInfo's ``symbols``."""
        one = pair.one
        return {
            "symbol": one.symbol,
            "status": self.status(pair),
            "baseAsset": one.base,
            "baseAssetPrecision": 8,
            "quoteAsset": one.quote,
            "quotePrecision": 8,
            "quoteAssetPrecision": 8,
            "baseCommissionPrecision": 8,
            "quoteCommissionPrecision": 8,
            "orderTypes": _ORDER_TYPES,
            "icebergAllowed": True,
            "ocoAllowed": True,
            "otoAllowed": True,
            "opoAllowed": True,
            "quoteOrderQtyMarketAllowed": True,
            "allowTrailingStop": True,
            "cancelReplaceAllowed": True,
            "amendAllowed": True,
            "pegInstructionsAllowed": True,
            "isSpotTradingAllowed": True,
            "isMarginTradingAllowed": False,
            "filters": _filters(pair),
            "permissions": [],
            "permissionSets": [["SPOT"]],
            "defaultSelfTradePreventionMode": "EXPIRE_MAKER",
            "allowedSelfTradePreventionModes": ["EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH"],
        }


def _filters(pair: Pair) -> list[dict[str, Any]]:
    one = pair.one
    tick, lot = eight(pair.tick), eight(pair.lot)
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": tick,
            "maxPrice": eight(10_000_000 * pair.tick),
            "tickSize": tick,
        },
        {
            "filterType": "LOT_SIZE",
            "minQty": eight(_eighths(one.min_qty)),
            "maxQty": eight(_eighths(one.max_limit_qty)),
            "stepSize": lot,
        },
        {"filterType": "ICEBERG_PARTS", "limit": 10},
        {
            "filterType": "MARKET_LOT_SIZE",
            "minQty": eight(0),
            "maxQty": eight(_eighths(one.max_market_qty)),
            "stepSize": eight(0),
        },
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": "5",
            "bidMultiplierDown": "0.2",
            "askMultiplierUp": "5",
            "askMultiplierDown": "0.2",
            "avgPriceMins": 5,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": eight(_eighths(one.min_notional)),
            "applyMinToMarket": True,
            "maxNotional": "9000000.00000000",
            "applyMaxToMarket": False,
            "avgPriceMins": 5,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": 200},
        {"filterType": "MAX_NUM_ALGO_ORDERS", "maxNumAlgoOrders": 5},
    ]


def eight(units: int) -> str:
    """``units`` of 1e-8 with eight decimals, exactly."""
    sign = "-" if units < 0 else ""
    whole, rest = divmod(abs(units), EIGHT)
    return f"{sign}{whole}.{rest:08d}"


def _eighths(value: Decimal) -> int:
    return int(value * EIGHT)
