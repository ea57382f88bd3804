"""Bybit's account data in the words of the venue port. Pure; REST and the private stream send the same rows.

Whatever cannot be read raises ``Malformed``: an answer that makes no sense is no answer.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final

from holdfast.core.money import CASH_UNIT
from holdfast.venues.bybit.fields import (
    SETTLE_COIN,
    ZERO,
    Malformed,
    Row,
    decimal_of,
    moment,
    needed,
    number,
    number_or,
    part,
    side_of,
    text,
)
from holdfast.venues.protocol import (
    AccountInfo,
    Balance,
    FeeRate,
    FillReport,
    FundingReport,
    KeyInfo,
    OrderReport,
    OrderStatus,
    VenuePosition,
)

_NOT_FILLS: Final = frozenset({"Funding", "Settle"})
_FORCED_BY: Final = {
    "CreateByLiq": "BustTrade",
    "CreateByTakeOver_PassThrough": "BustTrade",
    "CreateByAdl_PassThrough": "AdlTrade",
    "CreateBySettle": "Delivery",
}
"""A forced close may come as an ordinary trade; who made its order tells what it is. A liquidation closes
step by step through orders of its own before the venue takes the rest over."""
_NO_REASON: Final = frozenset({"", "UNKNOWN", "EC_NoError"})
WOULD_TAKE: Final = "EC_PostOnlyWillTakeLiquidity"
"""How a post-only order ends that would have taken: cancelled on one page of Bybit, rejected on another."""
_OPEN: Final = frozenset({"New", "PartiallyFilled", "Untriggered", "Triggered", "Active", "Created"})
_ENDED: Final = {
    "Filled": OrderStatus.FILLED,
    "Cancelled": OrderStatus.CANCELLED,
    "PartiallyFilledCanceled": OrderStatus.CANCELLED,
    "Deactivated": OrderStatus.CANCELLED,
    "Rejected": OrderStatus.REJECTED,
}
_MARGIN_MODES: Final = {
    "REGULAR_MARGIN": "cross",
    "ISOLATED_MARGIN": "isolated",
    "PORTFOLIO_MARGIN": "portfolio",
}
_UNIFIED_STATUSES: Final = frozenset({3, 4, 5, 6})


def fee_rates(rows: Iterable[Row]) -> dict[str, FeeRate]:
    rates = (FeeRate(needed(r, "symbol"), number(r, "takerFeeRate"), number(r, "makerFeeRate")) for r in rows)
    return {rate.symbol: rate for rate in rates}


def key_info(result: Row) -> KeyInfo:
    """1970 as expiry means "none"; an unbound key has no addresses or "*"."""
    permissions = part(result, "permissions")
    return KeyInfo(
        uid=needed(result, "userID"),
        read_only=text(result, "readOnly") != "0",
        permissions={str(group): _names(permissions, group) for group in permissions},
        ips=tuple(_names(result, "ips")),
        expires_at=_expiry(text(result, "expiredAt")),
        unified=text(result, "uta") == "1",
        is_master=result.get("isMaster") is True,
    )


def _names(row: Row, name: str) -> list[str]:
    """A list of names; nothing at all is an empty one."""
    found = row.get(name) or []
    if not isinstance(found, list):
        raise Malformed(f"{name} is not a list")
    return [str(item) for item in found]


def _expiry(value: str) -> datetime | None:
    if not value:
        return None
    try:
        expiry = datetime.fromisoformat(value)
    except ValueError:
        raise Malformed(f"expiredAt is {value!r}") from None
    expiry = expiry if expiry.tzinfo else expiry.replace(tzinfo=UTC)
    return expiry if expiry.year > 1970 else None


def account_info(result: Row) -> AccountInfo:
    """A margin mode that is not documented keeps the venue's name: nobody takes it for one that is known."""
    mode = text(result, "marginMode")
    if not mode:
        raise Malformed("marginMode is empty")
    is_unified = int(number(result, "unifiedMarginStatus")) in _UNIFIED_STATUSES
    return AccountInfo(is_unified, _MARGIN_MODES.get(mode, mode))


