"""A venue that does what a test tells it: fills, refuses, loses requests and answers, kills its caller."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from holdfast.core.instruments import InstrumentKind, Side
from holdfast.venues.protocol import (
    AccountInfo,
    Balance,
    Book,
    DuplicateClientId,
    FeeRate,
    FillReport,
    FundingReport,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderStyle,
    OutcomeUnknown,
    Placement,
    PriceLimit,
    Quote,
    RateLimited,
    Rejected,
    Unreachable,
    VenuePosition,
)

TOLD_BY_DEFAULT = timedelta(days=7)
"""How far back orders and trades are told where no time is named."""


class Killed(BaseException):
    """The process is gone. Not an Exception: nothing may catch it."""


@dataclass
class TestClock:
    __test__ = False
    moment: datetime

    def now(self) -> datetime:
        return self.moment

    async def sleep(self, seconds: float) -> None:
        self.moment += timedelta(seconds=max(seconds, 0.01))


@dataclass
class VenueOrder:
    request: OrderRequest
    status: OrderStatus
    filled: Decimal
    number: int
    made_at: datetime


@dataclass
class ScriptedVenue:
    """``script`` maps a symbol to what happens to its next orders; without a script they fill.

    A post-only order rests until ``trade_resting``, or until it is cancelled.

    Words: fill, none (no liquidity), half, reject:CODE, lost_request, lost_answer, limited. ``down`` makes
    every call fail, ``down_after_placing`` those after the next orders. ``kill_at``: the process dies at that
    call, before its effect or ``kill_after`` it.
    """

    clock: TestClock
    script: dict[str, list[str]] = field(default_factory=dict)
    available: Decimal = Decimal(1_000_000)
    fee_rate: Decimal = Decimal("0.00055")
    down: bool = False
    down_after_placing: bool = False
    kill_at: int = -1
    kill_after: bool = False
    orders: dict[str, VenueOrder] = field(default_factory=dict)
    fills: list[FillReport] = field(default_factory=list)
    manual: dict[str, Decimal] = field(default_factory=dict)
    account: AccountInfo = field(default_factory=lambda: AccountInfo(True, "cross"))
    borrowed: Decimal = Decimal(0)
    leverage: dict[str, Decimal] = field(default_factory=dict)
    hedged: set[str] = field(default_factory=set)
    funding: list[FundingReport] = field(default_factory=list)
    resting: list[OrderReport] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    placed: list[OrderRequest] = field(default_factory=list)
    race: Decimal = Decimal(0)
    """How much of a resting order is filled while its cancel is under way."""
    best: dict[str, tuple[Decimal, Decimal]] = field(default_factory=dict)
    """Best bid and ask by symbol; 99.9 and 100.1 where there are none."""
    calls: int = 0
    _ids: count = field(default_factory=count)

    # --- what the tests look at --------------------------------------------------------------------------

    def net(self, symbol: str) -> Decimal:
        moved = sum((f.side.sign * f.quantity for f in self.fills if f.symbol == symbol), Decimal(0))
        return moved + self.manual.get(symbol, Decimal(0))

    def trade_by_hand(
        self,
        symbol: str,
        side: Side,
        quantity: str,
        price: str = "100",
        exec_type: str = "Trade",
        order_id: str = "",
    ) -> None:
        """Somebody else's trade; with another ``exec_type`` the venue's own."""
        name = order_id or f"manual-{next(self._ids)}"
        self._fill("", name, symbol, side, Decimal(quantity), Decimal(price), exec_type)

    def fill_late(self, client_id: str, quantity: Decimal) -> None:
        """More of an order is executed than the venue had said."""
        order = self.orders[client_id]
        order.filled, request = order.filled + quantity, order.request
        self._fill(client_id, f"v{order.number}", request.symbol, request.side, quantity, request.limit_price)

    def trade_resting(self, client_id: str, quantity: Decimal) -> None:
        """Somebody takes so much of a resting order."""
        order = self.orders[client_id]
        assert order.status is OrderStatus.OPEN
        self.fill_late(client_id, quantity)
        if order.filled == order.request.quantity:
            order.status = OrderStatus.FILLED

    # --- the protocol ------------------------------------------------------------------------------------

    async def place(self, orders: Sequence[OrderRequest]) -> list[Placement]:
        dying = self._count()
        placements = []
        for number, request in enumerate(orders):
            placements.append(self._place(request))
            if dying and self.kill_after and number == len(orders) // 2:
                raise Killed
        self._die(dying)
        self.down |= self.down_after_placing
        return placements

    def _place(self, request: OrderRequest) -> Placement:
        self.placed.append(request)
        name = request.client_id
        if self.down:
            return Placement(name, error=OutcomeUnknown("connection reset"))
        if name in self.orders:
            return Placement(name, error=DuplicateClientId("duplicate", code="110072"))
        word = (
            (self.script.get(request.symbol) or ["fill"]).pop(0)
            if self.script.get(request.symbol)
            else "fill"
        )
        if word == "lost_request":
            return Placement(name, error=OutcomeUnknown("timeout"))
        if word == "limited":
            return Placement(name, error=RateLimited("slow down", until=self.clock.now(), code="10006"))
        if word.startswith("reject"):
            return Placement(name, error=Rejected("refused by the script", code=word.partition(":")[2]))
        self._execute(request, word)
        if word == "lost_answer":
            return Placement(name, error=OutcomeUnknown("timeout"))
        return Placement(name, venue_order_id=f"v{self.orders[name].number}")

    def _execute(self, request: OrderRequest, word: str) -> None:
        share = {"none": Decimal(0), "half": request.quantity / 2}.get(word, request.quantity)
        status = OrderStatus.FILLED if share == request.quantity else OrderStatus.CANCELLED
        if request.style is OrderStyle.POST_ONLY and word == "fill":
            share, status = Decimal(0), OrderStatus.OPEN
        number = next(self._ids)
        self.orders[request.client_id] = VenueOrder(request, status, share, number, self.clock.now())
        if share:
            self._fill(
                request.client_id, f"v{number}", request.symbol, request.side, share, request.limit_price
            )

    def _fill(
        self,
        name: str,
        order_id: str,
        symbol: str,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        exec_type: str = "Trade",
    ) -> None:
        self.fills.append(
            FillReport(
                exec_id=f"e{next(self._ids)}",
                venue_order_id=order_id,
                client_id=name,
                symbol=symbol,
                side=side,
                exec_type=exec_type,
                quantity=quantity,
                price=price,
                fee=quantity * price * self.fee_rate,
                fee_asset="USDT",
                is_maker=False,
                executed_at=self.clock.now(),
            )
        )

    async def find_order(self, symbol: str, client_id: str) -> OrderReport | None:
        return self._find(symbol, client_id, self.clock.now() - TOLD_BY_DEFAULT)

    async def find_order_since(self, symbol: str, client_id: str, since: datetime) -> OrderReport | None:
        return self._find(symbol, client_id, since)

    def _find(self, symbol: str, client_id: str, since: datetime) -> OrderReport | None:
        self._die(self._ask())
        found = self.orders.get(client_id)
        if found is None or found.made_at < since:
            return None
        return OrderReport(
            client_id,
            f"v{found.number}",
            symbol,
            found.request.side,
            found.status,
            found.request.quantity,
            found.filled,
            found.request.limit_price if found.filled else None,
            "",
            self.clock.now(),
        )

    async def fills_of(self, symbol: str, client_id: str) -> list[FillReport]:
        self._die(self._ask())
        recent = [fill for fill in self.fills if fill.executed_at >= self.clock.now() - TOLD_BY_DEFAULT]
        return [fill for fill in recent if fill.client_id == client_id and fill.symbol == symbol]

    async def fills_since(self, since: datetime) -> list[FillReport]:
        self._die(self._ask())
        return [fill for fill in self.fills if fill.executed_at >= since]

    async def funding_since(self, since: datetime) -> list[FundingReport]:
        self._die(self._ask())
        return [payment for payment in self.funding if payment.at >= since]

    async def positions(self) -> list[VenuePosition]:
        self._die(self._ask())
        symbols = {fill.symbol for fill in self.fills} | self.manual.keys()
        return [self._position(symbol) for symbol in sorted(symbols) if self.net(symbol)]

    async def position_of(self, symbol: str) -> VenuePosition:
        self._die(self._ask())
        return self._position(symbol)

    def _position(self, symbol: str) -> VenuePosition:
        leverage = self.leverage.get(symbol, Decimal(1))
        return VenuePosition(
            symbol,
            self.net(symbol),
            Decimal(100),
            Decimal(100),
            Decimal(0),
            leverage,
            None,
            hedge_mode=symbol in self.hedged,
        )

    async def account_info(self) -> AccountInfo:
        self._die(self._ask())
        return self.account

    async def open_orders(self) -> list[OrderReport]:
        self._die(self._ask())
        return list(self.resting)

    async def balance(self) -> Balance:
        self._die(self._ask())
        return Balance(self.available, self.available, self.available, Decimal(0), Decimal(0), self.borrowed)

    async def fee_rates(self) -> dict[str, FeeRate]:
        self._die(self._ask())
        return {
            symbol: FeeRate(symbol, self.fee_rate, Decimal(0)) for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")
        }

    async def server_time(self) -> datetime:
        self._die(self._ask())
        self.clock.moment += timedelta(milliseconds=1)
        return self.clock.now()

    async def ensure_leverage(self, symbol: str, leverage: Decimal) -> None:
        self._die(self._ask())
        self.leverage[symbol] = leverage

    async def ensure_one_way(self, symbol: str) -> None:
        self._die(self._ask())
        self.hedged.discard(symbol)

    async def book(self, symbol: str, *, depth: int = 50) -> Book:
        self._die(self._ask())
        bid, ask = self.best.get(symbol, (Decimal("99.9"), Decimal("100.1")))
        return Book(symbol, ((bid, Decimal(1000)),), ((ask, Decimal(1000)),), self.clock.now())

    async def quotes(self, kind: InstrumentKind) -> list[Quote]:
        self._die(self._ask())
        price, now = Decimal(100), self.clock.now()
        return [
            Quote(symbol, price, price, price, price, price, Decimal(1), Decimal(0), None, now)
            for symbol in ("BTCUSDT", "ETHUSDT", "XRPUSDT")
        ]

    async def price_limit(self, symbol: str) -> PriceLimit:
        self._die(self._ask())
        return PriceLimit(symbol, Decimal(120), Decimal(80))

    async def cancel(self, symbol: str, client_id: str) -> None:
        dying = self._ask()
        self.cancelled.append(client_id)
        self.resting = [report for report in self.resting if report.client_id != client_id]
        order = self.orders.get(client_id)
        if order and order.status is OrderStatus.OPEN:
            quick = min(self.race, order.request.quantity - order.filled)
            if quick:
                self.trade_resting(client_id, quick)
            if order.status is OrderStatus.OPEN:
                order.status = OrderStatus.CANCELLED
        self._die(dying)

    def _ask(self) -> bool:
        dying = self._count()
        if self.down:
            raise Unreachable("connection refused")
        return dying

    def _count(self) -> bool:
        self.calls += 1
        dying = self.calls - 1 == self.kill_at
        if dying and not self.kill_after:
            raise Killed
        return dying

    def _die(self, dying: bool) -> None:
        if dying:
            raise Killed
