"""Flattening with nothing but this machine and the venue: PostgreSQL, Redis and the API may all be gone.

What positions own comes from the journals, the keys from the vault, the truth about the account from the
venue. Every order only reduces, is written to a file before it is sent, and is asked about by its name after
any doubt; none is sent twice. What has to wait for its turn is decided anew from the account as it is then.
What could not be done is said.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, TypeVar
from uuid import UUID

from holdfast.accounts.vault import OpenVault, VaultBroken
from holdfast.core.errors import InvalidInput
from holdfast.core.instruments import Instrument, InstrumentKind
from holdfast.core.money import plain
from holdfast.core.time import Clock
from holdfast.execution.answers import LINGERING
from holdfast.execution.emergency.journal import OVERLAP, Journal
from holdfast.execution.emergency.log import Entry, OrderLog
from holdfast.execution.emergency.plan import Closing, Owned, closings, owned_now
from holdfast.execution.ids import is_ours
from holdfast.execution.pricing import unwind_price
from holdfast.platform.settings import Settings
from holdfast.venues import registry
from holdfast.venues.bybit.budget import Budget
from holdfast.venues.protocol import (
    DuplicateClientId,
    FillReport,
    KeyRefused,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    TradingVenue,
    Unreachable,
    VenueError,
)

ROUNDS: Final = 8
"""How often the venue is given an order for what a position still holds of one instrument; the price gives
way more each time."""
IN_FLIGHT: Final = timedelta(seconds=7)
"""A request older than this can no longer be accepted."""
PATIENCE: Final = timedelta(seconds=90)
"""How long one order, or a venue that does not answer, is asked again; and how long nothing may leave."""
BETWEEN: Final = 0.5
LONGEST_REST: Final = 5.0

Answer = TypeVar("Answer")
Pause = Callable[[float], Awaitable[None]]
Say = Callable[[str], None]
OpenVenue = Callable[[Journal], TradingVenue]
DATABASE_IS_BACK: Final = (
    "PostgreSQL is back, so the workers may close it as well: go on with `holdfast flatten --all`."
)


@dataclass(slots=True)
class Outcome:
    """What was done and what was not, in words, per connection."""

    done: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


def venue_opener(settings: Settings, clock: Clock) -> OpenVenue:
    """Opens the vault of this machine. The rate budget is this process's own, and one for all connections:
    they leave by one address, and whoever asks too much from it is shut out for minutes.

    Raises (when called):
        VaultBroken: the private key is not here, or the sealed key is for another vault.
        InvalidInput, KeyRefused: this machine does not speak to that venue, or what was sealed is no key.
    """

    budgets: dict[str, Budget] = {}

    def open_venue(journal: Journal) -> TradingVenue:
        vault = OpenVault.from_directory(settings.secrets_dir)
        key = vault.open(journal.sealed, connection_id=journal.connection_id, user_id=journal.user_id)
        if journal.venue not in budgets:
            budgets[journal.venue] = registry.own_budget(journal.venue, clock, settings.home)
        return registry.trading_venue(
            journal.venue,
            journal.environment,
            key.api_key,
            key.api_secret,
            settings,
            budget=budgets[journal.venue],
            clock=clock,
        )

    return open_venue


async def flatten_connection(
    journal: Journal,
    settings: Settings,
    clock: Clock,
    *,
    say: Say,
    open_venue: OpenVenue,
    only: UUID | None = None,
    pause: Pause = asyncio.sleep,
    is_over: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Close what the positions of one connection own (``only`` one of them). Never raises: what goes wrong
    is in the outcome, and keeps nobody from closing the other connections. ``is_over``: asked before every
    order; once it says so nothing more is sent, because workers of other machines have PostgreSQL back."""
    outcome = Outcome()
    try:
        venue = open_venue(journal)
    except Exception as error:
        outcome.failed.append(f"{journal.label}: its key cannot be used. {_told(error)}")
        return outcome
    try:
        log = OrderLog(settings, journal.connection_id)
        hand = _Hand(journal, venue, clock, log, say, pause, only, is_over, outcome, began=clock.now())
        await hand.run()
    except Exception as error:
        outcome.failed.append(f"{journal.label}: {_told(error)}. What is left was not closed.")
    finally:
        with suppress(Exception):
            await venue.close()
    return outcome


