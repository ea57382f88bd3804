"""The arithmetic of a unified account in cross margin (bybit_linear.md, section 8 and section 15 point 4)."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.ports import Instrument, Market
from holdfast.sim.bybit.records import ZERO, Order, Position

COLLATERAL_RATIO: Final = {
    "USDT": Decimal(1),
    "USDC": Decimal(1),
    "BTC": Decimal("0.95"),
    "ETH": Decimal("0.95"),
}
OTHER_COLLATERAL: Final = Decimal("0.8")
SETTLE: Final = "USDT"


@dataclass(slots=True)
class Needs:
    """What the contracts settled in one coin earn and bind of it."""

    unrealised: Decimal = ZERO
    position_im: Decimal = ZERO
    position_mm: Decimal = ZERO
    order_im: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class CoinLine:
    """One coin of the wallet, amounts in that coin, ``price`` in USD."""

    coin: str
    wallet: Decimal
    locked: Decimal
    unrealised: Decimal
    position_im: Decimal
    position_mm: Decimal
    order_im: Decimal
    price: Decimal

    @property
    def equity(self) -> Decimal:
        return self.wallet + self.unrealised

    @property
    def borrowed(self) -> Decimal:
        return max(ZERO, -self.wallet)


@dataclass(frozen=True, slots=True)
class Wallet:
    """Account totals in USD."""

    coins: tuple[CoinLine, ...]
    haircut: Decimal

    def _usd(self, name: str) -> Decimal:
        total: Decimal = sum((getattr(line, name) * line.price for line in self.coins), ZERO)
        return total

    @property
    def wallet_balance(self) -> Decimal:
        return self._usd("wallet")

    @property
    def unrealised(self) -> Decimal:
        return self._usd("unrealised")

    @property
    def equity(self) -> Decimal:
        return self._usd("equity")

    @property
    def margin_balance(self) -> Decimal:
        return self.wallet_balance + self.unrealised

    @property
    def initial_margin(self) -> Decimal:
        return self._usd("position_im") + self._usd("order_im")

    @property
    def maintenance_margin(self) -> Decimal:
        return self._usd("position_mm")

    @property
    def available(self) -> Decimal:
        """What may back new orders; not below zero, as the venue shows it."""
        return max(ZERO, self.margin_balance - self.haircut - self.initial_margin)


class Margin:
    """Values accounts at the market's present prices."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._coin_ids: dict[str, str] = {}
        for instrument in market.instruments.values():
            if instrument.category == "spot":
                self._coin_ids.setdefault(instrument.base, instrument.coin_id)

    def mark(self, symbol: str) -> Decimal:
        return self._market.mark_price("linear", symbol)

    def usd_price(self, coin: str, now_ms: int) -> Decimal:
        """1 for the dollar coins; 0 for a coin nobody quotes."""
        if coin in ("USDT", "USDC", "USD"):
            return Decimal(1)
        coin_id = self._coin_ids.get(coin)
        return Decimal(f"{self._market.index_price(coin_id, now_ms):.8f}") if coin_id else ZERO

    def index_price(self, instrument: Instrument, now_ms: int) -> Decimal:
        """The index of a contract: the price of its coin times what the symbol multiplies it by."""
        coin = self._market.index_price(instrument.coin_id, now_ms)
        return Decimal(f"{coin * instrument.multiplier:.10g}")

    def wallet(self, account: Account, now_ms: int, *, skipping: Order | None = None) -> Wallet:
        """``skipping`` leaves the margin of one open order out, to ask what is available without it."""
        needs = self._needs(account, skipping)
        lines = []
        haircut = ZERO
        for coin in sorted({SETTLE, *account.balances, *needs}):
            need = needs.get(coin, Needs())
            line = CoinLine(
                coin=coin,
                wallet=account.balance(coin),
                locked=account.locked(coin),
                unrealised=round(need.unrealised, 8),
                position_im=round(need.position_im, 8),
                position_mm=round(need.position_mm, 8),
                order_im=round(need.order_im, 8),
                price=self.usd_price(coin, now_ms),
            )
            lines.append(line)
            ratio = COLLATERAL_RATIO.get(coin, OTHER_COLLATERAL)
            free = max(ZERO, line.wallet - line.locked)
            haircut += (free * (1 - ratio) + min(line.locked, max(ZERO, line.wallet))) * line.price
        return Wallet(tuple(lines), haircut)

    def _needs(self, account: Account, skipping: Order | None) -> dict[str, Needs]:
        """What positions and orders earn and bind, by settle coin."""
        needs: dict[str, Needs] = defaultdict(Needs)
        for position in account.positions.values():
            if position.quantity:
                mark = self.mark(position.symbol)
                need = needs[self._settle_coin(position.symbol)]
                need.unrealised += position.unrealised(mark)
                need.position_im += self.position_im(account, position, mark)
                need.position_mm += self.position_mm(account, position, mark)
        by_coin: dict[str, list[Order]] = defaultdict(list)
        for order in account.open_orders.values():
            if order.category == "linear" and order is not skipping:
                by_coin[self._settle_coin(order.symbol)].append(order)
        for coin, orders in by_coin.items():
            needs[coin].order_im = self.order_margin(account, orders)
        return needs

    def _settle_coin(self, symbol: str) -> str:
        return self._market.instruments["linear", symbol].settle

    def position_im(self, account: Account, position: Position, mark: Decimal) -> Decimal:
        """Value by mark price over leverage, plus the reserved fee of closing at the bankruptcy price."""
        leverage = account.leverage_of(position.symbol)
        return position.size * mark / leverage + self.closing_reserve(account, position, leverage)

    def position_mm(self, account: Account, position: Position, mark: Decimal) -> Decimal:
        leverage = account.leverage_of(position.symbol)
        rate = self.maintenance_rate(position.symbol)
        return position.size * mark * rate + self.closing_reserve(account, position, leverage)

    def maintenance_rate(self, symbol: str) -> Decimal:
        return 1 / (2 * self._market.instruments["linear", symbol].max_leverage)

    def closing_reserve(self, account: Account, position: Position, leverage: Decimal) -> Decimal:
        direction = 1 if position.quantity > 0 else -1
        return position.cost * (1 - direction / leverage) * account.taker_rate("linear", position.symbol)

    def order_margin(self, account: Account, orders: Iterable[Order]) -> Decimal:
        """Margin and taker fee of what increases exposure in open linear orders, each side for itself."""
        total = ZERO
        offsets: dict[tuple[str, int, str], Decimal] = {}
        for order in orders:
            if order.category != "linear" or order.reduce_only or not order.leaves:
                continue
            place = (order.symbol, order.position_idx, order.side)
            if place not in offsets:
                held = account.signed_size(order.symbol, order.position_idx)
                offsets[place] = max(ZERO, -held * order.sign)
            reducing = min(offsets[place], order.leaves)
            offsets[place] -= reducing
            increasing = order.leaves - reducing
            rate = 1 / account.leverage_of(order.symbol) + account.taker_rate("linear", order.symbol)
            total += increasing * order.margin_price * rate
        return total
