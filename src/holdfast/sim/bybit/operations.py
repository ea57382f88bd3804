"""What can be done to an account from outside its own API: the user at the website, and the venue itself."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from holdfast.core.errors import Conflict, InvalidInput, NotFound
from holdfast.core.time import to_ms
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.records import ZERO, LogEntry, Position
from holdfast.sim.bybit.spec import Behaviour, FeeRates, Number
from holdfast.sim.bybit.venue import Venue

Model = TypeVar("Model", bound=BaseModel)


class _Order(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Adl(_Order):
    """Deleverage this share of the position; open orders of the symbol go first."""

    symbol: str
    share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal(1)
    position_idx: Literal[0, 1, 2] = 0


class Liquidate(_Order):
    """Take over the position in ``symbol``, or all of them; all open orders go first."""

    symbol: str | None = None


class HedgeMode(_Order):
    symbol: str
    on: bool = True


class Leverage(_Order):
    """As the user would on the website, whatever the margin."""

    symbol: str
    leverage: Annotated[Number, Field(ge=1)]


class MarginMode(_Order):
    mode: Literal["REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN"]


class AccountMode(_Order):
    """``unifiedMarginStatus``: 1 is a classic account, 3 to 6 are unified."""

    unified_status: Literal[1, 3, 4, 5, 6]


class Key(_Order):
    """What is given is changed. ``revoked`` and ``expires`` end the key's streams as well (sim rule)."""

    revoked: bool | None = None
    expires: datetime | None = None
    expired: bool = False
    read_only: bool | None = None
    permissions: dict[str, list[str]] | None = None
    ips: list[str] | None = None


class Fees(_Order):
    category: Literal["linear", "spot"] = "linear"
    taker: Number
    maker: Number


class Limits(_Order):
    """Requests a second by endpoint, as after a change of the user's level."""

    rate_limits: dict[str, Annotated[int, Field(ge=1)]]


class Trade(_Order):
    """An order the user sends by hand: it carries no link id."""

    symbol: str
    side: Literal["Buy", "Sell"]
    qty: Number
    category: Literal["linear", "spot"] = "linear"
    price: Number | None = None
    reduce_only: bool = False


class Transfer(_Order):
    """Into the account, or out of it when negative; ``overdraw`` leaves it in debt (sim rule)."""

    coin: str = "USDT"
    amount: Number
    overdraw: bool = False


