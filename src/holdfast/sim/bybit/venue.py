"""The venue put together: market and accounts, order intake, matching, funding, and what waits to happen."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, Protocol

from holdfast.sim.bybit.account import Account, Ids
from holdfast.sim.bybit.accounts import Accounts
from holdfast.sim.bybit.forced import Forced
from holdfast.sim.bybit.funding import Funding
from holdfast.sim.bybit.intake import Intake
from holdfast.sim.bybit.limits import AddressLimit, Buckets
from holdfast.sim.bybit.liquidity import Liquidity
from holdfast.sim.bybit.margin import Margin
from holdfast.sim.bybit.matching import Matching
from holdfast.sim.bybit.ports import Market
from holdfast.sim.bybit.publisher import Publisher
from holdfast.sim.bybit.records import Order, Position
from holdfast.sim.bybit.settlement import Settlement
from holdfast.sim.bybit.snapshot import Archive
from holdfast.sim.faults import Faults

CLOCK_MOVED_MS: Final = 500
MINUTE_MS: Final = 60_000
MARGIN_CHECK_MS: Final = 5_000
PLACE: Final = "bybit.venue"
HELD: Final = "bybit.held"
ENDED: Final = ("Delivering", "Closed")
Later = Callable[[float, Callable[[], object]], object]
"""Runs a callback after so many seconds."""


class Clock(Protocol):
    def now_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class VenueSettings:
    """``ip_limit`` requests per 5 s and address; beyond it the address is shut out for ``ip_ban_ms``.
    ``state`` is the directory the accounts are kept in; without it they end with the process."""

    ip_limit: int = 600
    ip_ban_ms: int = 600_000
    state: Path | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OpenStream:
    """A connection somebody listens on; ``uid`` is empty for public ones. ``cut`` breaks it."""

    uid: str
    cut: Callable[[], None]


class Venue:
    """``clock`` is the simulated time, ``wall`` the real one: rate limits and signatures of clients that know
    nothing of the simulation follow the real one.

    ``first_id`` is where its ids begin: two venues of one seed and ``first_id`` give the same ids to the same
    things. ``later`` runs what is due in so many seconds.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        wall: Clock,
        *,
        seed: int,
        later: Later,
        settings: VenueSettings,
        first_id: int = 0,
        faults: Faults | None = None,
    ) -> None:
        self.market = market
        self.clock = clock
        self.wall = wall
        self.later = later
        self.faults = faults or Faults(clock.now_ms)
        self.streams: list[OpenStream] = []
        self.ids = Ids(seed, first_id)
        self.accounts = Accounts(self.ids, clock.now_ms, self._linear_mark)
        self.margin = Margin(market)
        self.liquidity = Liquidity(market, self.faults)
        self.publisher = Publisher(market, self.margin)
        self.settlement = Settlement(market, self.ids)
        self.funding = Funding(market, self.ids, self.publisher)
        self.intake = Intake(market, self.ids, self.margin, self.liquidity, self.faults)
        self.matching = Matching(
            market, self.liquidity, self.settlement, self.funding, self.publisher, self.faults
        )
        self.forced = Forced(market, self.matching, self.settlement, self.publisher, self.margin)
        self.buckets = Buckets()
        self.addresses = AddressLimit(settings.ip_limit, settings.ip_ban_ms)
        self._archive = Archive(settings.state) if settings.state else None
        self._ended: set[tuple[str, str]] = set()
        self._minute = 0
        self._margins_checked_ms = 0

    def open_books(self) -> None:
        """Take in the accounts of an earlier run; their open orders meet the book again."""
        if self._archive is None:
            return
        for account in self._archive.load():
            self.accounts.admit(account)
            for order in account.open_orders.values():
                self.submit(account, order)

    def save_books(self) -> None:
        if self._archive is not None:
            for account in self.accounts:
                self._archive.save(account)

    def clocks_ms(self) -> tuple[int, ...]:
        """What counts as server time: the simulated clock, and the wall clock once they differ."""
        simulated, real = self.clock.now_ms(), self.wall.now_ms()
        return (simulated,) if abs(simulated - real) < CLOCK_MOVED_MS else (simulated, real)

    def submit(self, account: Account, order: Order) -> None:
        """Match an order a moment after its acknowledgement."""
        account.past.note(order, self.clock.now_ms())
        self._soon(account, lambda: self.matching.process(account, order, self.clock.now_ms()))

    def amended(self, account: Account, order: Order) -> None:
        """Off the book at once, and back on it, or matched, a moment later."""
        account.past.note(order, self.clock.now_ms())
        self.liquidity.remove(order)
        self._soon(account, lambda: self.matching.process(account, order, self.clock.now_ms()))

    def cancel(self, account: Account, order: Order) -> None:
        self._soon(account, lambda: self.matching.cancel(account, order, self.clock.now_ms()))

    def _soon(self, account: Account, action: Callable[[], None]) -> None:
        self.later(account.spec.behaviour.match_delay_ms / 1000, action)

    def ticker(self, category: str, symbol: str) -> dict[str, str]:
        """The market's row, with what the fault dial does to the book."""
        return self.liquidity.shown(category, self.market.ticker(category, symbol), self.clock.now_ms())

    def tickers(self, category: str) -> list[dict[str, str]]:
        now_ms = self.clock.now_ms()
        return [self.liquidity.shown(category, row, now_ms) for row in self.market.tickers(category)]

    def tick(self) -> None:
        """What happens without anybody asking: resting orders, funding, delisted contracts, the dial."""
        now_ms = self.clock.now_ms()
        self._strike()
        self.matching.sweep(now_ms)
        if now_ms - self._margins_checked_ms >= MARGIN_CHECK_MS:
            self._margins_checked_ms = now_ms
            for account in self.accounts:
                self.forced.liquidate_if_due(account, now_ms)
        ended = {key for key, one in self.market.instruments.items() if one.status in ENDED}
        minute = now_ms // MINUTE_MS
        if ended == self._ended and minute == self._minute:
            return
        self._ended, self._minute = ended, minute
        for account in self.accounts:
            self.funding.settle_all(account, now_ms)
            self.forced.deliver(account, ended, now_ms)

    def _strike(self) -> None:
        if self.faults.take(PLACE, "cancel_orders") is not None:
            for account in self.accounts:
                self.forced.cancel_everything(account, self.clock.now_ms())
        if self.faults.take(PLACE, "funding") is not None:
            self.settle_funding()
        if self.faults.take(PLACE, "restart") is not None:
            self.restart()
        if not self.faults.is_quiet:
            for account in self.accounts:
                self._strike_positions(account)

    def _strike_positions(self, account: Account) -> None:
        for position in [one for one in account.positions.values() if one.quantity]:
            place = f"{HELD}.linear.{position.symbol}"
            adl = self.faults.take(place, "adl", uid=account.uid)
            if adl is not None:
                self.forced.adl(account, position, Decimal(str(adl.share)), self.clock.now_ms())
            elif self.faults.take(place, "liquidation", uid=account.uid) is not None:
                self.forced.liquidate(account, [position], self.clock.now_ms())

    def settle_funding(self, symbol: str = "") -> None:
        """Pay funding now, of one symbol or all, whatever the hour (sim rule: at the running period's rate;
        the regular payment follows at its own time)."""
        for account in self.accounts:
            self.funding.settle_now(account, self.clock.now_ms(), symbol)

    def restart(self) -> None:
        """As when the real one is restarted: the cache of final orders is empty, every stream is cut."""
        for account in self.accounts:
            account.recent.clear()
        self.cut_streams()

    def force_close(self, account: Account, position: Position, *, how: str) -> None:
        """Close a position over the user's head: Delivery, AdlTrade or BustTrade."""
        self.forced.close(account, position, self.clock.now_ms(), how=how)

    def cut_streams(self, uid: str | None = None) -> None:
        """Break all streams, or those of one account."""
        for stream in tuple(self.streams):
            if uid in (None, stream.uid):
                stream.cut()

    def _linear_mark(self, symbol: str) -> Decimal:
        return self.market.mark_price("linear", symbol)
