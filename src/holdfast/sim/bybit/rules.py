"""From the body of ``order/create`` to an order on the venue's grid, or the documented refusal."""

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from holdfast.core.money import plain
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.ports import Instrument, Market

CATEGORIES: Final = ("linear", "spot")
LINK_ID: Final = re.compile(r"[0-9A-Za-z_-]{0,36}")
NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?")
TIMES_IN_FORCE: Final = ("GTC", "IOC", "FOK", "PostOnly", "RPI")
UNSUPPORTED: Final = ("triggerPrice", "takeProfit", "stopLoss", "bboSideType", "orderIv")
SCALE: Final = 10**8
"""The venue prints quantities in its texts as integers of this unit."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A well-formed order request. ``price`` is zero for a market order."""

    instrument: Instrument
    side: str
    order_type: str
    qty: Decimal
    price: Decimal
    time_in_force: str
    link_id: str
    reduce_only: bool
    close_on_trigger: bool
    position_idx: int
    quote_sized: bool
    market_unit: str
    slippage_type: str
    slippage: Decimal | None
    smp_type: str
    is_leverage: str

    @property
    def category(self) -> str:
        return self.instrument.category


def category_of(body: dict[str, Any], *, default: str = "") -> str:
    category = str(body.get("category", default))
    if category not in CATEGORIES:
        raise Refusal(10001, "Illegal category" if category else "params error: Category is required.")
    return category


def instrument_of(market: Market, category: str, symbol: object) -> Instrument:
    """Raises:
    Refusal: 10001 (linear) or 170121 (spot), no such symbol.
    """
    found = market.instruments.get((category, str(symbol or "")))
    if found is None:
        raise (
            Refusal(170121, "Invalid symbol.")
            if category == "spot"
            else Refusal(10001, "params error: symbol invalid")
        )
    return found


def number(body: dict[str, Any], name: str) -> Decimal | None:
    """A plain decimal text, ``None`` when absent or empty; a JSON number counts as its text.

    Raises:
        Refusal: 10001, not a plain number ("1e-05", "-1", "abc").
    """
    given = body.get(name)
    if given is None or given == "":
        return None
    text = str(given)
    if not NUMBER.fullmatch(text):
        raise Refusal(10001, f"params error: {name} invalid")
    try:
        return Decimal(text)
    except InvalidOperation:  # pragma: no cover  (the pattern admits numbers only)
        raise Refusal(10001, f"params error: {name} invalid") from None


def draft(body: dict[str, Any], market: Market, account: Account) -> Draft:
    """Everything that can be checked on the request itself.

    Raises:
        Refusal: with the documented code (bybit.md section 4, bybit_linear.md sections 5 and 11).
    """
    category = category_of(body)
    instrument = instrument_of(market, category, body.get("symbol"))
    side = _one_of(body, "side", ("Buy", "Sell"))
    order_type = _one_of(body, "orderType", ("Market", "Limit"))
    for name in UNSUPPORTED:
        if body.get(name) not in (None, "", "0"):
            raise Refusal(10001, f"params error: {name} is not offered by this simulated venue")
    link_id = str(body.get("orderLinkId") or "")
    if not LINK_ID.fullmatch(link_id):
        raise Refusal(
            10001, "params error: OrderLinkId must be at most 36 of letters, digits, dash and underscore"
        )
    market_order = order_type == "Market"
    time_in_force = "IOC" if market_order else str(body.get("timeInForce") or "GTC")
    if time_in_force not in TIMES_IN_FORCE:
        raise Refusal(10001, "params error: TimeInForce invalid")
    price = Decimal(0) if market_order else number(body, "price")
    if price is None:
        raise Refusal(10001, "params error: price is required for a limit order")
    market_unit = str(body.get("marketUnit") or "")
    quote_sized = category == "spot" and market_order and _in_quote(side, market_unit)
    slippage_type, slippage = _slippage(body, market_order)
    position_idx = _position_idx(body, category, instrument.symbol, account)
    closes_hedge = (position_idx, side) in ((1, "Sell"), (2, "Buy"))
    made = Draft(
        instrument=instrument,
        side=side,
        order_type=order_type,
        qty=_quantity(body),
        price=price,
        time_in_force=time_in_force,
        link_id=link_id,
        reduce_only=category == "linear" and (_flag(body, "reduceOnly") or closes_hedge),
        close_on_trigger=category == "linear" and _flag(body, "closeOnTrigger"),
        position_idx=position_idx,
        quote_sized=quote_sized,
        market_unit=market_unit or ("quoteCoin" if quote_sized else "baseCoin" if category == "spot" else ""),
        slippage_type=slippage_type,
        slippage=slippage,
        smp_type=str(body.get("smpType") or "None"),
        is_leverage=str(body.get("isLeverage") or ("0" if category == "spot" else "")),
    )
    if not market_order:
        check_price(instrument, price)
    if not (made.qty == 0 and made.reduce_only and made.close_on_trigger):
        check_quantity(made)
    return made


