"""What is within which limit. Pure: exposures, prices and the day's result come in, reasons in words go out.

Every order that could raise an exposure is counted whole, from before it is sent until the venue has told
how it ended, so whatever the orders under way still do, no limit is passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Final
from uuid import UUID

from holdfast.core.instruments import Side
from holdfast.core.money import plain

_ZERO: Final = Decimal(0)
_CENT: Final = Decimal("0.01")

Owner = UUID
"""A position."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Money in USDT; ``drawdown`` and ``price_band`` as shares (0.1 = 10 %). ``None``: no limit."""

    order_notional: Decimal | None = None
    instrument_notional: Decimal | None = None
    sleeve_notional: Decimal | None = None
    gross_notional: Decimal | None = None
    daily_loss: Decimal | None = None
    drawdown: Decimal | None = None
    orders_per_minute: int | None = None
    price_band: Decimal | None = None

    def stricter(self, other: "Bounds") -> "Bounds":
        """Of every limit the tighter one."""
        return Bounds(
            **{
                name: min(
                    (value for value in (getattr(self, name), getattr(other, name)) if value is not None),
                    default=None,
                )
                for name in (one.name for one in fields(self))
            }
        )


@dataclass(frozen=True, slots=True)
class Price:
    """``value`` is what exposures are counted at (the mark price); ``index`` is the venue's index price."""

    value: Decimal
    index: Decimal
    at: datetime


@dataclass(frozen=True, slots=True)
class Stake:
    """What a position holds of one instrument (signed), and what its orders under way may still buy and sell
    (both positive)."""

    held: Decimal = _ZERO
    buying: Decimal = _ZERO
    selling: Decimal = _ZERO

    @property
    def worst(self) -> Decimal:
        """The largest quantity, long or short, that any outcome of the orders under way can leave."""
        return max(abs(self.held + self.buying), abs(self.held - self.selling))

    def plus(self, side: Side, quantity: Decimal) -> "Stake":
        if side is Side.BUY:
            return replace(self, buying=self.buying + quantity)
        return replace(self, selling=self.selling + quantity)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Everything one user has on, by position and instrument; ``sent`` orders of the last minute by
    position."""

    stakes: Mapping[tuple[Owner, str], Stake] = field(default_factory=dict)
    sent: Mapping[Owner, int] = field(default_factory=dict)

    def with_order(self, order: "Intent") -> "Exposure":
        key = order.owner, order.symbol
        stake = self.stakes.get(key, Stake()).plus(order.side, order.quantity)
        sent = {**self.sent, order.owner: self.sent.get(order.owner, 0) + order.a_minute}
        return Exposure({**self.stakes, key: stake}, sent)

    def notionals(self, prices: Mapping[str, Price]) -> "Notionals":
        """Worst cases at the present prices. What has no price at all is named, not counted."""
        by_owner: dict[Owner, Decimal] = {}
        by_symbol: dict[str, Decimal] = {}
        by_both: dict[tuple[Owner, str], Decimal] = {}
        unpriced = set()
        for (owner, symbol), stake in self.stakes.items():
            if not stake.worst:
                continue
            price = prices.get(symbol)
            if price is None:
                unpriced.add(symbol)
                continue
            worth = stake.worst * price.value
            by_both[owner, symbol] = worth
            by_owner[owner] = by_owner.get(owner, _ZERO) + worth
            by_symbol[symbol] = by_symbol.get(symbol, _ZERO) + worth
        return Notionals(by_owner, by_symbol, by_both, frozenset(unpriced))


@dataclass(frozen=True, slots=True)
class Notionals:
    """In USDT, never negative: one position's long does not make up for another's short."""

    by_owner: Mapping[Owner, Decimal]
    by_symbol: Mapping[str, Decimal]
    by_both: Mapping[tuple[Owner, str], Decimal]
    unpriced: frozenset[str]

    @property
    def gross(self) -> Decimal:
        return sum(self.by_owner.values(), _ZERO)


@dataclass(frozen=True, slots=True)
class Result:
    """How a user or a position stands. ``day_pnl`` since 00:00 UTC, signed. ``equity`` now and at its
    ``peak``; ``operators_peak`` is a user's that setting limits does not count anew. ``None`` where not
    known."""

    day_pnl: Decimal = _ZERO
    equity: Decimal | None = None
    peak: Decimal | None = None
    operators_peak: Decimal | None = None

    @property
    def drawdown(self) -> Decimal | None:
        """Share of the peak that is lost; 0 at the peak."""
        return self._below(self.peak)

    @property
    def operators_drawdown(self) -> Decimal | None:
        """The same, from the operator's peak."""
        return self._below(self.operators_peak)

    def _below(self, peak: Decimal | None) -> Decimal | None:
        if self.equity is None or peak is None or peak <= 0:
            return None
        return max(_ZERO, (peak - self.equity) / peak)


