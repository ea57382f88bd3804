"""Price bands and the protection price of market orders (bybit_linear.md, sections 3 and 5.1)."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from holdfast.core.money import ceil_to, floor_to
from holdfast.sim.bybit.ports import Instrument, Market

MAJOR_LEVERAGE: Final = 75
MAJOR_RATIOS: Final = (Decimal("0.01"), Decimal("0.02"))
OTHER_RATIOS: Final = (Decimal("0.05"), Decimal("0.1"))
MARKET_PROTECTION: Final = Decimal("0.05")


@dataclass(frozen=True, slots=True)
class Band:
    """The highest price of a buy and the lowest of a sell, on the tick grid."""

    highest_buy: Decimal
    lowest_sell: Decimal

    def allows(self, side: str, price: Decimal) -> bool:
        return price <= self.highest_buy if side == "Buy" else price >= self.lowest_sell

    def nearest(self, side: str, price: Decimal) -> Decimal:
        return min(price, self.highest_buy) if side == "Buy" else max(price, self.lowest_sell)


def ratios(instrument: Instrument) -> tuple[Decimal, Decimal]:
    """(X, Y) of ``riskParameters``."""
    return MAJOR_RATIOS if instrument.max_leverage >= MAJOR_LEVERAGE else OTHER_RATIOS


def band(market: Market, instrument: Instrument, index: Decimal) -> Band:
    """Linear: the formula of [account/set-price-limit] with α = 1 and the premium of this moment for P.
    Spot: last price ± X."""
    x, y = ratios(instrument)
    if instrument.category == "spot":
        last = market.last_price("spot", instrument.symbol)
        return _on_ticks(last * (1 + x), last * (1 - x), instrument.tick)
    mark = market.mark_price("linear", instrument.symbol)
    top = market.book("linear", instrument.symbol, 1)
    mid = (top.bids[0][0] + top.asks[0][0]) / 2 if top.bids and top.asks else mark
    premium = mid - mark
    highest = min(mark * (1 + y), max(index, mark * (1 + x) + max(Decimal(0), premium)))
    lowest = max(mark * (1 - y), min(index, mark * (1 - x) + min(Decimal(0), premium)))
    return _on_ticks(highest, lowest, instrument.tick)


def protection(reference: Decimal, side: str, tick: Decimal) -> Decimal:
    """The worst price of a market order: ``reference`` (mark price, or last price on spot) ± 5 %."""
    if side == "Buy":
        return floor_to(reference * (1 + MARKET_PROTECTION), tick) * tick
    return max(tick, ceil_to(reference * (1 - MARKET_PROTECTION), tick) * tick)


def tolerance(best: Decimal, side: str, kind: str, size: Decimal, tick: Decimal) -> Decimal:
    """The worst price under a slippage tolerance counted from the best opposite price."""
    distance = size * tick if kind == "TickSize" else best * size / 100
    worst = best + distance if side == "Buy" else best - distance
    return max(tick, (floor_to(worst, tick) if side == "Buy" else ceil_to(worst, tick)) * tick)


def _on_ticks(highest: Decimal, lowest: Decimal, tick: Decimal) -> Band:
    return Band(floor_to(highest, tick) * tick, max(tick, ceil_to(lowest, tick) * tick))
