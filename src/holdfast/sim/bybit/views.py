"""The rows the venue shows: orders, executions, positions, wallet, log, closed P&L, over REST and WebSocket.

Field sets follow the documented examples; numbers are strings, stamps are strings of milliseconds.
"""

from decimal import Decimal
from typing import Any

from holdfast.core.money import plain
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import amount, on_grid
from holdfast.sim.bybit.margin import Margin, Wallet
from holdfast.sim.bybit.ports import Instrument, Market
from holdfast.sim.bybit.records import ClosedPnl, Execution, LogEntry, Order, Position, side_of

Row = dict[str, Any]


def qty_text(order: Order, value: Decimal, instrument: Instrument) -> str:
    return amount(value) if order.quote_sized else on_grid(value, instrument.lot)


def order_row(order: Order, instrument: Instrument, *, stream: bool = False) -> Row:
    """``stream`` adds the fields only the private stream has."""
    fee = sum(order.fees.values(), Decimal(0))
    leaves = order.leaves
    row = {
        "orderId": order.order_id,
        "orderLinkId": order.link_id,
        "blockTradeId": "",
        "symbol": order.symbol,
        "price": on_grid(order.bound, instrument.tick),
        "qty": qty_text(order, order.qty, instrument),
        "side": order.side,
        "isLeverage": order.is_leverage,
        "positionIdx": order.position_idx,
        "orderStatus": order.status,
        "cancelType": order.cancel_type,
        "rejectReason": order.reject_reason,
        "avgPrice": average_price(order.value, order.filled),
        "leavesQty": qty_text(order, leaves, instrument),
        "leavesValue": amount(leaves if order.quote_sized else leaves * order.bound),
        "cumExecQty": on_grid(order.filled, instrument.lot),
        "cumExecValue": amount(order.value),
        "cumExecFee": amount(fee),
        "timeInForce": order.time_in_force,
        "orderType": order.order_type,
        "stopOrderType": "",
        "orderIv": "",
        "triggerPrice": "",
        "takeProfit": "",
        "stopLoss": "",
        "tpTriggerBy": "",
        "slTriggerBy": "",
        "triggerDirection": 0,
        "triggerBy": "",
        "lastPriceOnCreated": on_grid(order.last_price, instrument.tick),
        "reduceOnly": order.reduce_only,
        "closeOnTrigger": order.close_on_trigger,
        "smpType": order.smp_type,
        "smpGroup": 0,
        "smpOrderId": "",
        "tpslMode": "",
        "tpLimitPrice": "",
        "slLimitPrice": "",
        "placeType": "",
        "slippageToleranceType": order.slippage_type,
        "slippageTolerance": order.slippage,
        "createType": order.create_type,
        "marketUnit": order.market_unit,
        "createdTime": str(order.created_ms),
        "updatedTime": str(order.updated_ms),
        "extraFees": "",
        "cumFeeDetail": {coin: amount(paid) for coin, paid in order.fees.items()},
        "rpiTakerAccess": False,
        "rpiMatchedQty": "0",
    }
    if stream:
        row |= {
            "category": order.category,
            "closedPnl": amount(order.closed_pnl),
            "feeCurrency": next(iter(order.fees), ""),
            "extraFees": [],
        }
    return row


def average_price(value: Decimal, qty: Decimal) -> str:
    return amount(value / qty, 12) if qty else ""