@dataclass(frozen=True, slots=True)
class Intent:
    """An order that is about to be sent, or a leg that will be cut into ``parts`` orders of one size, of
    which ``a_minute`` are sent within one. ``price`` is its worst price; 0 for a market order without one."""

    key: object
    owner: Owner
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    parts: int = 1
    a_minute: int = 1

    def reduces(self, stake: Stake) -> bool:
        """Whether it can only make the position's own holding smaller, whatever else is under way."""
        under_way = stake.selling if self.side is Side.SELL else stake.buying
        return stake.held * self.side.sign < 0 and self.quantity + under_way <= abs(stake.held)

    def worth(self, price: Price) -> Decimal:
        """Of one order, at the worse of its own and the present price."""
        return self.quantity / self.parts * max(self.price, price.value)


@dataclass(frozen=True, slots=True)
class Situation:
    """All that is needed to judge the orders of one user. ``own`` and ``results`` are limits and results by
    position; ``user`` and ``result`` those over all of them. ``user`` has the installation's limits in it;
    ``installation`` is them alone. ``fresh_for``: how old prices may be; ``None`` once something was sent,
    when neither an old price nor a missing index is an objection."""

    now: datetime
    user: Bounds
    own: Mapping[Owner, Bounds]
    exposure: Exposure
    prices: Mapping[str, Price]
    result: Result = Result()
    results: Mapping[Owner, Result] = field(default_factory=dict)
    fresh_for: timedelta | None = None
    installation: Bounds = Bounds()

    def orders_a_minute(self, owner: Owner) -> int | None:
        """The tighter of the user's limit and the position's own."""
        return self.user.stricter(self.own.get(owner, Bounds())).orders_per_minute


def judge(situation: Situation, wanted: Sequence[Intent], *, rate: bool = True) -> dict[object, str]:
    """Why which of these orders must not be sent, by ``Intent.key``; the others may, all of them together.
    ``rate``: whether too many orders within a minute are an objection.

    Orders that only reduce are always let through, and make no room before the venue has carried them out.
    """
    refused: dict[object, str] = {}
    exposure = situation.exposure
    for order in wanted:
        reducing = order.reduces(exposure.stakes.get((order.owner, order.symbol), Stake()))
        reason = "" if reducing else _objection(replace(situation, exposure=exposure), order, rate=rate)
        if reason:
            refused[order.key] = reason
        else:
            exposure = exposure.with_order(order)
    return refused


def losses(situation: Situation, owner: Owner | None) -> str:
    """Why nothing new may be opened at all for what was lost already; "" if it may."""
    whole = _fall(situation.installation, situation.result) or _loss(
        situation.user, situation.result, "Your positions have", "your account's value"
    )
    if whole or owner is None:
        return whole
    return _loss(
        situation.own.get(owner, Bounds()),
        situation.results.get(owner, Result()),
        "This position has",
        "this position's value",
    )


def _objection(situation: Situation, order: Intent, *, rate: bool) -> str:
    checks = (_staleness, _order_size, _band, _sizes, *((_rate,) if rate else ()))
    lost = losses(situation, order.owner)
    return lost or next(filter(None, (check(situation, order) for check in checks)), "")


def _staleness(situation: Situation, order: Intent) -> str:
    price = situation.prices.get(order.symbol)
    if price is None:
        return (
            f"There is no price of {order.symbol} at the moment, and without one nothing new is opened. Try "
            "again in a moment; `holdfast status` shows what is missing."
        )
    age = situation.now - price.at
    if situation.fresh_for is not None and age > situation.fresh_for:
        return (
            f"The price of {order.symbol} is {age.total_seconds():.0f} s old, and only one of the last "
            f"{situation.fresh_for.total_seconds():.0f} s is good enough to open something new. Try again "
            "in a moment; `holdfast status` shows what is missing."
        )
    return ""


def _order_size(situation: Situation, order: Intent) -> str:
    worth = order.worth(situation.prices[order.symbol])
    limit = _tightest(situation, order.owner, "order_notional")
    if limit is None or worth <= limit:
        return ""
    return (
        f"This order in {order.symbol} is worth {_up(worth)} USDT, and your limit for one order is "
        f"{_down(limit)} USDT. Choose a smaller size, or slices, or raise the limit."
    )


def _band(situation: Situation, order: Intent) -> str:
    limit = _tightest(situation, order.owner, "price_band")
    index = situation.prices[order.symbol].index
    if limit is None or order.price <= 0:
        return ""
    if index <= 0:
        return "" if situation.fresh_for is None else _without_index(order.symbol)
    off = order.side.sign * (order.price - index) / index
    if off <= limit:
        return ""
    where = "above" if order.side is Side.BUY else "below"
    return (
        f"The price of this order in {order.symbol}, {plain(order.price)}, is {_percent(off, ROUND_CEILING)} "
        f"{where} the index price of {plain(index)}, and your limit is {_percent(limit, ROUND_FLOOR)}. Wait "
        "until its order book is near the index again, or raise the limit."
    )


