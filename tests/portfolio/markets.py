"""Instruments and order books for tests."""

from decimal import Decimal

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.portfolio.sweep import LegMarket

TAKER = Decimal("0.00055")


def instrument(
    symbol: str = "BTCUSDT",
    *,
    tick: str = "0.1",
    lot: str = "0.001",
    least: str = "0.001",
    least_value: str = "5",
    most: str = "1000000000",
    status: InstrumentStatus = InstrumentStatus.TRADING,
) -> Instrument:
    return Instrument(
        symbol=symbol,
        kind=InstrumentKind.LINEAR,
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_quantity=Decimal(least),
        min_notional=Decimal(least_value),
        max_market_quantity=Decimal(most),
        max_limit_quantity=Decimal(most),
        status=status,
    )


def market(
    of: Instrument,
    ticks: int,
    *,
    levels: int = 20,
    depth: str = "1000000000",
    spread: int = 1,
    trouble: str = "",
) -> LegMarket:
    """A book of equal levels one tick apart; the best bid is ``ticks`` ticks."""
    return LegMarket(
        instrument=of,
        bids=tuple((of.price(ticks - i), Decimal(depth)) for i in range(min(levels, ticks))),
        asks=tuple((of.price(ticks + spread + i), Decimal(depth)) for i in range(levels)),
        taker=TAKER,
        trouble=trouble,
    )
