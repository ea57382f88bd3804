"""What the simulated venue lists: well-known symbols on the grids of ``instruments.json``, others by rule.

BTCUSDT carries the values printed in Bybit's own documentation of instruments-info; the other well-known ones
are of the same kind (multiplied symbols, differing steps and funding intervals) without being a recording.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.resources import files
from typing import Final

from holdfast.sim.coins import DELISTED, SimCoin, day_ms

LINEAR: Final = "linear"
SPOT: Final = "spot"
ANNOUNCED_BEFORE_MS: Final = 14 * 86_400_000
DELIVERING_MS: Final = 30 * 60_000
_HOUR_MS: Final = 3_600_000
_FIRST_LAUNCH_MS: Final = day_ms(2020, 3, 27)
_PRELAUNCH: Final = {55: day_ms(2027, 2, 1), 61: day_ms(2035, 1, 1)}
"""Which generated coins have a contract that does not trade yet, and when it starts."""
_QUARTERS: Final = tuple(
    (day_ms(year, month, day) + 8 * _HOUR_MS, f"{day:02d}{name}{year % 100}")
    for year, month, day, name in (
        (2026, 12, 25, "DEC"), (2027, 3, 26, "MAR"), (2027, 6, 25, "JUN"),
        (2027, 9, 24, "SEP"), (2027, 12, 31, "DEC"),
    )
)  # fmt: skip
_WITHOUT_CONTRACT: Final = frozenset({"leo-token", "okb", "gatechain-token", "kucoin-shares", "bitget-token"})
_PEGGED_CONTRACTS: Final = frozenset({"usd-coin", "ethena-usde", "pax-gold", "tether-gold"})


@dataclass(frozen=True, slots=True)
class SimInstrument:
    """One symbol of one category. ``multiplier`` coins make one unit of base (1000 for 1000PEPEUSDT);
    ``delivery_ms`` is 0 until a delisting is announced; spot: ``lot`` is basePrecision, ``min_notional``
    minOrderAmt, ``funding_interval_minutes`` 0."""

    symbol: str
    category: str
    base: str
    quote: str
    settle: str
    coin_id: str
    multiplier: int
    tick: Decimal
    lot: Decimal
    min_qty: Decimal
    min_notional: Decimal
    max_market_qty: Decimal
    max_limit_qty: Decimal
    max_leverage: Decimal
    funding_interval_minutes: int
    status: str
    launch_ms: int
    delivery_ms: int
    contract_type: str
    symbol_id: int
    symbol_type: str

    @property
    def key(self) -> tuple[str, str]:
        return self.category, self.symbol

    @property
    def is_perpetual(self) -> bool:
        return self.contract_type == "LinearPerpetual"


def scheduled(coins: Iterable[SimCoin]) -> list[SimInstrument]:
    """Every instrument there ever is; ``delivery_ms`` is the planned end even before it is announced."""
    coins = list(coins)
    table = json.loads(files("holdfast.sim").joinpath("instruments.json").read_text())
    linear_rows = {row[0]: row for row in table["linear"]}
    spot_rows = {row[0]: row for row in table["spot"]}
    generated = [coin for coin in coins if coin.generated]
    ends = {generated[rank].id: day + 8 * _HOUR_MS for rank, day in DELISTED.items()}
    ends |= {c.id: c.redenominations[0][0] + 8 * _HOUR_MS for c in generated if c.redenominations}
    starts = {generated[rank].id: at for rank, at in _PRELAUNCH.items()}
    made: list[SimInstrument] = []
    for coin in coins:
        if _has_contract(coin, generated):
            made.append(_linear(coin, linear_rows.get(coin.id), starts.get(coin.id, 0), ends.get(coin.id, 0)))
        if _has_spot(coin, starts):
            made.append(_spot(coin, spot_rows.get(coin.id), ends.get(coin.id, 0)))
    made += _dated_and_usdc(made)
    unique = {instrument.key: instrument for instrument in reversed(made)}
    return [
        replace(one, symbol_id=number)
        for number, one in enumerate(sorted(unique.values(), key=lambda i: i.key), 1)
    ]


def as_of(instrument: SimInstrument, now_ms: int) -> SimInstrument:
    """The instrument as the venue shows it at ``now_ms``: an unannounced end is not visible yet."""
    end = instrument.delivery_ms
    if now_ms < instrument.launch_ms:
        status = "PreLaunch"
    elif end and now_ms >= end:
        status = "Delivering" if now_ms < end + DELIVERING_MS and instrument.category == LINEAR else "Closed"
    else:
        status = "Trading"
    announced = instrument.contract_type == "LinearFutures" or (end and now_ms >= end - ANNOUNCED_BEFORE_MS)
    return replace(instrument, status=status, delivery_ms=end if announced else 0)


def next_change_ms(instruments: Iterable[SimInstrument], now_ms: int) -> int:
    """When the first of ``instruments`` changes what ``as_of`` says; far in the future if none does."""
    moments = [
        moment
        for one in instruments
        for moment in (
            one.launch_ms,
            one.delivery_ms,
            one.delivery_ms - ANNOUNCED_BEFORE_MS if one.delivery_ms else 0,
            one.delivery_ms + DELIVERING_MS if one.delivery_ms else 0,
        )
        if moment > now_ms
    ]
    return min(moments, default=2**62)


def _has_contract(coin: SimCoin, generated: list[SimCoin]) -> bool:
    if coin.parent or coin.id in _WITHOUT_CONTRACT or coin.symbol == "usdt":
        return False
    if coin.pegged:
        return coin.id in _PEGGED_CONTRACTS
    return not coin.generated or generated.index(coin) % 12 != 11


def _has_spot(coin: SimCoin, starts: dict[str, int]) -> bool:
    return coin.symbol != "usdt" and coin.id not in starts and coin.sector != "stock"


def _linear(coin: SimCoin, row: list[str] | None, starts: int, ends: int) -> SimInstrument:
    volatile = coin.daily_vol > 0.06
    if row is None:
        multiplier = 1000 if coin.price < 5e-5 else 1
        base = f"{multiplier if multiplier > 1 else ''}{coin.symbol.upper()}"
        tick, lot = _grid(coin.price * multiplier)
        limit, market = _maxima(coin, multiplier, lot)
        leverage = Decimal(10 if coin.sector == "stock" else 25)
        funding = 60 if volatile else 240
    else:
        _, base, multiplier, tick, lot, limit, market, leverage, funding = (
            row[0], row[1], int(row[2]), *map(Decimal, row[3:8]), int(row[8])
        )  # fmt: skip
    return SimInstrument(
        symbol=f"{base}USDT", category=LINEAR, base=base, quote="USDT", settle="USDT", coin_id=coin.id,
        multiplier=multiplier, tick=tick, lot=lot, min_qty=lot, min_notional=Decimal(5),
        max_market_qty=market, max_limit_qty=limit, max_leverage=leverage,
        funding_interval_minutes=funding, status="Trading", launch_ms=starts or _FIRST_LAUNCH_MS,
        delivery_ms=ends, contract_type="LinearPerpetual", symbol_id=0,
        symbol_type="stock" if coin.sector == "stock" else ("innovation" if volatile else ""),
    )  # fmt: skip


def _spot(coin: SimCoin, row: list[str] | None, ends: int) -> SimInstrument:
    base = coin.symbol.upper()
    if row is None:
        tick, coarse = _grid(coin.price)
        lot = coarse / 100
        limit, market = _maxima(coin, 1, lot)
    else:
        tick, lot, limit, market = map(Decimal, row[3:7])
    return SimInstrument(
        symbol=f"{base}USDT", category=SPOT, base=base, quote="USDT", settle="", coin_id=coin.id,
        multiplier=1, tick=tick, lot=lot, min_qty=lot, min_notional=Decimal(5 if row else 1),
        max_market_qty=market, max_limit_qty=limit, max_leverage=Decimal(1),
        funding_interval_minutes=0, status="Trading", launch_ms=_FIRST_LAUNCH_MS,
        delivery_ms=ends, contract_type="", symbol_id=0, symbol_type="",
    )  # fmt: skip


def _dated_and_usdc(made: list[SimInstrument]) -> list[SimInstrument]:
    """Quarterly futures and USDC perpetuals: the kinds a careful reader of ``category=linear`` must skip."""
    majors = {one.base: one for one in made if one.category == LINEAR and one.base in ("BTC", "ETH", "SOL")}
    usdc = [
        replace(one, symbol=f"{base}PERP", quote="USDC", settle="USDC", max_leverage=Decimal(50))
        for base, one in majors.items()
    ]
    dated = [
        replace(
            majors[base],
            symbol=f"{base}USDT-{name}",
            contract_type="LinearFutures",
            funding_interval_minutes=0,
            launch_ms=end - 182 * 86_400_000,
            delivery_ms=end,
            max_leverage=Decimal(25),
        )
        for base in ("BTC", "ETH")
        for end, name in _QUARTERS
    ]
    return usdc + dated


def _grid(price: float) -> tuple[Decimal, Decimal]:
    """A tick of four to five significant digits and a lot worth between 2 cents and 20 cents."""
    tick = _power_of_ten(max(math.floor(math.log10(price)) - 4, -10))
    lot = _power_of_ten(math.floor(math.log10(0.2 / price)))
    return tick, min(max(lot, Decimal("0.001")), Decimal(10000))


def _power_of_ten(exponent: int) -> Decimal:
    """In plain notation: 100 is 100, not 1E+2, so that quantities counted in it print plainly."""
    return Decimal(10**exponent) if exponent >= 0 else Decimal(1).scaleb(exponent)


def _maxima(coin: SimCoin, multiplier: int, lot: Decimal) -> tuple[Decimal, Decimal]:
    """Maximum limit and market quantity: two per cent of a day's volume, and a fifth of that."""
    units = max(coin.daily_volume * 0.02, 20_000) / (coin.price * multiplier)
    limit = max(_power_of_ten(math.floor(math.log10(units))) * int(f"{units:e}"[0]), lot * 1000)
    return limit, limit // (5 * lot) * lot
