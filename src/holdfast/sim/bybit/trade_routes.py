"""Orders over REST: create, amend, cancel, in ones and in batches, and what became of them."""

from collections.abc import Callable, Iterable
from typing import Any, Final

from holdfast.sim.bybit import auth, rules
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.codes import CODES, UNKNOWN_OUTCOME
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.http import RATE_TEXT, Call, Result, Route
from holdfast.sim.bybit.paging import DAY_MS, page, window
from holdfast.sim.bybit.records import Order
from holdfast.sim.bybit.views import execution_row, order_row
from holdfast.sim.faults import FaultRule

MOST_IN_BATCH: Final = {"linear": 20, "spot": 10}
MOST_CANCELLED: Final = 500
KEPT_UNFILLED_MS: Final = DAY_MS

Action = Callable[[Call, dict[str, Any]], Order]


def create(call: Call) -> Result:
    return _acknowledge(create_one(call, call.params))


def amend(call: Call) -> Result:
    return _acknowledge(amend_one(call, call.params))


def cancel(call: Call) -> Result:
    return _acknowledge(cancel_one(call, call.params))


def _acknowledge(order: Order) -> Result:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}


def create_one(call: Call, body: dict[str, Any]) -> Order:
    auth.require_trading(call.account, rules.category_of(body))
    order = call.venue.intake.place(call.account, body, call.now_ms)
    call.venue.submit(call.account, order)
    return order


def amend_one(call: Call, body: dict[str, Any]) -> Order:
    order = _open_order(call, body)
    call.venue.intake.amend(call.account, order, body, call.now_ms)
    call.venue.amended(call.account, order)
    return order


def cancel_one(call: Call, body: dict[str, Any]) -> Order:
    order = _open_order(call, body)
    call.venue.cancel(call.account, order)
    return order


def _open_order(call: Call, body: dict[str, Any]) -> Order:
    """The open order a body names; ``orderId`` wins over ``orderLinkId``."""
    category = rules.category_of(body)
    auth.require_trading(call.account, category)
    rules.instrument_of(call.venue.market, category, body.get("symbol"))
    order = _named(call.account, category, str(body.get("orderId") or ""), str(body.get("orderLinkId") or ""))
    if order is None or not order.is_open or order.symbol != body.get("symbol"):
        raise (
            Refusal(170213, "Order does not exist.")
            if category == "spot"
            else Refusal(110001, "order not exists or too late to cancel")
        )
    return order


def _named(account: Account, category: str, order_id: str, link_id: str) -> Order | None:
    if order_id:
        found = account.orders.get(order_id)
        return found if found is not None and found.category == category else None
    if link_id:
        return account.order_by_link.get((category, link_id))
    raise Refusal(10001, "params error: orderId or orderLinkId is required")


