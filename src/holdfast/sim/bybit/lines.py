"""What becomes of a push on its way to a client: a stream's faults, without a socket."""

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.venue import Later, OpenStream, Venue
from holdfast.sim.fault_kinds import FaultKind
from holdfast.sim.faults import FaultRule, Faults

Push = TypeVar("Push")
Row = dict[str, Any]
Hear = Callable[[str, str, list[Row]], None]
"""Called with topic, category ("" for wallet) and rows."""

STREAM_FAULTS: Final[tuple[FaultKind, ...]] = (
    "drop_answer", "drop_request", "delay", "duplicate", "reorder", "silent", "half_open",
)  # fmt: skip


class Line(Generic[Push]):
    """One connection. ``deliver`` hands a push to the client, ``cut`` tells that the connection broke."""

    def __init__(self, later: Later, deliver: Callable[[Push], None], cut: Callable[[], None]) -> None:
        self._later = later
        self._deliver = deliver
        self._cut = cut
        self._held: Push | None = None
        self.is_silent = False
        self.is_dead = False
        self.is_open = True

    def carry(self, push: Push, rule: FaultRule | None) -> None:
        """Send ``push``, or do to it what ``rule`` says."""
        if not self.is_open or self.is_silent or self.is_dead:
            return
        if rule is None:
            self._send(push)
        elif rule.kind == "delay":
            self._later(rule.delay_ms / 1000, lambda: self._send(push))
        elif rule.kind == "duplicate":
            self._send(push)
            self._later(rule.delay_ms / 1000, lambda: self._send(push))
        elif rule.kind == "reorder" and self._held is None:
            self._held = push
            self._later(rule.delay_ms / 1000, self._release)
        elif rule.kind == "reorder":
            self._send(push)
        elif rule.kind == "drop_request":
            self.cut()
        elif rule.kind == "silent":
            self.is_silent = True
        elif rule.kind == "half_open":
            self.is_dead = True

    def cut(self) -> None:
        """Break the connection; the client is told once. One that is dead does not even learn that."""
        if self.is_open:
            self.close()
            if not self.is_dead:
                self._cut()

    def close(self) -> None:
        """From here on nothing comes any more."""
        self.is_open = False

    def _send(self, push: Push) -> None:
        if self.is_open and not self.is_silent and not self.is_dead:
            self._deliver(push)
            self._release()

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            self._send(held)


class PrivateLine:
    """A client that listens to one account. ``wants`` says which topic and category it subscribed to;
    ``lost`` is called when the connection breaks (never when it goes dead). Call ``close`` to leave."""

    def __init__(
        self,
        venue: Venue,
        faults: Faults,
        account: Account,
        hear: Hear,
        lost: Callable[[], None] = lambda: None,
        wants: Callable[[str, str], bool] = lambda _topic, _category: True,
    ) -> None:
        self._venue = venue
        self._faults = faults
        self._account = account
        self._wants = wants
        self._lost = lost
        self._line: Line[tuple[str, str, list[Row]]] = Line(
            venue.later, lambda push: hear(*push), self._broken
        )
        account.listeners.append(self.push)
        self._stream = OpenStream(account.uid, self._line.cut)
        venue.streams.append(self._stream)

    @property
    def is_dead(self) -> bool:
        return self._line.is_dead

    def push(self, topic: str, category: str, rows: list[Row]) -> None:
        if self._wants(topic, category):
            rule = self._faults.take(f"bybit.private.{topic}", *STREAM_FAULTS, uid=self._account.uid)
            self._line.carry((topic, category, rows), rule)

    def answers_ping(self) -> bool:
        """Whether a ping sent now is answered."""
        if not self._line.is_open or self.is_dead:
            return False
        return self._faults.take("bybit.private.pong", "drop_answer", uid=self._account.uid) is None

    def close(self) -> None:
        self._line.close()
        self._leave()

    def _broken(self) -> None:
        self._leave()
        self._lost()

    def _leave(self) -> None:
        if self.push in self._account.listeners:
            self._account.listeners.remove(self.push)
        if self._stream in self._venue.streams:
            self._venue.streams.remove(self._stream)