def _without_index(symbol: str) -> str:
    return (
        f"There is no index price of {symbol} at the moment, and nothing new is opened that cannot be "
        "compared with it. Try again in a moment; `holdfast status` shows what is missing."
    )


def _sizes(situation: Situation, order: Intent) -> str:
    after = situation.exposure.with_order(order).notionals(_with_worst(situation.prices, order))
    own = situation.own.get(order.owner, Bounds())
    checks = (
        (
            f"{order.symbol} over all positions",
            after.by_symbol.get(order.symbol, _ZERO),
            "instrument_notional",
        ),
        ("this position", after.by_owner.get(order.owner, _ZERO), "sleeve_notional"),
        ("all your positions together", after.gross, "gross_notional"),
    )
    for what, worth, name in checks:
        limit: Decimal | None = getattr(situation.user, name)
        if limit is not None and worth > limit:
            return _too_large(what, worth, limit)
    in_position = after.by_both.get((order.owner, order.symbol), _ZERO)
    if own.instrument_notional is not None and in_position > own.instrument_notional:
        return _too_large(f"{order.symbol} in this position", in_position, own.instrument_notional)
    whole = after.by_owner.get(order.owner, _ZERO)
    for limit in (own.sleeve_notional, own.gross_notional):
        if limit is not None and whole > limit:
            return _too_large("this position", whole, limit)
    return ""


def _rate(situation: Situation, order: Intent) -> str:
    sent = situation.exposure.sent
    checks = (
        ("", sum(sent.values()), situation.user.orders_per_minute),
        (
            " of this position",
            sent.get(order.owner, 0),
            situation.own.get(order.owner, Bounds()).orders_per_minute,
        ),
    )
    for whose, count, limit in checks:
        if limit is not None and count + order.a_minute > limit:
            more = f" This leg may send {order.a_minute} a minute." if order.a_minute > 1 else ""
            return (
                f"{count} orders{whose} were sent within the last minute, or are about to be, and your limit "
                f"is {limit} a minute.{more} Wait a minute, or for slower plans under way to end; send "
                "fewer, or raise the limit."
            )
    return ""


def _loss(bounds: Bounds, result: Result, who: str, what: str) -> str:
    lost = -result.day_pnl
    if bounds.daily_loss is not None and lost >= bounds.daily_loss:
        return (
            f"{who} lost {_up(lost)} USDT since 00:00 UTC, and the limit for a day is "
            f"{_down(bounds.daily_loss)} USDT: nothing new is opened today. You can still close. Tomorrow it "
            "counts anew, or raise the limit."
        )
    fallen = result.drawdown
    if bounds.drawdown is not None and fallen is not None and fallen >= bounds.drawdown:
        return (
            f"{what.capitalize()} is {_percent(fallen, ROUND_CEILING)} below its highest, "
            f"{_cents(result.peak or _ZERO, ROUND_HALF_EVEN)} USDT, and the limit is "
            f"{_percent(bounds.drawdown, ROUND_FLOOR)}: nothing new is opened. You can still close. Set the "
            "limit again to count from today's value, for example after taking money out."
        )
    return ""


def _fall(installation: Bounds, result: Result) -> str:
    """The installation's own limit, which no user can have counted anew."""
    fallen = result.operators_drawdown
    if installation.drawdown is None or fallen is None or fallen < installation.drawdown:
        return ""
    return (
        f"Your account's value is {_percent(fallen, ROUND_CEILING)} below its highest, "
        f"{_cents(result.operators_peak or _ZERO, ROUND_HALF_EVEN)} USDT, and the limit of this installation "
        f"is {_percent(installation.drawdown, ROUND_FLOOR)}: nothing new is opened. You can still close. "
        "Only its operator can have it counted from today's value, for example after you took money out."
    )


def _too_large(what: str, worth: Decimal, limit: Decimal) -> str:
    return (
        f"With this order {what} would be worth up to {_up(worth)} USDT, and the limit is {_down(limit)} "
        "USDT. Choose a smaller size, close something first, or raise the limit."
    )


def _tightest(situation: Situation, owner: Owner, name: str) -> Decimal | None:
    bounds = situation.user.stricter(situation.own.get(owner, Bounds()))
    value: Decimal | None = getattr(bounds, name)
    return value


def _with_worst(prices: Mapping[str, Price], order: Intent) -> Mapping[str, Price]:
    """Prices under which this order's instrument counts at what the order may pay, if that is more."""
    price = prices[order.symbol]
    return {**prices, order.symbol: replace(price, value=max(price.value, order.price))}


def _percent(share: Decimal, rounding: str) -> str:
    return f"{plain((share * 100).quantize(_CENT, rounding))} %"


def _cents(value: Decimal, rounding: str) -> str:
    return f"{value.quantize(_CENT, rounding):,f}"


def _up(value: Decimal) -> str:
    return _cents(value, ROUND_CEILING)


def _down(value: Decimal) -> str:
    return _cents(value, ROUND_FLOOR)