class Operations:
    """The operations by name, each with the model of its body."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._known: dict[str, Callable[[Account, dict[str, Any]], None]] = {
            "adl": lambda account, body: self.adl(account, _valid(Adl, body)),
            "liquidate": lambda account, body: self.liquidate(account, _valid(Liquidate, body)),
            "hedge-mode": lambda account, body: self.hedge_mode(account, _valid(HedgeMode, body)),
            "leverage": lambda account, body: self.leverage(account, _valid(Leverage, body)),
            "margin-mode": lambda account, body: self.margin_mode(account, _valid(MarginMode, body)),
            "account-mode": lambda account, body: self.account_mode(account, _valid(AccountMode, body)),
            "key": lambda account, body: self.key(account, _valid(Key, body)),
            "fees": lambda account, body: self.fees(account, _valid(Fees, body)),
            "limits": lambda account, body: self.limits(account, _valid(Limits, body)),
            "behaviour": self.behaviour,
            "trade": lambda account, body: self.trade(account, _valid(Trade, body)),
            "transfer": lambda account, body: self.transfer(account, _valid(Transfer, body)),
        }

    @property
    def names(self) -> list[str]:
        return list(self._known)

    def carry_out(self, uid: str, name: str, body: dict[str, Any]) -> None:
        """Raises:
        NotFound: no such account or operation.
        InvalidInput: the body does not fit the operation.
        Conflict: the account is in no state for it.
        """
        account = self._venue.accounts.of_uid(uid)
        if name not in self._known:
            raise NotFound(f"There is no operation {name}; there are {', '.join(self._known)}.")
        self._known[name](account, body)

    def adl(self, account: Account, order: Adl) -> None:
        position = self._held(account, order.symbol, order.position_idx)
        self._venue.forced.adl(account, position, order.share, self._now_ms())

    def liquidate(self, account: Account, order: Liquidate) -> None:
        held = [p for p in account.positions.values() if p.quantity and order.symbol in (None, p.symbol)]
        if not held:
            raise Conflict("There is no position to take over; open one first.")
        self._venue.forced.liquidate(account, held, self._now_ms())

    def hedge_mode(self, account: Account, order: HedgeMode) -> None:
        self._listed(order.symbol)
        standing = any(o.symbol == order.symbol for o in account.open_orders.values())
        if standing or any(p.symbol == order.symbol and p.quantity for p in account.positions.values()):
            raise Conflict("The position mode changes only without positions and orders in the symbol.")
        (account.hedge.add if order.on else account.hedge.discard)(order.symbol)

    def leverage(self, account: Account, order: Leverage) -> None:
        self._listed(order.symbol)
        account.leverage[order.symbol] = order.leverage
        self._venue.publisher.position(account, order.symbol, 1 if order.symbol in account.hedge else 0)

    def margin_mode(self, account: Account, order: MarginMode) -> None:
        account.spec = account.spec.model_copy(update={"margin_mode": order.mode})

    def account_mode(self, account: Account, order: AccountMode) -> None:
        account.spec = account.spec.model_copy(update={"unified_status": order.unified_status})

    def key(self, account: Account, order: Key) -> None:
        key, now_ms = account.key, self._now_ms()
        if order.revoked is not None:
            key.revoked = order.revoked
        if order.expired or order.expires is not None:
            key.expires_ms = now_ms if order.expires is None else to_ms(order.expires)
        if order.read_only is not None:
            key.read_only = order.read_only
        if order.permissions is not None:
            spec = account.spec.model_copy(update={"permissions": order.permissions})
            key.permissions = spec.granted()
        if order.ips is not None:
            key.ips = list(order.ips)
        if key.revoked or (key.expires_ms is not None and key.expires_ms <= now_ms):
            self._venue.cut_streams(account.uid)

    def fees(self, account: Account, order: Fees) -> None:
        rates = {**account.spec.fee_rates, order.category: FeeRates(taker=order.taker, maker=order.maker)}
        account.spec = account.spec.model_copy(update={"fee_rates": rates})

    def limits(self, account: Account, order: Limits) -> None:
        limits = {**account.spec.rate_limits, **order.rate_limits}
        account.spec = account.spec.model_copy(update={"rate_limits": limits})

    def behaviour(self, account: Account, body: dict[str, Any]) -> None:
        """Change what is given of ``spec.Behaviour``."""
        wanted = _valid(Behaviour, account.spec.behaviour.model_dump() | body)
        account.spec = account.spec.model_copy(update={"behaviour": wanted})

    def trade(self, account: Account, order: Trade) -> None:
        body = {
            "category": order.category,
            "symbol": order.symbol,
            "side": order.side,
            "qty": f"{order.qty:f}",
            "orderType": "Market" if order.price is None else "Limit",
            "price": "" if order.price is None else f"{order.price:f}",
            "reduceOnly": order.reduce_only,
            "marketUnit": "baseCoin" if order.category == "spot" else "",
        }
        try:
            placed = self._venue.intake.place(account, body, self._now_ms())
        except Refusal as refusal:
            raise Conflict(f"The venue refuses the order: {refusal.code} {refusal.message}") from None
        self._venue.submit(account, placed)

    def transfer(self, account: Account, order: Transfer) -> None:
        if account.balance(order.coin) + order.amount < 0 and not order.overdraw:
            raise Conflict(f"The account does not have that much {order.coin}.")
        entry = LogEntry(
            sequence=self._venue.ids.sequence(),
            type="TRANSFER_IN" if order.amount >= 0 else "TRANSFER_OUT",
            coin=order.coin,
            category="",
            symbol="",
            side="",
            cash_flow=order.amount,
            funding=ZERO,
            fee=ZERO,
            cash_balance=ZERO,
            time_ms=self._now_ms(),
        )
        account.book(entry)
        self._venue.publisher.wallet(account, self._now_ms())

    def _held(self, account: Account, symbol: str, idx: int) -> Position:
        position = account.position(symbol, idx)
        if position is None or not position.quantity:
            raise Conflict(f"There is no position in {symbol}; open one first.")
        return position

    def _listed(self, symbol: str) -> None:
        if ("linear", symbol) not in self._venue.market.instruments:
            raise InvalidInput(f"There is no linear instrument {symbol}.")

    def _now_ms(self) -> int:
        return self._venue.clock.now_ms()


def _valid(model: type[Model], body: dict[str, Any]) -> Model:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InvalidInput(f"This cannot be done: {places}.") from None
