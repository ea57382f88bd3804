"""Pushes to the private streams of an account. Costs nothing while nobody listens."""

from collections.abc import Sequence

from holdfast.sim.bybit import views
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.margin import Margin
from holdfast.sim.bybit.ports import Market
from holdfast.sim.bybit.records import Execution, Order


class Publisher:
    def __init__(self, market: Market, margin: Margin) -> None:
        self._market = market
        self._margin = margin

    def order(self, account: Account, order: Order) -> None:
        if account.listeners:
            instrument = self._market.instruments[order.category, order.symbol]
            row = views.order_row(order, instrument, stream=True)
            self._tell(account, "order", order.category, [row])

    def executions(self, account: Account, executions: Sequence[Execution]) -> None:
        if account.listeners and executions:
            first = executions[0]
            instrument = self._market.instruments[first.category, first.symbol]
            rows = [views.execution_row(e, instrument, stream=True) for e in executions]
            self._tell(account, "execution", first.category, rows)
            trades = [views.fast_execution_row(e) for e in executions if e.exec_type == "Trade"]
            if trades:
                self._tell(account, "execution.fast", first.category, trades)

    def trade(self, account: Account, order: Order, executions: Sequence[Execution]) -> None:
        """An order with its new fills, in the sequence this account was told to expect; the pieces of a fill
        that was cut are told one by one."""
        if not account.spec.behaviour.executions_first:
            self.order(account, order)
        for told in [executions] if order.pieces == 1 else [[one] for one in executions]:
            self.executions(account, told)
        if account.spec.behaviour.executions_first:
            self.order(account, order)

    def position(self, account: Account, symbol: str, idx: int) -> None:
        if account.listeners:
            row = views.position_row(account, symbol, idx, self._market, self._margin, stream=True)
            self._tell(account, "position", "linear", [row])

    def wallet(self, account: Account, now_ms: int) -> None:
        if account.listeners:
            row = views.wallet_row(self._margin.wallet(account, now_ms), account)
            self._tell(account, "wallet", "", [row])

    def _tell(self, account: Account, topic: str, category: str, rows: list[views.Row]) -> None:
        for _ in range(2 if account.spec.behaviour.duplicate_pushes else 1):
            account.tell(topic, category, rows)