def cancel_all(call: Call) -> Result:
    category = rules.category_of(call.params)
    auth.require_trading(call.account, category)
    symbol, base, settle = (call.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    if category == "linear" and not (symbol or base or settle):
        raise Refusal(10001, "params error: symbol, settleCoin or baseCoin is required")
    chosen = [
        order
        for order in call.account.open_orders.values()
        if order.category == category and _matches(call, order, symbol, base, settle)
    ][:MOST_CANCELLED]
    for order in chosen:
        call.venue.cancel(call.account, order)
    return {"list": [_acknowledge(order) for order in chosen], "success": "1"}


def _matches(call: Call, order: Order, symbol: str, base: str, settle: str) -> bool:
    """By the first filter given: symbol, base coin, settle coin."""
    if symbol:
        return order.symbol == symbol
    instrument = call.venue.market.instruments[order.category, order.symbol]
    if base:
        return instrument.base == base
    return instrument.settle == settle if settle else True


def create_batch(call: Call) -> Result:
    return _batch(call, "order.create-batch", create_one, "createAt")


def amend_batch(call: Call) -> Result:
    return _batch(call, "order.amend-batch", amend_one, "")


def cancel_batch(call: Call) -> Result:
    return _batch(call, "order.cancel-batch", cancel_one, "")


def _batch(call: Call, endpoint: str, action: Action, stamp: str) -> Result:
    """Two parallel lists; the top retCode stays 0. Beyond the rate limit only the tail fails."""
    category = rules.category_of(call.params)
    requests = call.params.get("request")
    if not isinstance(requests, list) or not requests or not all(isinstance(one, dict) for one in requests):
        raise Refusal(10001, "params error: request must be a list of orders")
    if len(requests) > MOST_IN_BATCH[category]:
        raise Refusal(10001, f"params error: at most {MOST_IN_BATCH[category]} orders in a batch")
    granted = call.take(endpoint, len(requests)).granted
    rows, answers = [], []
    for place, given in enumerate(requests):
        body = {**given, "category": category}
        row = {
            "category": category,
            "symbol": str(given.get("symbol", "")),
            "orderId": "",
            "orderLinkId": str(given.get("orderLinkId", "")),
        }
        try:
            if place >= granted:
                raise Refusal(10006, RATE_TEXT)
            order = _item(call, endpoint, action, body)
            row |= _acknowledge(order)
            answers.append({"code": 0, "msg": "OK"})
        except Refusal as refusal:
            answers.append({"code": refusal.code, "msg": refusal.message})
        if stamp:
            row[stamp] = str(call.now_ms) if row["orderId"] else ""
        rows.append(row)
    call.ext["list"] = answers
    return {"list": rows}


def _item(call: Call, endpoint: str, action: Action, body: dict[str, Any]) -> Order:
    """One order of a batch, with the dial's refusals of single items."""
    place, faults = f"bybit.{endpoint}.item", call.venue.faults
    _refuse(faults.take(place, "code_before", uid=call.account.uid))
    order = action(call, body)
    _refuse(faults.take(place, "code_after", uid=call.account.uid))
    return order


def _refuse(rule: FaultRule | None) -> None:
    if rule is not None:
        code = rule.code or UNKNOWN_OUTCOME
        raise Refusal(code, CODES[code])


def realtime(call: Call) -> Result:
    """Open orders; by id, or with openOnly=1, also the 500 most recent final ones. Linear needs a filter."""
    category = rules.category_of(call.params)
    order_id, link_id = call.text("orderId"), call.text("orderLinkId")
    symbol, base, settle = (call.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    if category == "linear" and not (symbol or base or settle):
        raise Refusal(10001, "params error: symbol, settleCoin or baseCoin is required")
    if symbol:
        rules.instrument_of(call.venue.market, category, symbol)
    account = call.account
    recent = account.recent.get(category, ())
    standing = [o for o in account.open_orders.values() if o.category == category]
    if order_id or link_id:
        named = _named(account, category, order_id, link_id)
        candidates = [named] if named is not None and (named.is_open or named in recent) else []
        shown = _as_seen(call, candidates)
    elif call.text("openOnly") in ("", "0"):
        shown = [order for order in _as_seen(call, [*standing, *recent]) if order.is_open]
    else:
        shown = [order for order in _as_seen(call, recent) if not order.is_open]
    return _order_page(call, [order for order in shown if _matches(call, order, symbol, base, settle)])


def _as_seen(call: Call, orders: Iterable[Order]) -> list[Order]:
    """The orders as they were at the moment reads show."""
    if call.seen_ms == call.venue.clock.now_ms():
        return list(orders)
    then = (call.account.past.at(order, call.seen_ms) for order in orders)
    return [order for order in then if order is not None]


def history(call: Call) -> Result:
    """Final orders of a window, by default the last 7 days; those that ended without a fill for 24 h only.
    Whether a name lifts the window is not documented: here it does not, so that nobody relies on it."""
    category = rules.category_of(call.params)
    account = call.account
    symbol, base, settle = (call.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    order_id, link_id, status = call.text("orderId"), call.text("orderLinkId"), call.text("orderStatus")
    candidates: Iterable[Order] = (o for o in account.orders.values() if o.category == category)
    if order_id or link_id:
        named = _named(account, category, order_id, link_id)
        candidates = [] if named is None else [named]
    inside = window(call)
    shown = [
        order
        for order in _as_seen(call, [one for one in candidates if inside(one.created_ms)])
        if not order.is_open
        and (order.filled or order.updated_ms > call.now_ms - KEPT_UNFILLED_MS)
        and status in ("", order.status)
        and _matches(call, order, symbol, base, settle)
    ]
    return _order_page(call, shown)


def _order_page(call: Call, orders: list[Order]) -> Result:
    shown, cursor = page(call, orders, default=20, most=50)
    instruments = call.venue.market.instruments
    rows = [order_row(order, instruments[order.category, order.symbol]) for order in shown]
    return {"list": rows, "nextPageCursor": cursor, "category": call.text("category")}


def execution_list(call: Call) -> Result:
    """Executions of a window, by default the last 7 days. orderId or orderLinkId switch the other filters off
    [order/execution]; of the window that is not said, and here it stays."""
    category = rules.category_of(call.params)
    order_id, link_id = call.text("orderId"), call.text("orderLinkId")
    symbol, base, settle = (call.text(name) for name in ("symbol", "baseCoin", "settleCoin"))
    kind = call.text("execType")
    instruments = call.venue.market.instruments
    inside = window(call)
    if order_id or link_id:
        shown = [
            e
            for e in call.account.executions
            if e.category == category
            and inside(e.time_ms)
            and (e.order_id == order_id if order_id else e.link_id == link_id)
        ]
    else:
        shown = [
            e
            for e in call.account.executions
            if e.category == category
            and inside(e.time_ms)
            and symbol in ("", e.symbol)
            and (symbol or base in ("", instruments[category, e.symbol].base))
            and settle in ("", instruments[category, e.symbol].settle)
            and kind in ("", e.exec_type)
        ]
    seen = [e for e in shown if e.time_ms <= call.seen_ms]
    rows, cursor = page(call, seen, default=50, most=100)
    return {
        "nextPageCursor": cursor,
        "category": category,
        "list": [execution_row(e, instruments[category, e.symbol]) for e in rows],
    }


ROUTES: Final = (
    Route("POST", "/v5/order/create", "order.create", create, signed=True),
    Route("POST", "/v5/order/amend", "order.amend", amend, signed=True),
    Route("POST", "/v5/order/cancel", "order.cancel", cancel, signed=True),
    Route("POST", "/v5/order/cancel-all", "order.cancel-all", cancel_all, signed=True),
    Route("POST", "/v5/order/create-batch", "order.create-batch", create_batch, signed=True, batch=True),
    Route("POST", "/v5/order/amend-batch", "order.amend-batch", amend_batch, signed=True, batch=True),
    Route("POST", "/v5/order/cancel-batch", "order.cancel-batch", cancel_batch, signed=True, batch=True),
    Route("GET", "/v5/order/realtime", "order.realtime", realtime, signed=True),
    Route("GET", "/v5/order/history", "order.history", history, signed=True),
    Route("GET", "/v5/execution/list", "execution.list", execution_list, signed=True),
)
