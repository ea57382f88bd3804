"""The venue's own view of one account, for tests to compare with ours."""

from typing import Any

from holdfast.core.money import plain
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.records import Execution, LogEntry, Order, Position


def truth(account: Account) -> dict[str, Any]:
    """Orders, fills, positions, balances, funding and log; numbers as plain strings, oldest first.

    ``size`` of a position is signed; ``amount`` of a funding payment is positive when received.
    """
    return {
        "uid": account.uid,
        "balances": {coin: plain(value) for coin, value in sorted(account.balances.items())},
        "positions": [_position(p, account) for p in account.positions.values() if p.quantity],
        "orders": [_order(o) for o in account.orders.values()],
        "fills": [_fill(e) for e in account.executions if e.exec_type != "Funding"],
        "funding": [_funding(e) for e in account.log if e.type == "SETTLEMENT"],
        "log": [_log(e) for e in account.log],
        "leverage": {symbol: plain(value) for symbol, value in account.leverage.items()},
    }


def _position(position: Position, account: Account) -> dict[str, Any]:
    return {
        "symbol": position.symbol,
        "position_idx": position.idx,
        "size": plain(position.quantity),
        "average_price": plain(position.average),
        "entry_value": plain(position.cost),
        "realised": plain(position.total_realised),
        "leverage": plain(account.leverage_of(position.symbol)),
    }


def _order(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "link_id": order.link_id,
        "category": order.category,
        "symbol": order.symbol,
        "side": order.side,
        "type": order.order_type,
        "qty": plain(order.qty),
        "price": plain(order.bound),
        "reduce_only": order.reduce_only,
        "status": order.status,
        "cancel_type": order.cancel_type,
        "reject_reason": order.reject_reason,
        "filled": plain(order.filled),
        "value": plain(order.value),
        "fees": {coin: plain(fee) for coin, fee in order.fees.items()},
        "created_ms": order.created_ms,
        "updated_ms": order.updated_ms,
    }


def _fill(execution: Execution) -> dict[str, Any]:
    return {
        "exec_id": execution.exec_id,
        "order_id": execution.order_id,
        "link_id": execution.link_id,
        "category": execution.category,
        "symbol": execution.symbol,
        "side": execution.side,
        "exec_type": execution.exec_type,
        "price": plain(execution.price),
        "qty": plain(execution.qty),
        "value": plain(execution.value),
        "fee": plain(execution.fee),
        "fee_coin": execution.fee_coin,
        "is_maker": execution.is_maker,
        "closed_size": plain(execution.closed_size),
        "pnl": plain(execution.pnl),
        "time_ms": execution.time_ms,
    }


def _funding(entry: LogEntry) -> dict[str, Any]:
    return {
        "symbol": entry.symbol,
        "amount": plain(entry.funding),
        "rate": plain(entry.fee_rate),
        "size": plain(entry.size),
        "mark_price": plain(entry.price),
        "time_ms": entry.time_ms,
        "reference": entry.order_id,
    }


def _log(entry: LogEntry) -> dict[str, Any]:
    return {
        "type": entry.type,
        "coin": entry.coin,
        "symbol": entry.symbol,
        "cash_flow": plain(entry.cash_flow),
        "funding": plain(entry.funding),
        "fee": plain(entry.fee),
        "change": plain(entry.change),
        "cash_balance": plain(entry.cash_balance),
        "trade_id": entry.trade_id,
        "time_ms": entry.time_ms,
    }