def balance(row: Row) -> Balance:
    """One unified account. Account totals are in USD and become USDT through the coin's own USD value; under
    isolated margin they are absent, and the USDT row counts alone."""
    usdt: Row = next((coin for coin in _objects(row, "coin") if text(coin, "coin") == SETTLE_COIN), {})
    rate = _usd_per_usdt(usdt)
    alone = _isolated_available(usdt)
    return Balance(
        equity=_total(row, "totalEquity", rate, number_or(usdt, "equity")),
        wallet=_total(row, "totalWalletBalance", rate, number_or(usdt, "walletBalance")),
        available=_total(row, "totalAvailableBalance", rate, alone),
        initial_margin=_total(row, "totalInitialMargin", rate, number_or(usdt, "totalPositionIM")),
        maintenance_rate=number_or(row, "accountMMRate"),
        borrowed=number_or(usdt, "borrowAmount"),
    )


def _objects(row: Row, name: str) -> list[Row]:
    found = row.get(name) or []
    if not isinstance(found, list) or not all(isinstance(item, Mapping) for item in found):
        raise Malformed(f"{name} is not a list of objects")
    return found


def _usd_per_usdt(usdt: Row) -> Decimal:
    equity, value = number_or(usdt, "equity"), number_or(usdt, "usdValue")
    return value / equity if equity > 0 and value > 0 else Decimal(1)


def _total(row: Row, name: str, usd_per_usdt: Decimal, otherwise: Decimal) -> Decimal:
    total = text(row, name)
    if not total:
        return otherwise
    try:
        return (decimal_of(name, total) / usd_per_usdt).quantize(CASH_UNIT)
    except InvalidOperation:
        raise Malformed(f"{name} is {total!r}, larger than any account") from None


def _isolated_available(usdt: Row) -> Decimal:
    taken = ("totalPositionIM", "totalOrderIM", "locked", "bonus")
    return number_or(usdt, "walletBalance") - sum((number_or(usdt, name) for name in taken), ZERO)


def positions(rows: Iterable[Row]) -> list[VenuePosition]:
    """One entry per symbol. The two rows of a symbol in hedge mode become their net, marked as such."""
    merged: dict[str, VenuePosition] = {}
    for row in rows:
        found = position(row)
        known = merged.get(found.symbol)
        merged[found.symbol] = _net(known, found) if known else found
    return list(merged.values())


def position(row: Row) -> VenuePosition:
    """REST calls the entry ``avgPrice``, the stream ``entryPrice``; a flat position has side ""."""
    size = number_or(row, "size")
    liquidation = number_or(row, "liqPrice")
    return VenuePosition(
        symbol=needed(row, "symbol"),
        quantity=size * side_of(row).sign if size else ZERO,
        entry_price=number_or(row, "avgPrice", number_or(row, "entryPrice")),
        mark_price=number_or(row, "markPrice"),
        unrealised_pnl=number_or(row, "unrealisedPnl"),
        leverage=number_or(row, "leverage"),
        liquidation_price=liquidation or None,
        hedge_mode=text(row, "positionIdx") not in ("", "0"),
    )


def _net(one: VenuePosition, other: VenuePosition) -> VenuePosition:
    larger = max(one, other, key=lambda p: abs(p.quantity))
    return VenuePosition(
        symbol=one.symbol,
        quantity=one.quantity + other.quantity,
        entry_price=larger.entry_price,
        mark_price=larger.mark_price,
        unrealised_pnl=one.unrealised_pnl + other.unrealised_pnl,
        leverage=larger.leverage,
        liquidation_price=larger.liquidation_price,
        hedge_mode=True,
    )


def order(row: Row) -> OrderReport:
    """The quantities decide, the status name only says whether the order is still open: ``FILLED`` is all of
    it, ``REJECTED`` is none of it, everything between is ``CANCELLED`` with what was filled."""
    quantity, filled = number(row, "qty"), number_or(row, "cumExecQty")
    average = number_or(row, "avgPrice")
    return OrderReport(
        client_id=text(row, "orderLinkId"),
        venue_order_id=needed(row, "orderId"),
        symbol=needed(row, "symbol"),
        side=side_of(row),
        status=_order_status(row, quantity, filled),
        quantity=quantity,
        filled_quantity=filled,
        average_price=_average(row, average, filled) if filled else None,
        reason=_reason(row),
        updated_at=moment(row, "updatedTime", "createdTime"),
    )


