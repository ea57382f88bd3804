"""What the venue does to accounts over their heads: ADL, liquidation, delisting, a restart, a clean sweep."""

from decimal import Decimal

from holdfast.core.money import floor_to
from holdfast.sim.bybit import liquidation
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.margin import Margin
from holdfast.sim.bybit.matching import Matching
from holdfast.sim.bybit.ports import Market
from holdfast.sim.bybit.publisher import Publisher
from holdfast.sim.bybit.records import Position
from holdfast.sim.bybit.settlement import Settlement


class Forced:
    """Closing goes at the mark price and without a fee (sim rule)."""

    def __init__(
        self,
        market: Market,
        matching: Matching,
        settlement: Settlement,
        publisher: Publisher,
        margin: Margin,
    ) -> None:
        self._market = market
        self._matching = matching
        self._settlement = settlement
        self._publisher = publisher
        self._margin = margin

    def close(
        self, account: Account, position: Position, now_ms: int, *, how: str, size: Decimal | None = None
    ) -> None:
        """Close ``size`` of a position, or all of it: Delivery, AdlTrade or BustTrade."""
        self._matching.settle_funding(account, position.symbol, now_ms)
        at = self._market.mark_price("linear", position.symbol)
        wanted = position.size if size is None else min(size, position.size)
        execution = self._settlement.force_close(account, position, at, wanted, now_ms, how=how)
        self._publisher.executions(account, [execution])
        self._publisher.position(account, position.symbol, position.idx)
        self._publisher.wallet(account, now_ms)

    def adl(self, account: Account, position: Position, share: Decimal, now_ms: int) -> None:
        """Auto-deleverage this share of a position; its open orders go first."""
        lot = self._market.instruments["linear", position.symbol].lot
        size = max(lot, floor_to(position.size * share, lot) * lot)
        self._cancel(account, now_ms, "CancelAllBeforeAdl", symbol=position.symbol)
        position.status = "Adl"
        self._publisher.position(account, position.symbol, position.idx)
        self.close(account, position, now_ms, how="AdlTrade", size=size)
        position.status = "Normal"
        self._publisher.position(account, position.symbol, position.idx)

    def liquidate(self, account: Account, positions: list[Position], now_ms: int) -> None:
        """Take these positions over; all open linear orders of the account go first."""
        self._cancel(account, now_ms, "CancelAllBeforeLiq")
        for position in positions:
            position.status = "Liq"
            self._publisher.position(account, position.symbol, position.idx)
            self.close(account, position, now_ms, how="BustTrade")
            position.status = "Normal"

    def liquidate_if_due(self, account: Account, now_ms: int) -> None:
        """First the orders go, then position by position until the rest is covered again."""
        if not liquidation.is_due(account, self._margin, now_ms):
            return
        self._cancel(account, now_ms, "CancelAllBeforeLiq")
        while liquidation.is_due(account, self._margin, now_ms):
            self.liquidate(account, [liquidation.worst(account, self._margin)], now_ms)

    def deliver(self, account: Account, ended: set[tuple[str, str]], now_ms: int) -> None:
        """Cancel orders in contracts that are no longer traded, and close positions at the mark price."""
        for order in list(account.open_orders.values()):
            if (order.category, order.symbol) in ended:
                self._matching.cancel(account, order, now_ms, cancel_type="CancelBySettle")
        for position in list(account.positions.values()):
            if position.quantity and ("linear", position.symbol) in ended:
                self.close(account, position, now_ms, how="Delivery")

    def cancel_everything(self, account: Account, now_ms: int) -> None:
        for order in list(account.open_orders.values()):
            self._matching.cancel(account, order, now_ms, cancel_type="CancelByAdmin")

    def _cancel(self, account: Account, now_ms: int, cancel_type: str, symbol: str = "") -> None:
        for order in list(account.open_orders.values()):
            if order.category == "linear" and symbol in ("", order.symbol):
                self._matching.cancel(account, order, now_ms, cancel_type=cancel_type)
