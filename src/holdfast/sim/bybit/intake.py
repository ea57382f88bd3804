"""Taking orders in: what the venue checks before it acknowledges (bybit_linear.md, sections 5, 11 and 15)."""

from dataclasses import replace
from decimal import ROUND_FLOOR, Decimal
from typing import Any, Final

from holdfast.core.money import plain
from holdfast.sim.bybit import bands, rules
from holdfast.sim.bybit.account import Account, Ids
from holdfast.sim.bybit.codes import CODES
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.liquidity import Liquidity
from holdfast.sim.bybit.margin import SETTLE, Margin
from holdfast.sim.bybit.ports import Instrument, Market
from holdfast.sim.bybit.records import ZERO, Order
from holdfast.sim.bybit.rules import Draft
from holdfast.sim.faults import Faults

MARKET_MARGIN: Final = Decimal("1.0005")
"""Sim rule: a market order's margin is taken at the best opposite price and this much more."""
MAX_ACTIVE_PER_SYMBOL: Final = 500
MAX_ACTIVE_SPOT: Final = 500
MINUTE_MS: Final = 60_000
SETTLING: Final = 110063
NO_PRICE: Final = 110118
HALTED: Final = 110066
HALTED_SPOT: Final = 170157
PRE_LAUNCH, CLOSED = "PreLaunch", "Closed"


def _largest(draft: Draft) -> Decimal:
    instrument = draft.instrument
    return instrument.max_market_qty if draft.order_type == "Market" else instrument.max_limit_qty