def _order_status(row: Row, quantity: Decimal, filled: Decimal) -> OrderStatus:
    name = text(row, "orderStatus")
    if name in _OPEN:
        return OrderStatus.OPEN
    status = _ENDED.get(name)
    if status is None:
        raise Malformed(f"orderStatus is {name!r}")
    if text(row, "rejectReason") == WOULD_TAKE:
        status = OrderStatus.CANCELLED
    sized_in_base = text(row, "marketUnit") != "quoteCoin"
    if sized_in_base and 0 < quantity <= filled:
        return OrderStatus.FILLED
    return OrderStatus.CANCELLED if filled and status is OrderStatus.REJECTED else status


def _average(row: Row, average: Decimal, filled: Decimal) -> Decimal:
    return average or number(row, "cumExecValue") / filled


def _reason(row: Row) -> str:
    words = (text(row, "rejectReason"), text(row, "cancelType"))
    return next((word for word in words if word not in _NO_REASON), "")


def fills(rows: Iterable[Row]) -> list[FillReport]:
    """The executions that move a position, each once, in the order they happened."""
    moving = {text(row, "execId"): row for row in rows if text(row, "execType") not in _NOT_FILLS}
    ordered = sorted(
        moving.values(), key=lambda row: (number(row, "execTime"), number_or(row, "seq"), text(row, "execId"))
    )
    return [_fill(row) for row in ordered]


def _fill(row: Row) -> FillReport:
    fee_asset = text(row, "feeCurrency") or SETTLE_COIN
    extra = _extra_fees(row)
    return FillReport(
        exec_id=needed(row, "execId"),
        venue_order_id=text(row, "orderId"),
        client_id=text(row, "orderLinkId"),
        symbol=needed(row, "symbol"),
        side=side_of(row),
        exec_type=_exec_type(row),
        quantity=number(row, "execQty"),
        price=number(row, "execPrice"),
        fee=number_or(row, "execFee") + sum((amount for asset, amount in extra if asset == fee_asset), ZERO),
        fee_asset=fee_asset,
        is_maker=row.get("isMaker") is True,
        executed_at=moment(row, "execTime"),
        extra_fees=tuple((asset, amount) for asset, amount in extra if asset != fee_asset),
    )


def _exec_type(row: Row) -> str:
    told = needed(row, "execType")
    return _FORCED_BY.get(text(row, "createType"), told) if told == "Trade" else told


def _extra_fees(row: Row) -> list[tuple[str, Decimal]]:
    """Taxes some residents pay: a list over the stream, a string (possibly of JSON) over REST."""
    value = row.get("extraFees") or []
    if isinstance(value, str):
        try:
            value = json.loads(value, parse_float=Decimal)
        except ValueError:
            raise Malformed("extraFees is unreadable") from None
    fees = _objects({"extraFees": value}, "extraFees")
    return [(needed(fee, "feeCoin"), number(fee, "fee")) for fee in fees]


def funding(rows: Iterable[Row]) -> list[FundingReport]:
    """Funding settlements from the transaction log, oldest first, each once. The log's own id repeats, so
    (type, id, tradeId) names a row."""
    settled = {
        f"{text(row, 'type')}:{text(row, 'id')}:{text(row, 'tradeId')}": row
        for row in rows
        if text(row, "type") == "SETTLEMENT"
    }
    reports = [_funding(reference, row) for reference, row in settled.items()]
    return sorted(reports, key=lambda report: (report.at, report.reference))


def _funding(reference: str, row: Row) -> FundingReport:
    side = side_of(row)
    return FundingReport(
        reference=reference,
        symbol=needed(row, "symbol"),
        amount=number(row, "funding"),
        asset=text(row, "currency") or SETTLE_COIN,
        rate=number_or(row, "feeRate") * side.sign,
        position=number_or(row, "size") or number_or(row, "qty") * side.sign,
        at=moment(row, "transactionTime"),
    )
