"""The account over REST: wallet, positions, leverage and modes, fees, the transaction log, the key itself."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from holdfast.core.money import plain
from holdfast.core.time import from_ms
from holdfast.sim.bybit import auth, rules
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.http import Call, Result, Route
from holdfast.sim.bybit.paging import DAY_MS, page, window
from holdfast.sim.bybit.views import closed_row, log_row, position_row, wallet_row

NO_EXPIRY: Final = "1970-01-01T00:00:00Z"
UNBOUND_KEY_DAYS: Final = 90
CLASSIC: Final = 1


def wallet_balance(call: Call) -> Result:
    if call.text("accountType") != "UNIFIED":
        raise Refusal(10001, "accountType only support UNIFIED.")
    coins = {coin for coin in call.text("coin").split(",") if coin}
    wallet = call.venue.margin.wallet(call.account, call.now_ms)
    return {"list": [wallet_row(wallet, call.account, coins)]}


def account_info(call: Call) -> Result:
    spec = call.account.spec
    return {
        "unifiedMarginStatus": spec.unified_status,
        "marginMode": spec.margin_mode,
        "isMasterTrader": False,
        "spotHedgingStatus": "OFF",
        "updatedTime": str(call.account.created_ms),
        "dcpStatus": "OFF",
        "timeWindow": 10,
        "smpGroup": 0,
    }


def user_setting_config(call: Call) -> Result:
    return {
        "lpaSpot": False,
        "lpaPerp": call.account.reject_beyond_band,
        "smsef": False,
        "fmsef": call.account.spec.behaviour.fee_coin == "MNT",
    }


def set_limit_px_action(call: Call) -> Result:
    """``modifyEnable`` false asks for rejection of futures prices beyond the band."""
    auth.require_trading(call.account, "linear")
    if rules.category_of(call.params) == "linear":
        call.account.reject_beyond_band = call.params.get("modifyEnable") is False
    return {}


def fee_rate(call: Call) -> Result:
    category = rules.category_of(call.params)
    symbol = call.text("symbol")
    if symbol:
        rules.instrument_of(call.venue.market, category, symbol)
    names = [symbol] if symbol else _trading(call, category)
    rows = []
    for name in names:
        rates = call.account.spec.fee_rate(category, name)
        rows.append({"symbol": name, "takerFeeRate": plain(rates.taker), "makerFeeRate": plain(rates.maker)})
    return {"list": rows}


def _trading(call: Call, category: str) -> list[str]:
    return sorted(
        name
        for (kind, name), one in call.venue.market.instruments.items()
        if kind == category and one.status == "Trading"
    )


def query_api(call: Call) -> Result:
    """A key without bound addresses runs for 90 days unless told otherwise; 1970 stands for no expiry."""
    account, key = call.account, call.account.key
    expires_ms = key.expires_ms
    if expires_ms is None and not key.ips:
        expires_ms = key.created_ms + UNBOUND_KEY_DAYS * DAY_MS
    return {
        "id": key.id,
        "note": "simulated",
        "apiKey": key.key,
        "readOnly": int(key.read_only),
        "secret": "",
        "permissions": key.permissions,
        "ips": key.ips or ["*"],
        "type": 1,
        "deadlineDay": -2 if expires_ms is None else max(0, (expires_ms - call.now_ms) // DAY_MS),
        "expiredAt": NO_EXPIRY if expires_ms is None else _iso(expires_ms),
        "createdAt": _iso(key.created_ms),
        "unified": 0,
        "uta": int(account.spec.unified_status != CLASSIC),
        "userID": int(account.uid),
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": "",
        "isMaster": account.spec.is_master,
        "parentUid": "0" if account.spec.is_master else "1",
        "kycLevel": "LEVEL_1",
        "kycRegion": "NLD",
    }


def _iso(at_ms: int) -> str:
    moment: datetime = from_ms(at_ms)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def position_list(call: Call) -> Result:
    """With a symbol its row whatever the size; by settle coin only what is held, 20 rows by default."""
    if rules.category_of(call.params) != "linear":
        raise Refusal(10001, "Illegal category")
    symbol, settle, base = call.text("symbol"), call.text("settleCoin"), call.text("baseCoin")
    market, account = call.venue.market, call.account
    if symbol:
        rules.instrument_of(market, "linear", symbol)
        rows = [_position(call, symbol, idx) for idx in _indices(call, symbol)]
        return {"list": rows, "nextPageCursor": "", "category": "linear"}
    if not settle and not base:
        raise Refusal(10001, "params error: symbol or settleCoin is required")
    held = [
        position
        for position in account.positions.values()
        if position.quantity
        and settle in ("", market.instruments["linear", position.symbol].settle)
        and base in ("", market.instruments["linear", position.symbol].base)
    ]
    shown, cursor = page(call, held, default=20, most=200)
    return {
        "list": [_position(call, position.symbol, position.idx) for position in shown],
        "nextPageCursor": cursor,
        "category": "linear",
    }


def _indices(call: Call, symbol: str) -> tuple[int, ...]:
    return (1, 2) if symbol in call.account.hedge else (0,)


def _position(call: Call, symbol: str, idx: int) -> dict[str, Any]:
    return position_row(call.account, symbol, idx, call.venue.market, call.venue.margin)


def symbol_info(call: Call) -> Result:
    """Leverage and position mode without a position (field names as in position/list)."""
    if rules.category_of(call.params) != "linear":
        raise Refusal(10001, "Illegal category")
    if call.account.spec.margin_mode == "PORTFOLIO_MARGIN":
        raise Refusal(110077, "Not supported under portfolio margin mode")
    symbol = call.text("symbol")
    one = rules.instrument_of(call.venue.market, "linear", symbol)
    return {
        "category": "linear",
        "list": [
            {
                "symbol": symbol,
                "positionIdx": idx,
                "leverage": plain(call.account.leverage_of(symbol)),
                "maxLeverage": plain(one.max_leverage),
                "marginMode": call.account.spec.margin_mode,
            }
            for idx in _indices(call, symbol)
        ],
    }


def set_leverage(call: Call) -> Result:
    auth.require(call.account, "ContractTrade", "Position")
    if rules.category_of(call.params) != "linear":
        raise Refusal(10001, "Illegal category")
    symbol = call.text("symbol")
    one = rules.instrument_of(call.venue.market, "linear", symbol)
    buy, sell = rules.number(call.params, "buyLeverage"), rules.number(call.params, "sellLeverage")
    if buy is None or sell is None:
        raise Refusal(10001, "params error: buyLeverage and sellLeverage are required")
    mode = call.account.spec.margin_mode
    if mode == "PORTFOLIO_MARGIN":
        raise Refusal(110038, "Not allowed to change leverage under portfolio margin mode")
    if buy != sell:
        raise Refusal(10001, "params error: buyLeverage and sellLeverage must be equal")
    if not 1 <= buy <= one.max_leverage or buy != round(buy, 2):
        raise Refusal(110013, "Cannot set leverage due to risk limit level")
    if buy == call.account.leverage_of(symbol):
        raise Refusal(110043, "leverage not modified")
    _check_affordable(call, symbol, buy)
    call.account.leverage[symbol] = buy
    call.venue.publisher.position(call.account, symbol, _indices(call, symbol)[0])
    return {}


def _check_affordable(call: Call, symbol: str, leverage: Decimal) -> None:
    """A lower leverage binds more margin: refused when the account does not have it."""
    account, margin = call.account, call.venue.margin
    before = account.leverage_of(symbol)
    account.leverage[symbol] = leverage
    wallet = margin.wallet(account, call.now_ms)
    short = wallet.initial_margin > wallet.margin_balance - wallet.haircut
    account.leverage[symbol] = before
    if short and leverage < before:
        raise Refusal(110044, "Available margin is insufficient")


def switch_mode(call: Call) -> Result:
    """By symbol, or by coin: then symbols with positions or orders are left as they are."""
    auth.require(call.account, "ContractTrade", "Position")
    if rules.category_of(call.params) != "linear":
        raise Refusal(10001, "Illegal category")
    mode, symbol, coin = call.text("mode") or "0", call.text("symbol"), call.text("coin")
    if mode not in ("0", "3"):
        raise Refusal(10001, "params error: mode invalid")
    market = call.venue.market
    if symbol:
        one = rules.instrument_of(market, "linear", symbol)
        if mode == "3" and (one.contract_type != "LinearPerpetual" or one.settle != "USDT"):
            raise Refusal(110029, "Hedge mode is not supported by this symbol")
        if (symbol in call.account.hedge) == (mode == "3"):
            raise Refusal(110025, "Position mode is not modified")
        _check_mode_free(call, symbol)
        _set_mode(call, symbol, mode)
        return {}
    if not coin:
        raise Refusal(10001, "params error: symbol or coin is required")
    for (kind, name), one in market.instruments.items():
        if kind == "linear" and one.settle == coin and one.contract_type == "LinearPerpetual":
            try:
                _check_mode_free(call, name)
            except Refusal:
                continue
            _set_mode(call, name, mode)
    return {}


def _check_mode_free(call: Call, symbol: str) -> None:
    account = call.account
    if any(p.symbol == symbol and p.quantity for p in account.positions.values()):
        raise Refusal(110024, "You have an existing position, so the position mode cannot be switched")
    if any(o.symbol == symbol and o.category == "linear" for o in account.open_orders.values()):
        raise Refusal(110028, "You have existing orders, so the position mode cannot be switched")


def _set_mode(call: Call, symbol: str, mode: str) -> None:
    if mode == "3":
        call.account.hedge.add(symbol)
    else:
        call.account.hedge.discard(symbol)


def transaction_log(call: Call) -> Result:
    """The last 24 h unless a window of at most 7 days is given."""
    if call.text("accountType") not in ("", "UNIFIED"):
        raise Refusal(10001, "accountType only support UNIFIED.")
    inside = window(call, default_ms=DAY_MS)
    category, coin, kind, base = (call.text(name) for name in ("category", "currency", "type", "baseCoin"))
    shown = [
        entry
        for entry in call.account.log
        if inside(entry.time_ms)
        and category in ("", entry.category)
        and coin in ("", entry.coin)
        and kind in ("", entry.type)
        and (not base or call.venue.market.instruments[entry.category, entry.symbol].base == base)
    ]
    rows, cursor = page(call, shown, default=20, most=50)
    return {"nextPageCursor": cursor, "list": [log_row(entry, call.account.uid) for entry in rows]}


def closed_pnl(call: Call) -> Result:
    if rules.category_of(call.params) != "linear":
        raise Refusal(10001, "Illegal category")
    inside = window(call)
    symbol = call.text("symbol")
    shown = [row for row in call.account.closed if inside(row.updated_ms) and symbol in ("", row.symbol)]
    rows, cursor = page(call, shown, default=50, most=100)
    return {"nextPageCursor": cursor, "category": "linear", "list": [closed_row(row) for row in rows]}


def coin_info(call: Call) -> Result:
    """The coins traded on spot. Deposits and withdrawals are not simulated, so no coin has a chain."""
    wanted = call.text("coin")
    pairs = [one for (kind, _), one in call.venue.market.instruments.items() if kind == "spot"]
    coins = sorted({one.base for one in pairs} | {one.quote for one in pairs})
    rows = [{"name": coin, "coin": coin, "remainAmount": "0", "chains": []} for coin in coins]
    return {"rows": [row for row in rows if wanted in ("", row["coin"])]}


ROUTES: Final = (
    Route("GET", "/v5/account/wallet-balance", "account.wallet-balance", wallet_balance, signed=True),
    Route("GET", "/v5/account/info", "account.info", account_info, signed=True),
    Route(
        "GET",
        "/v5/account/user-setting-config",
        "account.user-setting-config",
        user_setting_config,
        signed=True,
    ),
    Route(
        "POST",
        "/v5/account/set-limit-px-action",
        "account.set-limit-px-action",
        set_limit_px_action,
        signed=True,
    ),
    Route("GET", "/v5/account/fee-rate", "account.fee-rate", fee_rate, signed=True),
    Route("GET", "/v5/account/transaction-log", "account.transaction-log", transaction_log, signed=True),
    Route("GET", "/v5/asset/coin/query-info", "asset.coin-info", coin_info, signed=True),
    Route("GET", "/v5/user/query-api", "user.query-api", query_api, signed=True),
    Route("GET", "/v5/position/list", "position.list", position_list, signed=True),
    Route("GET", "/v5/position/symbol-info", "position.symbol-info", symbol_info, signed=True),
    Route("POST", "/v5/position/set-leverage", "position.set-leverage", set_leverage, signed=True),
    Route("POST", "/v5/position/switch-mode", "position.switch-mode", switch_mode, signed=True),
    Route("GET", "/v5/position/closed-pnl", "position.closed-pnl", closed_pnl, signed=True),
)
