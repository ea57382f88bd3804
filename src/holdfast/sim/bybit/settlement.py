"""What a fill does to an account: position, wallet, transaction log and closed P&L, exact to 1e-8."""

from dataclasses import dataclass
from decimal import Decimal

from holdfast.sim.bybit.account import Account, Ids
from holdfast.sim.bybit.ports import Instrument, Market
from holdfast.sim.bybit.records import ZERO, ClosedPnl, Execution, LogEntry, Order, Position, side_of


def cents(value: Decimal) -> Decimal:
    """Rounded to the venue's smallest money unit."""
    return round(value, 8)


@dataclass(frozen=True, slots=True)
class Closing:
    """The part of a fill that closes: how much, what it cost to open, and what it realised."""

    size: Decimal = ZERO
    entry_value: Decimal = ZERO
    open_fee: Decimal = ZERO
    pnl: Decimal = ZERO


class Settlement:
    def __init__(self, market: Market, ids: Ids) -> None:
        self._market = market
        self._ids = ids

    def fill(
        self, account: Account, order: Order, price: Decimal, qty: Decimal, *, maker: bool, now_ms: int
    ) -> Execution:
        """Book one trade of ``qty`` base coin at ``price`` and return its execution."""
        value = cents(price * qty)
        order.filled += qty
        order.value += value
        order.updated_ms = now_ms
        if order.category == "spot":
            return self._fill_spot(account, order, price, qty, value, maker, now_ms)
        return self._fill_linear(account, order, price, qty, value, maker, now_ms)

    def _fill_linear(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        qty: Decimal,
        value: Decimal,
        maker: bool,
        now_ms: int,
    ) -> Execution:
        rates = account.spec.fee_rate("linear", order.symbol)
        rate = rates.maker if maker else rates.taker
        fee = cents(value * rate)
        position = self.position(account, order.symbol, order.position_idx, now_ms)
        closing = self.move(position, order.sign, price, qty, fee, now_ms)
        execution = self._execution(order, price, qty, value, maker, now_ms)
        settle = self._market.instruments["linear", order.symbol].settle
        execution.fee_rate, execution.fee, execution.fee_coin = rate, fee, settle
        execution.closed_size, execution.pnl = closing.size, closing.pnl
        order.closed_pnl += closing.pnl
        if closing.size:
            fee_part = cents(fee * closing.size / qty)
            self.book_closed(account, execution, closing, fee_part, order.qty)
        paid_in_mnt = self._mnt_fee(account, fee)
        if paid_in_mnt is not None:
            execution.fee, execution.fee_coin = paid_in_mnt, "MNT"
        self.log_trade(account, execution, position.quantity, settle, closing.pnl)
        if paid_in_mnt is not None:
            self.log_trade(account, execution, position.quantity, "MNT", ZERO)
        _add(order.fees, execution.fee_coin, execution.fee)
        account.executions.append(execution)
        return execution

    def _mnt_fee(self, account: Account, fee: Decimal) -> Decimal | None:
        """The fee in MNT when the account pays so and has enough of it."""
        behaviour = account.spec.behaviour
        if behaviour.fee_coin != "MNT":
            return None
        amount = cents(fee / behaviour.mnt_price)
        return amount if account.balance("MNT") >= amount else None

    def position(self, account: Account, symbol: str, idx: int, now_ms: int) -> Position:
        """The position, made empty when there is none yet."""
        held = account.position(symbol, idx)
        if held is None:
            held = Position(symbol, idx, self._ids.sequence(), now_ms, now_ms, now_ms)
            account.positions[symbol, idx] = held
        return held

    def move(
        self, position: Position, sign: int, price: Decimal, qty: Decimal, fee: Decimal, now_ms: int
    ) -> Closing:
        """Net a trade into a one-way position: reduce first, then open what is left on the other side."""
        position.sequence = self._ids.sequence()
        position.updated_ms = now_ms
        closing = Closing()
        if position.quantity * sign < 0:
            closing = self._reduce(position, price, min(qty, position.size))
        if not position.quantity:
            position.created_ms = position.funded_ms = now_ms
            position.current_realised = ZERO
        position.current_realised += closing.pnl - fee
        position.total_realised += closing.pnl - fee
        opening = qty - closing.size
        position.quantity += sign * opening
        position.cost += cents(opening * price)
        position.open_fee += fee - cents(fee * closing.size / qty)
        return closing

    def _reduce(self, position: Position, price: Decimal, size: Decimal) -> Closing:
        whole = size == position.size
        entry_value = position.cost if whole else cents(position.cost * size / position.size)
        open_fee = position.open_fee if whole else cents(position.open_fee * size / position.size)
        direction = 1 if position.quantity > 0 else -1
        pnl = direction * (cents(size * price) - entry_value)
        position.quantity -= direction * size
        position.cost -= entry_value
        position.open_fee -= open_fee
        return Closing(size, entry_value, open_fee, pnl)

    def book_closed(
        self, account: Account, execution: Execution, closing: Closing, close_fee: Decimal, order_qty: Decimal
    ) -> None:
        """One row per closing order; further fills of it are added."""
        row = account.closed[-1] if account.closed else None
        if row is None or row.order_id != execution.order_id:
            row = ClosedPnl(
                sequence=self._ids.sequence(),
                symbol=execution.symbol,
                order_id=execution.order_id,
                side=execution.side,
                order_type=execution.order_type,
                order_price=execution.order_price,
                qty=order_qty,
                leverage=account.leverage_of(execution.symbol),
                exec_type=execution.exec_type,
                created_ms=execution.time_ms,
                updated_ms=execution.time_ms,
            )
            account.closed.append(row)
        row.closed += closing.size
        row.entry_value += closing.entry_value
        row.exit_value += cents(closing.size * execution.price)
        row.open_fee += closing.open_fee
        row.close_fee += close_fee
        row.fills += 1
        row.updated_ms = execution.time_ms

    def _fill_spot(
        self,
        account: Account,
        order: Order,
        price: Decimal,
        qty: Decimal,
        value: Decimal,
        maker: bool,
        now_ms: int,
    ) -> Execution:
        """The fee is taken from the coin received [order/create-order, enum]."""
        instrument = self._market.instruments["spot", order.symbol]
        rates = account.spec.fee_rate("spot", order.symbol)
        rate = rates.maker if maker else rates.taker
        buying = order.side == "Buy"
        coin, paid_coin = instrument.base, instrument.quote
        received, paid = qty, value
        if not buying:
            coin, paid_coin, received, paid = paid_coin, coin, paid, received
        execution = self._execution(order, price, qty, value, maker, now_ms)
        execution.fee, execution.fee_rate, execution.fee_coin = cents(received * rate), rate, coin
        promised = cents(qty * order.bound) if buying and order.order_type == "Limit" else paid
        order.locked = max(ZERO, order.locked - promised)
        self.log_trade(account, execution, ZERO, coin, received)
        self.log_trade(account, execution, ZERO, paid_coin, -paid)
        _add(order.fees, coin, execution.fee)
        account.executions.append(execution)
        return execution

    def log_trade(
        self, account: Account, execution: Execution, size: Decimal, coin: str, cash_flow: Decimal
    ) -> None:
        """One line per coin that moves; the fee stands on the line of its own coin."""
        kind = {"AdlTrade": "ADL", "BustTrade": "LIQUIDATION", "Delivery": "DELIVERY"}.get(
            execution.exec_type, "TRADE"
        )
        fee = execution.fee if coin == execution.fee_coin else ZERO
        account.realised[coin] = account.realised.get(coin, ZERO)
        if execution.category == "linear":
            account.realised[coin] += cash_flow - fee
        account.book(
            LogEntry(
                sequence=self._ids.sequence(),
                type=kind,
                coin=coin,
                category=execution.category,
                symbol=execution.symbol,
                side=execution.side,
                cash_flow=cash_flow,
                funding=ZERO,
                fee=fee,
                cash_balance=ZERO,
                time_ms=execution.time_ms,
                qty=execution.qty,
                size=size,
                price=execution.price,
                fee_rate=execution.fee_rate,
                order_id=execution.order_id,
                link_id=execution.link_id,
                trade_id=execution.exec_id,
            )
        )

    def _execution(
        self,
        order: Order,
        price: Decimal,
        qty: Decimal,
        value: Decimal,
        maker: bool,
        now_ms: int,
    ) -> Execution:
        instrument = self._market.instruments[order.category, order.symbol]
        leaves = order.qty - (order.value if order.quote_sized else order.filled)
        return Execution(
            sequence=self._ids.sequence(),
            exec_id=self._ids.uuid()
            if order.category == "linear"
            else str(2_100_000_000_000_000_000 + self._ids.sequence()),
            order_id=order.order_id,
            link_id=order.link_id,
            category=order.category,
            symbol=order.symbol,
            side=order.side,
            exec_type="Trade",
            order_type=order.order_type,
            order_price=order.bound,
            order_qty=order.qty,
            leaves=leaves,
            price=price,
            qty=qty,
            value=value,
            fee=ZERO,
            fee_coin="",
            fee_rate=ZERO,
            is_maker=maker,
            closed_size=ZERO,
            pnl=ZERO,
            mark=self._mark(instrument, price),
            index=ZERO,
            time_ms=now_ms,
            create_type=order.create_type,
            market_unit=order.market_unit,
        )

    def _mark(self, instrument: Instrument, price: Decimal) -> Decimal:
        return (
            self._market.mark_price("linear", instrument.symbol) if instrument.category == "linear" else price
        )

    def force_close(
        self, account: Account, position: Position, price: Decimal, size: Decimal, now_ms: int, *, how: str
    ) -> Execution:
        """Close ``size`` of a position without an order of the user's.

        ``how`` is the execType: Delivery (delisting), AdlTrade or BustTrade; there is no link id.
        """
        create_type = {"Delivery": "CreateBySettle", "AdlTrade": "CreateByAdl_PassThrough"}
        sign = -1 if position.quantity > 0 else 1
        settle = self._market.instruments["linear", position.symbol].settle
        closing = self.move(position, sign, price, size, ZERO, now_ms)
        execution = Execution(
            sequence=self._ids.sequence(),
            exec_id=self._ids.uuid(),
            order_id=self._ids.uuid(),
            link_id="",
            category="linear",
            symbol=position.symbol,
            side=side_of(Decimal(sign)),
            exec_type=how,
            order_type="Market",
            order_price=price,
            order_qty=size,
            leaves=ZERO,
            price=price,
            qty=size,
            value=cents(price * size),
            fee=ZERO,
            fee_coin=settle,
            fee_rate=ZERO,
            is_maker=False,
            closed_size=size,
            pnl=closing.pnl,
            mark=price,
            index=ZERO,
            time_ms=now_ms,
            create_type=create_type.get(how, "CreateByTakeOver_PassThrough"),
        )
        self.book_closed(account, execution, closing, ZERO, size)
        self.log_trade(account, execution, position.quantity, settle, closing.pnl)
        account.executions.append(execution)
        return execution


def _add(amounts: dict[str, Decimal], coin: str, amount: Decimal) -> None:
    amounts[coin] = amounts.get(coin, ZERO) + amount
