"""What the venue keeps about an account: orders, executions, positions, the transaction log, closed P&L."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

ZERO: Final = Decimal(0)

Wealth = dict[str, Decimal]
"""Amounts by coin."""

OPEN_STATUSES: Final = frozenset({"New", "PartiallyFilled"})


def sign_of(side: str) -> int:
    return 1 if side == "Buy" else -1


def side_of(signed: Decimal) -> str:
    return "" if signed == 0 else "Buy" if signed > 0 else "Sell"


@dataclass(slots=True, eq=False)
class Order:
    """One order. ``qty`` is in base coin, or in quote coin when ``quote_sized`` (a spot market buy).

    ``bound`` is the worst price it may trade at: the limit price, or the protection price of a market order.
    ``priority`` orders resting orders of one price; it grows when an amendment loses the place in the queue.
    """

    sequence: int
    order_id: str
    link_id: str
    category: str
    symbol: str
    side: str
    order_type: str
    qty: Decimal
    bound: Decimal
    time_in_force: str
    created_ms: int
    updated_ms: int
    priority: int
    reduce_only: bool = False
    close_on_trigger: bool = False
    position_idx: int = 0
    quote_sized: bool = False
    market_unit: str = ""
    slippage_type: str = "UNKNOWN"
    slippage: str = ""
    smp_type: str = "None"
    is_leverage: str = ""
    status: str = "New"
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    create_type: str = "CreateByUser"
    filled: Decimal = ZERO
    value: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict)
    closed_pnl: Decimal = ZERO
    last_price: Decimal = ZERO
    margin_price: Decimal = ZERO
    locked: Decimal = ZERO
    locked_coin: str = ""
    """Spot: how much of which coin is still promised to this order."""
    most_share: Decimal | None = None
    pieces: int = 1
    """Partial fills on demand: the share of ``qty`` it may fill at most, and into how many executions a fill
    is cut."""

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    @property
    def leaves(self) -> Decimal:
        """What is left to fill, in the unit of ``qty``; zero once the order is final."""
        if not self.is_open:
            return ZERO
        return self.qty - (self.value if self.quote_sized else self.filled)

    @property
    def sign(self) -> int:
        return sign_of(self.side)


@dataclass(slots=True, eq=False)
class Execution:
    """One fill, or one funding payment (``exec_type`` Funding), as ``execution/list`` tells it."""

    sequence: int
    exec_id: str
    order_id: str
    link_id: str
    category: str
    symbol: str
    side: str
    exec_type: str
    order_type: str
    order_price: Decimal
    order_qty: Decimal
    leaves: Decimal
    price: Decimal
    qty: Decimal
    value: Decimal
    fee: Decimal
    fee_coin: str
    fee_rate: Decimal
    is_maker: bool
    closed_size: Decimal
    pnl: Decimal
    mark: Decimal
    index: Decimal
    time_ms: int
    create_type: str = "CreateByUser"
    market_unit: str = ""


@dataclass(slots=True, eq=False)
class Position:
    """A holding of one linear symbol. ``quantity`` is signed; ``cost`` is its entry value, not negative.

    ``funded_ms`` is the moment up to which funding has been settled, ``open_fee`` the fees paid for what is
    still open.
    """

    symbol: str
    idx: int
    sequence: int
    created_ms: int
    updated_ms: int
    funded_ms: int
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    open_fee: Decimal = ZERO
    current_realised: Decimal = ZERO
    total_realised: Decimal = ZERO
    status: str = "Normal"

    @property
    def size(self) -> Decimal:
        return abs(self.quantity)

    @property
    def average(self) -> Decimal:
        return self.cost / self.size if self.quantity else ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        return self.quantity * mark - self.cost * (1 if self.quantity > 0 else -1) if self.quantity else ZERO


@dataclass(slots=True, eq=False)
class LogEntry:
    """One line of the transaction log: ``change`` = cash flow + funding − fee."""

    sequence: int
    type: str
    coin: str
    category: str
    symbol: str
    side: str
    cash_flow: Decimal
    funding: Decimal
    fee: Decimal
    cash_balance: Decimal
    time_ms: int
    qty: Decimal = ZERO
    size: Decimal = ZERO
    price: Decimal = ZERO
    fee_rate: Decimal = ZERO
    order_id: str = ""
    link_id: str = ""
    trade_id: str = ""

    @property
    def change(self) -> Decimal:
        return self.cash_flow + self.funding - self.fee


@dataclass(slots=True, eq=False)
class ClosedPnl:
    """What one closing order realised, both fees included (bybit_linear.md, section 7)."""

    sequence: int
    symbol: str
    order_id: str
    side: str
    order_type: str
    order_price: Decimal
    qty: Decimal
    leverage: Decimal
    exec_type: str
    created_ms: int
    updated_ms: int
    closed: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_value: Decimal = ZERO
    open_fee: Decimal = ZERO
    close_fee: Decimal = ZERO
    fills: int = 0

    @property
    def pnl(self) -> Decimal:
        direction = 1 if self.side == "Sell" else -1
        return direction * (self.exit_value - self.entry_value) - self.open_fee - self.close_fee