def execution_row(execution: Execution, instrument: Instrument, *, stream: bool = False) -> Row:
    funding = execution.exec_type == "Funding"
    row = {
        "symbol": execution.symbol,
        "orderId": execution.order_id,
        "orderLinkId": execution.link_id,
        "side": execution.side,
        "orderPrice": plain(execution.order_price),
        "orderQty": plain(execution.order_qty),
        "leavesQty": plain(execution.leaves),
        "createType": "" if funding else execution.create_type,
        "orderType": execution.order_type,
        "stopOrderType": "UNKNOWN",
        "execFee": amount(execution.fee),
        "execId": execution.exec_id,
        "execPrice": plain(execution.price),
        "execQty": on_grid(execution.qty, instrument.lot),
        "execType": execution.exec_type,
        "execValue": amount(execution.value),
        "execTime": str(execution.time_ms),
        "feeCurrency": fee_currency(execution, stream),
        "isMaker": execution.is_maker,
        "feeRate": plain(execution.fee_rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": plain(execution.mark),
        "indexPrice": "",
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": on_grid(execution.closed_size, instrument.lot) if execution.closed_size else "",
        "extraFees": [] if stream else "",
        "seq": execution.sequence,
    }
    if stream:
        row |= {
            "category": execution.category,
            "execPnl": amount(execution.pnl),
            "isLeverage": "0",
            "marketUnit": execution.market_unit,
        }
    return row


def fee_currency(execution: Execution, stream: bool) -> str:
    """On linear, REST leaves the settle coin out [order/execution]; the stream names it."""
    settle_fee = execution.category == "linear" and execution.fee_coin == "USDT"
    return "" if settle_fee and not stream else execution.fee_coin


def fast_execution_row(execution: Execution) -> Row:
    return {
        "category": execution.category,
        "symbol": execution.symbol,
        "execId": execution.exec_id,
        "execPrice": plain(execution.price),
        "execQty": plain(execution.qty),
        "orderId": execution.order_id,
        "isMaker": execution.is_maker,
        "orderLinkId": "" if execution.is_maker else execution.link_id,
        "side": execution.side,
        "execTime": str(execution.time_ms),
        "seq": execution.sequence,
    }


def position_row(
    account: Account, symbol: str, idx: int, market: Market, margin: Margin, *, stream: bool = False
) -> Row:
    """The row of a symbol, held or not; the entry price is ``avgPrice``, in the stream ``entryPrice``."""
    instrument = market.instruments["linear", symbol]
    held = account.position(symbol, idx) or Position(symbol, idx, -1, 0, 0, 0)
    mark = market.mark_price("linear", symbol)
    leverage = account.leverage_of(symbol)
    portfolio = account.spec.margin_mode == "PORTFOLIO_MARGIN"
    im = margin.position_im(account, held, mark) if held.quantity else Decimal(0)
    mm = margin.position_mm(account, held, mark) if held.quantity else Decimal(0)
    entry = amount(held.average, 10)
    row = {
        "positionIdx": idx,
        "riskId": 0 if portfolio else 1,
        "riskLimitValue": "2000000",
        "symbol": symbol,
        "side": side_of(held.quantity),
        "size": on_grid(held.size, instrument.lot),
        "entryPrice" if stream else "avgPrice": entry,
        "positionValue": amount(held.cost),
        "tradeMode": 0,
        "positionStatus": held.status,
        "autoAddMargin": 0,
        "adlRankIndicator": 2 if held.quantity else 0,
        "leverage": "" if portfolio else plain(leverage),
        "breakEvenPrice": break_even(held, account.taker_rate("linear", symbol)),
        "positionBalance": "0",
        "markPrice": plain(mark),
        "liqPrice": "" if portfolio else liquidation_price(held, margin, leverage),
        "bustPrice": "",
        "positionIM": "" if portfolio else amount(im),
        "positionIMByMp": "" if portfolio else amount(im),
        "positionMM": "" if portfolio else amount(mm),
        "positionMMByMp": "" if portfolio else amount(mm),
        "tpslMode": "Full",
        "takeProfit": "",
        "stopLoss": "",
        "trailingStop": "0",
        "unrealisedPnl": amount(held.unrealised(mark)) if held.quantity else "",
        "curRealisedPnl": amount(held.current_realised),
        "cumRealisedPnl": amount(held.total_realised),
        "sessionAvgPrice": "",
        "seq": held.sequence,
        "isReduceOnly": False,
        "mmrSysUpdatedTime": "",
        "leverageSysUpdatedTime": "",
        "createdTime": str(held.created_ms),
        "updatedTime": str(held.updated_ms),
        "openTime": held.created_ms,
    }
    if stream:
        row["category"] = "linear"
        row["unrealisedPnl"] = amount(held.unrealised(mark))
    return row


def break_even(held: Position, taker: Decimal) -> str:
    """(entry×qty − realised) / (qty − |qty|×max(taker, 0.00055)) [position/position]."""
    if not held.quantity:
        return ""
    rate = max(taker, Decimal("0.00055"))
    direction = 1 if held.quantity > 0 else -1
    return amount((direction * held.cost - held.current_realised) / (held.quantity - held.size * rate))


def liquidation_price(held: Position, margin: Margin, leverage: Decimal) -> str:
    """The price at which this position's own margin is used up; an estimate, "" where no price does that."""
    if not held.quantity:
        return ""
    direction = 1 if held.quantity > 0 else -1
    price = held.average * (1 - direction * (1 / leverage - margin.maintenance_rate(held.symbol)))
    return amount(price) if held.average / 100 < price < held.average * 100 else ""


def wallet_row(wallet: Wallet, account: Account, coins: set[str] | None = None) -> Row:
    """One ``list`` element of wallet-balance, also the body of a wallet push; non-zero coins by default."""
    margin_balance = wallet.margin_balance
    im_rate = wallet.initial_margin / margin_balance if margin_balance > 0 else Decimal(0)
    mm_rate = wallet.maintenance_margin / margin_balance if margin_balance > 0 else Decimal(0)
    isolated = account.spec.margin_mode == "ISOLATED_MARGIN"

    def total(value: Decimal) -> str:
        return "" if isolated else amount(value)

    return {
        "accountType": "UNIFIED",
        "accountIMRate": total(im_rate),
        "accountIMRateByMp": total(im_rate),
        "accountMMRate": total(mm_rate),
        "accountMMRateByMp": total(mm_rate),
        "accountLTV": "0",
        "totalEquity": amount(wallet.equity),
        "totalWalletBalance": total(wallet.wallet_balance),
        "totalMarginBalance": total(margin_balance),
        "totalAvailableBalance": total(wallet.available),
        "totalPerpUPL": total(wallet.unrealised),
        "totalInitialMargin": total(wallet.initial_margin),
        "totalInitialMarginByMp": total(wallet.initial_margin),
        "totalMaintenanceMargin": total(wallet.maintenance_margin),
        "totalMaintenanceMarginByMp": total(wallet.maintenance_margin),
        "coin": [
            {
                "coin": line.coin,
                "equity": amount(line.equity),
                "usdValue": amount(line.equity * line.price),
                "walletBalance": amount(line.wallet),
                "availableToWithdraw": "",
                "availableToBorrow": "",
                "borrowAmount": amount(line.borrowed),
                "accruedInterest": "0",
                "totalOrderIM": amount(line.order_im),
                "totalPositionIM": amount(line.position_im),
                "totalPositionMM": amount(line.position_mm),
                "unrealisedPnl": amount(line.unrealised),
                "cumRealisedPnl": amount(account.realised.get(line.coin, Decimal(0))),
                "bonus": "0",
                "collateralSwitch": True,
                "marginCollateral": True,
                "colRes": 0,
                "locked": amount(line.locked),
                "spotHedgingQty": "0",
                "spotBorrow": "0",
            }
            for line in wallet.coins
            if (line.coin in coins if coins else line.wallet or line.unrealised or line.locked)
        ],
    }


def log_row(entry: LogEntry, uid: str) -> Row:
    settlement = entry.type == "SETTLEMENT"
    return {
        "id": f"{uid}_{entry.symbol}_{entry.sequence}",
        "symbol": entry.symbol,
        "category": entry.category,
        "side": entry.side,
        "transactionTime": str(entry.time_ms),
        "type": entry.type,
        "transSubType": "",
        "qty": plain(entry.qty),
        "size": plain(entry.size),
        "currency": entry.coin,
        "tradePrice": plain(entry.price),
        "funding": amount(entry.funding) if settlement else "",
        "fee": amount(entry.fee),
        "cashFlow": amount(entry.cash_flow),
        "change": amount(entry.change),
        "cashBalance": amount(entry.cash_balance),
        "feeRate": plain(entry.fee_rate),
        "bonusChange": "",
        "tradeId": entry.trade_id,
        "orderId": entry.order_id,
        "orderLinkId": entry.link_id,
        "extraFees": "",
    }


def closed_row(row: ClosedPnl) -> Row:
    return {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "side": row.side,
        "qty": plain(row.qty),
        "orderPrice": plain(row.order_price),
        "orderType": row.order_type,
        "execType": row.exec_type,
        "closedSize": plain(row.closed),
        "cumEntryValue": amount(row.entry_value),
        "avgEntryPrice": average_price(row.entry_value, row.closed),
        "cumExitValue": amount(row.exit_value),
        "avgExitPrice": average_price(row.exit_value, row.closed),
        "closedPnl": amount(row.pnl),
        "openFee": amount(row.open_fee),
        "closeFee": amount(row.close_fee),
        "fillCount": str(row.fills),
        "leverage": plain(row.leverage),
        "createdTime": str(row.created_ms),
        "updatedTime": str(row.updated_ms),
    }
