"""Funding at each symbol's own boundary, and the closing of positions whose contract was delisted."""

from decimal import Decimal
from typing import Final

from holdfast.sim.bybit.account import Account, Ids
from holdfast.sim.bybit.ports import Market
from holdfast.sim.bybit.publisher import Publisher
from holdfast.sim.bybit.records import ZERO, Execution, LogEntry, Position, side_of
from holdfast.sim.bybit.settlement import cents

MINUTE_MS: Final = 60_000


class Funding:
    """One settlement is size × mark price × rate; a long pays when the rate is positive.

    It is written twice with opposite signs: an execution (positive = paid) and a line of the transaction log
    (positive = received) [account/transaction-log].
    """

    def __init__(self, market: Market, ids: Ids, publisher: Publisher) -> None:
        self._market = market
        self._ids = ids
        self._publisher = publisher

    def settle_all(self, account: Account, now_ms: int) -> None:
        for symbol in dict.fromkeys(p.symbol for p in account.positions.values() if p.quantity):
            self.settle(account, symbol, now_ms)

    def settle_now(self, account: Account, now_ms: int, symbol: str = "") -> None:
        """Pay once more at this moment, of one symbol or all."""
        self.settle_all(account, now_ms)
        for position in account.positions.values():
            if position.quantity and symbol in ("", position.symbol):
                self._tell(account, position, [self._pay(account, position, now_ms)], now_ms)

    def settle(self, account: Account, symbol: str, now_ms: int) -> None:
        """Bring the funding of one symbol up to date; call before anything changes its position."""
        for idx in (0, 1, 2):
            position = account.position(symbol, idx)
            if position is not None and position.quantity:
                self._settle(account, position, now_ms)

    def _settle(self, account: Account, position: Position, now_ms: int) -> None:
        interval_ms = self._market.instruments["linear", position.symbol].funding_interval_minutes * MINUTE_MS
        if interval_ms <= 0:
            return
        boundary = (position.funded_ms // interval_ms + 1) * interval_ms
        paid = []
        while boundary <= now_ms:
            paid.append(self._pay(account, position, boundary))
            boundary += interval_ms
        position.funded_ms = now_ms
        if paid:
            self._tell(account, position, paid, now_ms)

    def _tell(self, account: Account, position: Position, paid: list[Execution], now_ms: int) -> None:
        self._publisher.executions(account, paid)
        self._publisher.position(account, position.symbol, position.idx)
        self._publisher.wallet(account, now_ms)

    def _pay(self, account: Account, position: Position, at_ms: int) -> Execution:
        mark = self._market.mark_price("linear", position.symbol, at_ms)
        rate = self._market.funding_rate(position.symbol, at_ms)
        value = cents(position.size * mark)
        direction = 1 if position.quantity > 0 else -1
        fee = cents(direction * value * rate)
        side = side_of(position.quantity)
        order_id = f"{at_ms}-{position.symbol}-{account.uid}-{position.idx}"
        position.current_realised -= fee
        position.total_realised -= fee
        settle = self._market.instruments["linear", position.symbol].settle
        account.realised[settle] = account.realised.get(settle, ZERO) - fee
        execution = Execution(
            sequence=self._ids.sequence(),
            exec_id=self._ids.uuid(),
            order_id=order_id,
            link_id="",
            category="linear",
            symbol=position.symbol,
            side=side,
            exec_type="Funding",
            order_type="UNKNOWN",
            order_price=ZERO,
            order_qty=ZERO,
            leaves=ZERO,
            price=mark,
            qty=position.size,
            value=value,
            fee=fee,
            fee_coin=settle,
            fee_rate=direction * rate,
            is_maker=False,
            closed_size=ZERO,
            pnl=ZERO,
            mark=mark,
            index=ZERO,
            time_ms=at_ms,
        )
        account.executions.append(execution)
        account.book(self._log_entry(position, execution, at_ms))
        return execution

    def _log_entry(self, position: Position, execution: Execution, at_ms: int) -> LogEntry:
        return LogEntry(
            sequence=self._ids.sequence(),
            type="SETTLEMENT",
            coin=execution.fee_coin,
            category="linear",
            symbol=position.symbol,
            side=execution.side,
            cash_flow=Decimal(0),
            funding=-execution.fee,
            fee=Decimal(0),
            cash_balance=Decimal(0),
            time_ms=at_ms,
            qty=position.size,
            size=position.quantity,
            price=execution.mark,
            fee_rate=execution.fee_rate,
            order_id=execution.order_id,
            trade_id=execution.exec_id,
        )