def _one_of(body: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    value = str(body.get(name, ""))
    if value not in allowed:
        raise Refusal(10001, f"params error: {name[0].upper()}{name[1:]} invalid")
    return value


def _flag(body: dict[str, Any], name: str) -> bool:
    return body.get(name) in (True, "true")


def _quantity(body: dict[str, Any]) -> Decimal:
    qty = number(body, "qty")
    if qty is None:
        raise Refusal(10001, "params error: qty is required")
    return qty


def _in_quote(side: str, market_unit: str) -> bool:
    """A market buy is sized in quote, a sell in base, unless ``marketUnit`` says otherwise."""
    return market_unit == "quoteCoin" if market_unit else side == "Buy"


def _slippage(body: dict[str, Any], market_order: bool) -> tuple[str, Decimal | None]:
    kind = str(body.get("slippageToleranceType") or "UNKNOWN")
    size = number(body, "slippageTolerance")
    if kind == "UNKNOWN" or not market_order:
        return "UNKNOWN", None
    if kind == "TickSize" and size is not None and size == int(size) and 1 <= size <= 10_000:
        return kind, size
    if kind == "Percent" and size is not None and size == round(size, 2) and Decimal("0.01") <= size <= 10:
        return kind, size
    raise Refusal(110108 if kind == "TickSize" else 110109, "slippageTolerance is out of range")


def _position_idx(body: dict[str, Any], category: str, symbol: str, account: Account) -> int:
    if category == "spot":
        return 0
    text = str(body.get("positionIdx", 0) or 0)
    allowed = ("1", "2") if symbol in account.hedge else ("0",)
    if text not in allowed:
        raise Refusal(10001, "position idx not match position mode")
    return int(text)


def check_price(instrument: Instrument, price: Decimal) -> None:
    spot = instrument.category == "spot"
    if price <= 0 or price > highest_price(instrument):
        raise (
            Refusal(170132, "Order price too high.")
            if spot and price > 0
            else Refusal(110003, "Order price exceeds the allowable range.")
        )
    if price % instrument.tick:
        raise (
            Refusal(170134, "Order price has too many decimals.") if spot else Refusal(10001, "Price invalid")
        )


def highest_price(instrument: Instrument) -> Decimal:
    """``maxPrice`` of the instrument."""
    return instrument.tick * 19_999_998


def check_quantity(made: Draft) -> None:
    if made.category == "spot":
        _check_spot_quantity(made)
    else:
        check_linear_quantity(made.instrument, made.order_type, made.qty)


def check_linear_quantity(instrument: Instrument, order_type: str, qty: Decimal) -> None:
    if qty % instrument.lot or qty == 0:
        raise Refusal(10001, "Qty invalid")
    if qty < instrument.min_qty:
        raise Refusal(
            10001,
            "The number of contracts exceeds minimum limit allowed: too small, "
            f"order_qty:{_scaled(qty)} < min_qty:{_scaled(instrument.min_qty)}",
        )
    most = instrument.max_market_qty if order_type == "Market" else instrument.max_limit_qty
    if qty > most:
        raise Refusal(
            10001,
            "The number of contracts exceeds maximum limit allowed: too large, "
            f"order_qty:{_scaled(qty)} > max_qty:{_scaled(most)}",
        )


def _check_spot_quantity(made: Draft) -> None:
    instrument = made.instrument
    if made.qty == 0:
        raise Refusal(170136, "Order quantity exceeded lower limit.")
    if made.quote_sized:
        if made.qty != round(made.qty, 8):
            raise Refusal(170148, "Market order amount decimal too long.")
        if made.qty < instrument.min_notional:
            raise Refusal(170140, "Order value exceeded lower limit.")
        return
    if made.qty % instrument.lot:
        raise Refusal(170137, "Order volume decimal too long.")
    most = instrument.max_market_qty if made.order_type == "Market" else instrument.max_limit_qty
    if made.qty > most:
        raise Refusal(170124, "Order amount too large.")


def check_notional(made: Draft, price: Decimal) -> None:
    """The least order value, at the limit price or the price a market order meets; closing goes free."""
    if made.quote_sized or made.reduce_only or made.qty * price >= made.instrument.min_notional:
        return
    if made.category == "spot":
        raise Refusal(170140, "Order value exceeded lower limit.")
    least = plain(made.instrument.min_notional)
    raise Refusal(110094, f"Order does not meet minimum order value {least}USDT")


def _scaled(qty: Decimal) -> str:
    return plain((qty * SCALE).to_integral_value())