async def _all_of(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Every one of them to its end; only then the first accident, so that no order is left half told."""
    for ended in await asyncio.gather(*steps, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended


def _key(one: Closing | Entry) -> tuple[UUID, str]:
    return one.owner, one.symbol


def _told(error: Exception) -> str:
    """In words; of an accident nobody foresaw, also what kind it was."""
    foreseen = isinstance(error, VaultBroken | InvalidInput | VenueError | OSError)
    return str(error) if foreseen else f"{type(error).__name__}: {error}"


@dataclass(slots=True)
class _Hand:
    """One connection being flattened. ``limit``: the last to end of the rate limits that were met; ``tries``:
    how many orders there were for what an owner holds of a symbol, without those that never left."""

    journal: Journal
    venue: TradingVenue
    clock: Clock
    log: OrderLog
    say: Say
    pause: Pause
    only: UUID | None
    is_over: Callable[[], bool]
    outcome: Outcome
    began: datetime
    limit: RateLimited | None = None
    tries: Counter[tuple[UUID, str]] = field(default_factory=Counter)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    refusals: dict[tuple[UUID, str], str] = field(default_factory=dict)

    async def run(self) -> None:
        for instrument in await self._asked(lambda: self.venue.instruments(InstrumentKind.LINEAR)):
            self.instruments[instrument.symbol] = instrument
        await self._cancel_resting()
        await self._settle([entry for entry in self.log.entries if entry.open])
        await self._close_all()
        await self._conclude()

    async def _close_all(self) -> None:
        """Look and close, until nothing is left to try. Nothing leaves but on the look of its own round, so
        every rest comes before a look."""
        idle, patient_until = 0, self.clock.now() + PATIENCE
        while True:
            wanted, _ = await self._wanted()
            possible = [one for one in wanted if self._sendable(one) and self.tries[_key(one)] < ROUNDS]
            if not possible or self.is_over():
                return
            before = self.tries.total()
            await _all_of(self._close(one) for one in possible)
            if self.tries.total() > before:
                idle, patient_until = 0, self.clock.now() + PATIENCE
            elif self.clock.now() >= patient_until:
                return
            else:
                idle += 1
            await self._rest(max([idle, *self.tries.values()]), patient_until)

    async def _rest(self, exponent: int, patient_until: datetime) -> None:
        """Longer each time, and until the limit is over; cut short as soon as others take over."""
        until = self.clock.now() + timedelta(seconds=min(BETWEEN * 2**exponent, LONGEST_REST))
        if self.limit:
            until = max(until, min(self.limit.until, patient_until))
        while not self.is_over() and (left := (until - self.clock.now()).total_seconds()) > 0:
            await self.pause(min(BETWEEN, left))

    async def _wanted(self) -> tuple[list[Closing], list[str]]:
        """What is to be closed by now: the journal, every fill since, and the account as it is. And in words
        what of it cannot be."""
        since = self.journal.read_until
        fills = await self._asked(lambda: self.venue.fills_since(since - OVERLAP)) if since else []
        positions = await self._asked(self.venue.positions)
        net = {position.symbol: position.quantity for position in positions}
        owned = self._less_untold(owned_now(self.journal, fills), fills)
        wanted, problems = closings(owned, net)
        blocked = {(entry.owner, entry.symbol) for entry in self.log.entries if entry.open}
        mine = [one for one in wanted if self._is_asked_for(one.owner)]
        concerned = {symbol for owner, held in owned.items() if self._is_asked_for(owner) for symbol in held}
        said = [text for symbol, text in problems.items() if symbol in concerned]
        return [one for one in mine if (one.owner, one.symbol) not in blocked], said

    def _is_asked_for(self, owner: UUID) -> bool:
        return self.only in (None, owner)

    def _less_untold(self, owned: Owned, fills: list[FillReport]) -> Owned:
        """Without what orders of ours were filled with, by their own report, while the list of fills does not
        show it yet: it must not be closed twice, least of all out of the user's own holding."""
        shown: dict[str, Decimal] = {}
        for fill in fills:
            shown[fill.client_id] = shown.get(fill.client_id, Decimal(0)) + fill.quantity
        for entry in self.log.entries:
            untold = entry.filled - shown.get(entry.client_id, Decimal(0))
            if not entry.booked and untold > 0:
                held = owned.setdefault(entry.owner, {})
                held[entry.symbol] = held.get(entry.symbol, Decimal(0)) + entry.side.sign * untold
        return owned

    def _sendable(self, one: Closing) -> bool:
        instrument = self.instruments.get(one.symbol)
        return instrument is not None and instrument.floor_lots(one.quantity) > 0

    async def _close(self, one: Closing) -> None:
        instrument = self.instruments[one.symbol]
        most = min(one.quantity, instrument.max_limit_quantity)
        quantity = instrument.quantity(instrument.floor_lots(most))
        try:
            price = await unwind_price(self.venue, instrument, one.side, self.tries[_key(one)])
        except RateLimited as limit:
            self._hold_up(one, limit)
            return
        except VenueError as error:
            self.tries[_key(one)] += 1
            self.refusals[_key(one)] = str(error)
            return
        if self.is_over():
            return
        now = self.clock.now()
        if self.limit and now < self.limit.until:
            self._hold_up(one, self.limit)
            return
        await self._send(self.log.add(one.owner, one.symbol, one.side, quantity, price, now=now))

    async def _send(self, entry: Entry) -> None:
        """Once. What was turned away never left, and is not sent later: what was right may not be then."""
        request = OrderRequest(
            entry.client_id,
            entry.symbol,
            entry.side,
            entry.quantity,
            entry.limit_price,
            reduce_only=True,
            decided_at=entry.sent_at,
        )
        error = (await self.venue.place([request]))[0].error
        if isinstance(error, RateLimited):
            self._end(entry, Decimal(0), str(error))
            self._hold_up(entry, error)
            return
        self.tries[_key(entry)] += 1
        if error is None or isinstance(error, OutcomeUnknown | DuplicateClientId):
            entry.sent_at = self.clock.now()  # it may have waited for its turn before it left
            await self._settle([entry])
            return
        self._end(entry, Decimal(0), str(error))

    def _hold_up(self, one: Closing | Entry, limit: RateLimited) -> None:
        self.refusals[_key(one)] = str(limit)
        if self.limit is None or limit.until > self.limit.until:
            self.limit = limit

    async def _settle(self, entries: list[Entry]) -> None:
        await _all_of(self._find_out(entry) for entry in entries)

    async def _find_out(self, entry: Entry) -> None:
        """Ask until the venue tells how the order ended; what it certainly does not know never happened. A
        run before this one may have sent it in its last moment, long after it wrote it down."""
        left_at = max(entry.sent_at, self.began)
        deadline = self.clock.now() + PATIENCE
        asked = 0
        while self.clock.now() < deadline:
            asked_at = self.clock.now()
            try:
                report = await self.venue.find_order(entry.symbol, entry.client_id)
                if report is None:
                    if asked_at - left_at >= IN_FLIGHT:
                        self._end(entry, Decimal(0), "Bybit does not know this order: it never arrived.")
                        return
                elif report.status is not OrderStatus.OPEN:
                    self._end(entry, report.filled_quantity, report.reason)
                    return
                elif self.clock.now() - entry.sent_at > LINGERING:
                    await self.venue.cancel(entry.symbol, entry.client_id)
            except KeyRefused:
                break
            except VenueError:
                pass
            asked += 1
            await self.pause(min(0.1 * 2**asked, 5.0))
        entry.state = "unknown"
        self.log.save()
        self.refusals[entry.owner, entry.symbol] = (
            f"Bybit has not told what became of order {entry.client_id}. Nothing more was sent for it: run "
            "this again, it asks first."
        )

    def _end(self, entry: Entry, filled: Decimal, reason: str) -> None:
        entry.state, entry.filled = "ended", filled
        self.log.save()
        if filled:
            side = "bought" if entry.side.sign > 0 else "sold"
            text = (
                f"{self.journal.label}: {side} {plain(filled)} of {plain(entry.quantity)} {entry.symbol} at "
                f"{plain(entry.limit_price)} or better for position {str(entry.owner)[:8]} "
                f"(order {entry.client_id})."
            )
            self.outcome.done.append(text)
            self.say(text)
        if filled < entry.quantity:
            self.refusals[entry.owner, entry.symbol] = reason or "nobody took it at the price"

    async def _cancel_resting(self) -> None:
        resting = [order for order in await self._asked(self.venue.open_orders) if is_ours(order.client_id)]
        for order in resting:
            await self._cancel(order)
        if resting:
            await self.pause(BETWEEN)

    async def _cancel(self, order: OrderReport) -> None:
        with suppress(Rejected, OutcomeUnknown):  # it had ended, or the account's position tells
            await self.venue.cancel(order.symbol, order.client_id)
        text = f"{self.journal.label}: cancelled the resting order {order.client_id} in {order.symbol}."
        self.outcome.done.append(text)
        self.say(text)

    async def _conclude(self) -> None:
        """Look once more, and say exactly what is left and why."""
        left, problems = await self._wanted()
        for one in left:
            refused = self.refusals.get((one.owner, one.symbol))
            why = DATABASE_IS_BACK if self.is_over() else refused or self._why_not(one)
            self.outcome.failed.append(
                f"{self.journal.label}: {plain(one.quantity)} {one.symbol} of position {str(one.owner)[:8]} "
                f"is still held. {why}"
            )
        for entry in self.log.entries:
            if entry.open and self._is_asked_for(entry.owner):
                self.outcome.failed.append(
                    f"{self.journal.label}: {self.refusals.get((entry.owner, entry.symbol), entry.client_id)}"
                )
        self.outcome.failed += [f"{self.journal.label}: {problem}" for problem in problems]

    def _why_not(self, one: Closing) -> str:
        if one.symbol not in self.instruments:
            return "Bybit does not list this instrument any more."
        if not self._sendable(one):
            return "It is less than the smallest quantity that can be traded."
        return f"It could not be closed in {ROUNDS} attempts."

    async def _asked(self, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask again and again while the venue does not answer, for as long as patience lasts."""
        deadline = self.clock.now() + PATIENCE
        tries = 0
        while True:
            try:
                return await question()
            except (Unreachable, RateLimited):
                if self.clock.now() >= deadline:
                    raise
                tries += 1
                if tries == 1:
                    self.say(f"{self.journal.label}: Bybit does not answer; asking again …")
                await self.pause(min(0.25 * 2**tries, 5.0))
