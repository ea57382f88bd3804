"""The ends of the stream: what is on its way to each connection, and when it is sent."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from holdfast.app.wire import Frame, Line

FLUSH_SECONDS: Final = 0.25
"""Nobody is sent the state of a topic more often."""
AT_ONCE: Final = 250


@dataclass(frozen=True, slots=True)
class Channel:
    """One topic as one audience hears it: ``user_id`` is None for public topics."""

    user_id: UUID | None
    topic: str

    @property
    def kind(self) -> str:
        return self.topic.partition(":")[0]

    @property
    def key(self) -> str:
        return self.topic.partition(":")[2]


@dataclass(slots=True)
class Ticks:
    """One for all connections: a timer of each one's own would cost more than what is sent."""

    now: int = 0
    due: "set[Client]" = field(default_factory=set)
    """To be sent something at the next tick."""
    soon: "set[Client]" = field(default_factory=set)
    """To be sent something once this turn of the loop is over."""

    async def run(self) -> None:
        clock = asyncio.get_running_loop().time
        at = clock()
        while True:
            at = max(at + FLUSH_SECONDS, clock())
            await asyncio.sleep(at - clock())
            self.now += 1
            due, self.due = self.due, set()
            for client in due:
                self.hurry(client)

    def hurry(self, client: "Client") -> None:
        if not self.soon:
            asyncio.get_running_loop().call_soon(self._send)
        self.soon.add(client)

    def forget(self, client: "Client") -> None:
        self.due.discard(client)
        self.soon.discard(client)

    def _send(self) -> None:
        """To a few hundred, then others have their turn."""
        for _ in range(min(len(self.soon), AT_ONCE)):
            self.soon.pop().send()
        if self.soon:
            asyncio.get_running_loop().call_soon(self._send)


@dataclass(eq=False, slots=True)
class Client:
    """One connection. ``pending`` holds at most one frame a topic, ``replies`` what answers its requests.
    What is offered is sent at once, unless something was sent since the last tick: then at the next."""

    ticks: Ticks
    line: Line | None = None
    """Without one somebody must wait for ``wake``, ``take`` the frames and send them."""
    network: str = ""
    user_id: UUID | None = None
    sign_in_id: UUID | None = None
    channels: dict[str, Channel] = field(default_factory=dict)
    pending: dict[str, Frame] = field(default_factory=dict)
    replies: list[Frame] = field(default_factory=list)
    joining: str = ""
    """The topic that is being subscribed, until something newer than its snapshot is offered."""
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    sent_at: int = -1
    is_queued: bool = False
    stalled_since: float | None = None
    """Since when it takes nothing, by the loop's clock."""

    def offer(self, topic: str, frame: Frame) -> None:
        self.pending[topic] = frame
        if topic == self.joining:
            self.joining = ""
        if self.is_queued:
            return
        self.is_queued = True
        if self.sent_at == self.ticks.now:
            self.ticks.due.add(self)
        else:
            self.ticks.hurry(self)

    def reply(self, **message: Any) -> None:
        self.replies.append(Frame.of_json(message))
        self.ticks.hurry(self)

    def send(self) -> None:
        """Write what is to be sent. Who takes nothing now is tried again at the next tick."""
        if self.line is None:
            self.wake.set()
        elif not self.line.has_room:
            self.stalled_since = self.stalled_since or asyncio.get_running_loop().time()
            self.ticks.due.add(self)
        else:
            self.stalled_since = None
            self.line.write(b"".join([frame.wire for frame in self.take()]))

    def take(self) -> list[Frame]:
        """Everything to be sent now."""
        frames = [*self.replies, *self.pending.values()]
        self.replies.clear()
        self.pending.clear()
        self.wake.clear()
        self.is_queued = False
        self.sent_at = self.ticks.now
        return frames
