"""Matching against the market's book and resting orders, by price and then time."""

from collections import deque
from decimal import Decimal

from holdfast.core.money import floor_to
from holdfast.sim.bybit.account import RECENT_ORDERS, Account
from holdfast.sim.bybit.funding import Funding
from holdfast.sim.bybit.liquidity import Key, Liquidity, Offer, Resting
from holdfast.sim.bybit.ports import Market
from holdfast.sim.bybit.publisher import Publisher
from holdfast.sim.bybit.records import ZERO, Execution, Order
from holdfast.sim.bybit.settlement import Settlement
from holdfast.sim.faults import Faults

NO_COUNTERPARTY = "EC_NoImmediateQtyToFill"
WOULD_TAKE = "EC_PostOnlyWillTakeLiquidity"


class Matching:
    def __init__(
        self,
        market: Market,
        liquidity: Liquidity,
        settlement: Settlement,
        funding: Funding,
        publisher: Publisher,
        faults: Faults,
    ) -> None:
        self._faults = faults
        self._market = market
        self._liquidity = liquidity
        self._settlement = settlement
        self._funding = funding
        self._publisher = publisher

    def process(self, account: Account, order: Order, now_ms: int) -> None:
        """Let an acknowledged order meet the book: fill what it can, then end it or let it rest.

        Faults at ``bybit.engine.<category>.<symbol>``: ``reject``, ``reject_post_only``,
        ``partial_fill``, ``funding``.
        """
        if not order.is_open:
            return
        place = f"bybit.engine.{order.category}.{order.symbol}"
        refusal = self._refusal(account, order, place)
        if refusal is not None:
            status, reason = refusal
            self.finish(account, order, status, now_ms, reason=reason)
            return
        partial = self._faults.take(place, "partial_fill", uid=account.uid)
        if partial is not None:
            order.most_share, order.pieces = Decimal(str(partial.share)), partial.pieces
        self._match(account, order, now_ms)
        if order.category == "linear" and self._faults.take(place, "funding", uid=account.uid) is not None:
            self._funding.settle_now(account, now_ms, order.symbol)

    def _refusal(self, account: Account, order: Order, place: str) -> tuple[str, str] | None:
        """The status and rejectReason of an order that may not even try."""
        rule = self._faults.take(place, "reject", uid=account.uid)
        if rule is not None:
            return "Rejected" if rule.order_status == "Rejected" else dead_status(order), rule.reason
        passive = order.time_in_force == "PostOnly"
        if passive and self._faults.take(place, "reject_post_only", uid=account.uid) is not None:
            return dead_status(order), WOULD_TAKE
        if self._liquidity.is_halted((order.category, order.symbol)):
            return dead_status(order), "EC_InvalidSymbolStatus"
        return None

    def settle_funding(self, account: Account, symbol: str, now_ms: int) -> None:
        """Bring a symbol's funding up to date, as is due before its position changes."""
        self._funding.settle(account, symbol, now_ms)

    def _match(self, account: Account, order: Order, now_ms: int) -> None:
        if not self._trim_reduce_only(account, order):
            self.finish(account, order, "Cancelled", now_ms, cancel_type="CancelByReduceOnly")
            return
        offers = list(self._liquidity.offers((order.category, order.symbol), order.side, order.bound, now_ms))
        if order.time_in_force == "PostOnly" and offers:
            self.finish(account, order, dead_status(order), now_ms, reason=WOULD_TAKE)
            return
        if order.time_in_force == "FOK" and self._obtainable(order, offers) < order.leaves:
            self.finish(account, order, "Cancelled", now_ms, reason="EC_CancelForNoFullFill")
            return
        executions = self._take(account, order, offers, now_ms)
        if self._is_filled(order):
            self.finish(account, order, "Filled", now_ms, executions=executions)
        elif order.time_in_force in ("IOC", "FOK"):
            self.finish(
                account, order, dead_status(order), now_ms, reason=NO_COUNTERPARTY, executions=executions
            )
        else:
            self._rest(account, order, executions, now_ms)

    def sweep(self, now_ms: int) -> None:
        """Fill resting orders the market has moved through."""
        for key in self._liquidity.symbols_with_resting():
            for resting in self._liquidity.resting(key):
                if resting.order.is_open and self._is_crossed(key, resting.order, now_ms):
                    self._fill_resting(key, resting, now_ms)

    def cancel(
        self, account: Account, order: Order, now_ms: int, *, cancel_type: str = "CancelByUser"
    ) -> None:
        """End an open order. Lost races are told as the venue tells them: the final order once more."""
        if order.is_open:
            status = "PartiallyFilledCanceled" if order.category == "spot" and order.filled else "Cancelled"
            self.finish(account, order, status, now_ms, cancel_type=cancel_type)
            return
        if order.status == "Filled" and cancel_type == "CancelByUser":
            order.cancel_type, order.reject_reason = "CancelByUser", "EC_OrigClOrdIDDoesNotExist"
            account.past.note(order, now_ms)
            self._publisher.order(account, order)

    def finish(
        self,
        account: Account,
        order: Order,
        status: str,
        now_ms: int,
        *,
        cancel_type: str = "UNKNOWN",
        reason: str = "EC_NoError",
        executions: list[Execution] | None = None,
    ) -> None:
        order.status, order.cancel_type, order.reject_reason = status, cancel_type, reason
        order.updated_ms = now_ms
        order.locked = ZERO
        account.open_orders.pop(order.order_id, None)
        recent = account.recent.setdefault(order.category, deque(maxlen=RECENT_ORDERS))
        recent.append(order)
        self._liquidity.remove(order)
        self._tell(account, order, executions or [], now_ms)
        if executions:
            self._cancel_excess_reduce_only(account, order, now_ms)

    def _rest(self, account: Account, order: Order, executions: list[Execution], now_ms: int) -> None:
        order.status = "PartiallyFilled" if order.filled else "New"
        order.updated_ms = now_ms
        self._liquidity.rest(account, order)
        self._tell(account, order, executions, now_ms)

    def _tell(self, account: Account, order: Order, executions: list[Execution], now_ms: int) -> None:
        account.past.note(order, now_ms)
        self._publisher.trade(account, order, executions)
        if order.category == "linear":
            self._publisher.position(account, order.symbol, order.position_idx)
        if executions or order.category == "spot":
            self._publisher.wallet(account, now_ms)

    def _take(self, account: Account, order: Order, offers: list[Offer], now_ms: int) -> list[Execution]:
        executions: list[Execution] = []
        key = (order.category, order.symbol)
        for offer in offers:
            wanted = self._wanted(order, offer.price)
            if wanted <= 0:
                break
            qty = min(wanted, offer.qty if offer.maker is None else self._maker_can(offer.maker))
            if qty <= 0:
                continue
            if offer.maker is None:
                self._liquidity.take(key, order.side, offer.price, qty, now_ms)
            else:
                self._fill_maker(offer.maker, offer.price, qty, now_ms)
            executions += self._fill(account, order, offer.price, qty, now_ms, maker=False)
        return executions

    def _fill(
        self, account: Account, order: Order, price: Decimal, qty: Decimal, now_ms: int, *, maker: bool
    ) -> list[Execution]:
        if order.category == "linear":
            self._funding.settle(account, order.symbol, now_ms)
        self._liquidity.touch((order.category, order.symbol))
        lot = self._market.instruments[order.category, order.symbol].lot
        return [
            self._settlement.fill(account, order, price, piece, maker=maker, now_ms=now_ms)
            for piece in cut(qty, order.pieces, lot)
        ]

    def _fill_maker(self, resting: Resting, price: Decimal, qty: Decimal, now_ms: int) -> None:
        account, order = resting.account, resting.order
        executions = self._fill(account, order, price, qty, now_ms, maker=True)
        if self._is_filled(order):
            self.finish(account, order, "Filled", now_ms, executions=executions)
        else:
            order.status = "PartiallyFilled"
            self._tell(account, order, executions, now_ms)

    def _fill_resting(self, key: Key, resting: Resting, now_ms: int) -> None:
        """As a maker at its own price, for as much as the market now offers at that price or better."""
        account, order = resting.account, resting.order
        if not self._trim_reduce_only(account, order):
            self.finish(account, order, "Cancelled", now_ms, cancel_type="CancelByReduceOnly")
            return
        direction = order.sign
        for price, offered in self._liquidity.market_levels(key, order.side, 50, now_ms):
            qty = min(offered, self._wanted(order, order.bound))
            if direction * price > direction * order.bound or qty <= 0 or not order.is_open:
                return
            self._liquidity.take(key, order.side, price, qty, now_ms)
            self._fill_maker(resting, order.bound, qty, now_ms)

    def _is_crossed(self, key: Key, order: Order, now_ms: int) -> bool:
        best = next(self._liquidity.market_levels(key, order.side, 1, now_ms), None)
        return best is not None and order.sign * best[0] <= order.sign * order.bound

    def _wanted(self, order: Order, price: Decimal) -> Decimal:
        """How much base this order still takes at ``price``: on the grid, and within what was set aside."""
        lot = self._market.instruments[order.category, order.symbol].lot
        wanted = order.leaves / price if order.quote_sized else order.leaves
        if order.most_share is not None:
            done = order.value / price if order.quote_sized else order.filled
            most = order.qty / price if order.quote_sized else order.qty
            wanted = min(wanted, most * order.most_share - done)
        if order.category == "spot":
            wanted = min(wanted, order.locked / price if order.side == "Buy" else order.locked)
        return floor_to(wanted, lot) * lot

    def _maker_can(self, maker: Resting) -> Decimal:
        """A resting reduce-only order fills no more than its position."""
        order = maker.order
        if not order.reduce_only:
            return order.leaves
        held = maker.account.signed_size(order.symbol, order.position_idx)
        return min(order.leaves, max(ZERO, -held * order.sign))

    def _obtainable(self, order: Order, offers: list[Offer]) -> Decimal:
        if order.quote_sized:
            return sum((o.price * o.qty for o in offers), ZERO)
        return sum((o.qty for o in offers), ZERO)

    def _is_filled(self, order: Order) -> bool:
        return order.qty == (order.value if order.quote_sized else order.filled)

    def _trim_reduce_only(self, account: Account, order: Order) -> bool:
        """Cut a reduce-only order down to the position; false when nothing is left to reduce."""
        if not order.reduce_only:
            return True
        held = account.signed_size(order.symbol, order.position_idx)
        room = max(ZERO, -held * order.sign)
        if room < order.leaves:
            order.qty = order.filled + room
        return room > 0

    def _cancel_excess_reduce_only(self, account: Account, cause: Order, now_ms: int) -> None:
        """Resting reduce-only orders that could no longer reduce anything."""
        if cause.category != "linear":
            return
        held = account.signed_size(cause.symbol, cause.position_idx)
        for order in list(account.open_orders.values()):
            same = order.symbol == cause.symbol and order.position_idx == cause.position_idx
            if same and order.reduce_only and order.category == "linear" and held * order.sign >= 0:
                self.finish(account, order, "Cancelled", now_ms, cancel_type="CancelByReduceOnly")


def cut(qty: Decimal, pieces: int, lot: Decimal) -> list[Decimal]:
    """``qty`` in at most so many parts on the lot grid; the last takes what is left."""
    part = floor_to(qty / pieces, lot) * lot
    if pieces == 1 or part == 0:
        return [qty]
    return [part] * (pieces - 1) + [qty - part * (pieces - 1)]


def dead_status(order: Order) -> str:
    """How an order ends that found no (more) counterparty: PartiallyFilledCanceled exists on spot only."""
    return "PartiallyFilledCanceled" if order.category == "spot" and order.filled else "Cancelled"