class Intake:
    def __init__(
        self, market: Market, ids: Ids, margin: Margin, liquidity: Liquidity, faults: Faults
    ) -> None:
        self._market = market
        self._faults = faults
        self._ids = ids
        self._margin = margin
        self._liquidity = liquidity

    def place(self, account: Account, body: dict[str, Any], now_ms: int) -> Order:
        """Check a create request and register its order, not yet matched.

        Raises:
            Refusal: nothing was registered.
        """
        draft = rules.draft(body, self._market, account)
        self._check_link_id(account, draft, now_ms)
        self._check_status(draft.instrument, draft.reduce_only)
        self._check_settling(account, draft.instrument, now_ms)
        if draft.reduce_only:
            draft = self._reduced(account, draft)
        order = self._order(account, draft, now_ms)
        self._check_room(account, order)
        if order.category == "spot":
            self._lock(account, order, now_ms)
        elif not order.reduce_only:
            self._check_margin(account, order, now_ms)
        self._register(account, order)
        return order

    def amend(self, account: Account, order: Order, body: dict[str, Any], now_ms: int) -> None:
        """Check and apply a new quantity, a new price or both.

        Raises:
            Refusal: the order is as it was.
        """
        qty, price = rules.number(body, "qty"), rules.number(body, "price")
        self._check_amendment(order, qty, price)
        self._check_settling(account, self._market.instruments[order.category, order.symbol], now_ms)
        before = (order.qty, order.bound, order.margin_price, order.locked)
        try:
            self._apply(account, order, qty, price, now_ms)
        except Refusal:
            order.qty, order.bound, order.margin_price, order.locked = before
            raise
        order.updated_ms = now_ms
        order.priority = self._ids.sequence()

    def _check_amendment(self, order: Order, qty: Decimal | None, price: Decimal | None) -> None:
        instrument = self._market.instruments[order.category, order.symbol]
        self._check_halt(instrument)
        if order.order_type == "Market" or (qty is None and price is None):
            raise Refusal(10001, "params error: qty or price of a limit order is required")
        if price is not None:
            rules.check_price(instrument, price)
        if qty is None:
            return
        if order.category == "linear":
            rules.check_linear_quantity(instrument, order.order_type, qty)
        elif qty % instrument.lot:
            raise Refusal(170137, "Order volume decimal too long.")
        if qty <= order.filled:
            raise Refusal(110064, "The modified quantity must be greater than the executed quantity.")

    def _apply(
        self, account: Account, order: Order, qty: Decimal | None, price: Decimal | None, now_ms: int
    ) -> None:
        instrument = self._market.instruments[order.category, order.symbol]
        if qty is not None:
            order.qty = qty
        if price is not None:
            order.bound = order.margin_price = self._banded(account, order.side, instrument, price, now_ms)
        if order.category == "spot":
            self._lock(account, order, now_ms)
        elif not order.reduce_only:
            self._check_margin(account, order, now_ms)

    def _check_link_id(self, account: Account, draft: Draft, now_ms: int) -> None:
        known = account.order_by_link.get((draft.category, draft.link_id)) if draft.link_id else None
        kept_s = account.spec.behaviour.forgets_link_ids_s
        if known is None or (
            kept_s is not None and not known.is_open and now_ms - known.updated_ms >= kept_s * 1000
        ):
            return
        raise (
            Refusal(170141, "Duplicate clientOrderId.")
            if draft.category == "spot"
            else Refusal(110072, "OrderLinkedID is duplicate")
        )

    def _check_halt(self, instrument: Instrument) -> None:
        """A trading halt refuses new and changed orders; cancelling goes on (sim rule)."""
        halt = self._faults.holds(f"bybit.instrument.{instrument.category}.{instrument.symbol}", "halt")
        if halt is not None:
            code = halt.code or (HALTED_SPOT if instrument.category == "spot" else HALTED)
            raise Refusal(code, CODES[code])

    def _check_settling(self, account: Account, instrument: Instrument, now_ms: int) -> None:
        interval_ms = instrument.funding_interval_minutes * MINUTE_MS
        if interval_ms and now_ms % interval_ms < account.spec.behaviour.settlement_pause_ms:
            raise Refusal(SETTLING, CODES[SETTLING])

    def _check_status(self, instrument: Instrument, reduce_only: bool) -> None:
        self._check_halt(instrument)
        spot = instrument.category == "spot"
        if instrument.status == "Trading":
            return
        if spot:
            raise Refusal(170151, "This trading pair is not available.")
        if instrument.status in (PRE_LAUNCH, CLOSED):
            raise Refusal(110074, "This contract is not live")
        if not reduce_only:
            raise Refusal(110023, "Currently you can only reduce position, please check the announcement.")

    def _reduced(self, account: Account, draft: Draft) -> Draft:
        """A reduce-only request cut down to the position; 110017 when there is nothing to reduce.

        ``reserve_reduce_only`` counts what other reduce-only orders have already reserved of the position.
        """
        symbol = draft.instrument.symbol
        sign = 1 if draft.side == "Buy" else -1
        held = account.signed_size(symbol, draft.position_idx)
        room = max(ZERO, -held * sign)
        if account.spec.behaviour.reserve_reduce_only:
            room = max(ZERO, room - self._reserved(account, draft))
        if room == 0:
            raise Refusal(110017, "current position is zero, cannot fix reduce-only order qty")
        wanted = draft.qty or min(room, _largest(draft))
        return replace(draft, qty=min(wanted, room))

    def _reserved(self, account: Account, draft: Draft) -> Decimal:
        place = (draft.instrument.symbol, draft.position_idx, draft.side)
        standing = (o for o in account.open_orders.values() if o.reduce_only)
        return sum((o.leaves for o in standing if (o.symbol, o.position_idx, o.side) == place), ZERO)

    def _order(self, account: Account, draft: Draft, now_ms: int) -> Order:
        instrument = draft.instrument
        bound, margin_price = self._prices(account, draft, now_ms)
        rules.check_notional(draft, margin_price)
        sequence = self._ids.sequence()
        return Order(
            sequence=sequence,
            order_id=self._ids.uuid()
            if draft.category == "linear"
            else str(1_800_000_000_000_000_000 + sequence),
            link_id=draft.link_id,
            category=draft.category,
            symbol=instrument.symbol,
            side=draft.side,
            order_type=draft.order_type,
            qty=draft.qty,
            bound=bound,
            time_in_force=draft.time_in_force,
            created_ms=now_ms,
            updated_ms=now_ms,
            priority=sequence,
            reduce_only=draft.reduce_only,
            close_on_trigger=draft.close_on_trigger,
            position_idx=draft.position_idx,
            quote_sized=draft.quote_sized,
            market_unit=draft.market_unit,
            slippage_type=draft.slippage_type,
            slippage=plain(draft.slippage) if draft.slippage is not None else "",
            smp_type=draft.smp_type,
            is_leverage=draft.is_leverage,
            last_price=self._market.last_price(draft.category, instrument.symbol),
            most_share=account.spec.behaviour.max_fill,
            margin_price=margin_price,
        )

    def _prices(self, account: Account, draft: Draft, now_ms: int) -> tuple[Decimal, Decimal]:
        """The worst price the order may trade at, and the price its margin is counted at."""
        instrument = draft.instrument
        if draft.order_type == "Limit":
            price = self._banded(account, draft.side, instrument, draft.price, now_ms)
            return price, price
        category, symbol = draft.category, instrument.symbol
        linear = category == "linear"
        reference = (
            self._market.mark_price(category, symbol) if linear else self._market.last_price(category, symbol)
        )
        bound = bands.protection(reference, draft.side, instrument.tick)
        best = self._liquidity.best((category, symbol), draft.side, now_ms)
        if best is None:
            self._refuse_empty_book(account, draft, bound)
            return bound, reference
        if draft.slippage is not None:
            worst = bands.tolerance(best, draft.side, draft.slippage_type, draft.slippage, instrument.tick)
            bound = min(bound, worst) if draft.side == "Buy" else max(bound, worst)
        if (best > bound) if draft.side == "Buy" else (best < bound):
            self._refuse_empty_book(account, draft, bound)
        return bound, best * MARKET_MARGIN if draft.side == "Buy" else best

    def _refuse_empty_book(self, account: Account, draft: Draft, bound: Decimal) -> None:
        if account.spec.behaviour.no_liquidity == "no_price":
            raise Refusal(NO_PRICE, CODES[NO_PRICE])
        if account.spec.behaviour.no_liquidity == "error":
            worst = int(bound * rules.SCALE)
            raise Refusal(10001, f"{draft.side.lower()}: [{worst},{worst}] invalid")

    def _banded(
        self, account: Account, side: str, instrument: Instrument, price: Decimal, now_ms: int
    ) -> Decimal:
        """Beyond the band a futures price is moved to it by default, a spot price is refused."""
        allowed = bands.band(self._market, instrument, self._margin.index_price(instrument, now_ms))
        if allowed.allows(side, price):
            return price
        if instrument.category == "spot":
            code = 170193 if side == "Buy" else 170194
            limit = allowed.highest_buy if side == "Buy" else allowed.lowest_sell
            word = "higher" if side == "Buy" else "lower"
            raise Refusal(code, f"{side} order price cannot be {word} than {plain(limit)}.")
        if account.reject_beyond_band:
            raise Refusal(110003, "Order price exceeds the allowable range.")
        return allowed.nearest(side, price)

    def _check_room(self, account: Account, order: Order) -> None:
        if order.category == "spot":
            if sum(o.category == "spot" for o in account.open_orders.values()) >= MAX_ACTIVE_SPOT:
                raise Refusal(170810, "Cannot exceed maximum of 500 conditional, TP/SL and active orders.")
            return
        place = (order.category, order.symbol)
        standing = sum((o.category, o.symbol) == place for o in account.open_orders.values())
        if standing >= MAX_ACTIVE_PER_SYMBOL:
            raise Refusal(110020, "Not allowed to have more than 500 active orders")

    def _check_margin(self, account: Account, order: Order, now_ms: int) -> None:
        """110007 unless the margin this order adds is covered by what is available without it."""
        others = [o for o in account.open_orders.values() if o is not order]
        added = self._margin.order_margin(account, [*others, order]) - self._margin.order_margin(
            account, others
        )
        held = order.order_id in account.open_orders
        wallet = self._margin.wallet(account, now_ms, skipping=order if held else None)
        if added > wallet.available:
            raise Refusal(110007, "ab not enough for new order")

    def _lock(self, account: Account, order: Order, now_ms: int) -> None:
        """Set aside what a spot order may have to pay; 170131 when it is not there.

        A market buy sized in base sets aside the worst case, or all there is when that covers the best case.
        """
        instrument = self._market.instruments["spot", order.symbol]
        order.locked, order.locked_coin = ZERO, instrument.quote if order.side == "Buy" else instrument.base
        free = account.balance(order.locked_coin) - account.locked(order.locked_coin)
        if order.quote_sized == (order.side == "Buy"):
            needed = least = order.leaves
        elif order.side == "Buy":
            needed, least = order.leaves * order.bound, order.leaves * order.margin_price
        else:
            needed, least = order.leaves / order.bound, order.leaves / order.margin_price
        if order.locked_coin == SETTLE:
            available = self._margin.wallet(account, now_ms).available
            free = min(free, available.quantize(Decimal("1e-8"), ROUND_FLOOR))
        if least > free:
            raise Refusal(170131, "Insufficient balance.")
        order.locked = min(needed, free)

    def _register(self, account: Account, order: Order) -> None:
        account.orders[order.order_id] = order
        account.open_orders[order.order_id] = order
        if order.link_id:
            account.order_by_link[order.category, order.link_id] = order
