"""The account stream and its watcher in virtual time: the real parser and reconnection, no sockets."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, Final
from uuid import UUID

from holdfast.core.time import from_ms
from holdfast.execution.reconciliation.watch import Watcher
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.lines import PrivateLine
from holdfast.torture.house import RESTART, House
from holdfast.torture.loop import NEUTRAL, Process, inside
from holdfast.venues.bybit.private_stream import BybitAccountStream, _Down
from holdfast.venues.protocol import AccountEvent, StreamConnected

HANDSHAKE: Final = 0.12
TRAVEL: Final = 0.015


class VirtualStream(BybitAccountStream):
    """Where the real one has a socket, this has a line of the simulated venue."""

    def __init__(self, house: House, account: Account) -> None:
        async def venue_time() -> Any:
            return from_ms(house.venue.clock.now_ms())

        super().__init__("ws://127.0.0.1:1", account.key.key, account.key.secret, venue_time)
        self._house = house
        self._account = account

    async def _connection(self) -> AsyncGenerator[AccountEvent, None]:
        house = self._house
        await asyncio.sleep(HANDSHAKE)
        if house.faults.take("bybit.private.connect", "maintenance", "ip_limit", uid=self._account.uid):
            raise _Down("Bybit closed the connection")
        arrived: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def hear(topic: str, category: str, rows: list[dict[str, Any]]) -> None:
            frame = {"topic": f"{topic}.{category}" if category else topic, "data": rows}
            house.loop.call_later(TRAVEL, arrived.put_nowait, frame, context=NEUTRAL)

        def lost() -> None:
            house.loop.call_later(TRAVEL, arrived.put_nowait, None, context=NEUTRAL)

        line = PrivateLine(house.venue, house.faults, self._account, hear, lost)
        house.tally.add("streams opened")
        try:
            yield StreamConnected()
            async for frame in self._heard(line, arrived):
                for event in self._events(frame):
                    yield event
        finally:
            line.close()

    async def _heard(
        self, line: PrivateLine, arrived: "asyncio.Queue[dict[str, Any] | None]"
    ) -> AsyncIterator[dict[str, Any]]:
        loop, patience = self._house.loop, self._patience
        heard = pinged = loop.time()
        while True:
            due = min(pinged + patience.ping, heard + patience.silence) - loop.time()
            try:
                frame = await asyncio.wait_for(arrived.get(), max(due, 0.001))
            except TimeoutError:
                if loop.time() - heard >= patience.silence:
                    raise _Down(f"Bybit said nothing for {patience.silence:g} s") from None
                pinged = loop.time()
                heard = pinged if line.answers_ping() else heard
                continue
            if frame is None:
                raise _Down("Bybit closed the connection")
            heard = loop.time()
            yield frame


class Watch:
    """The process that listens; it dies and comes back like the workers."""

    def __init__(self, house: House, accounts: dict[UUID, Account]) -> None:
        self._house = house
        self._accounts = accounts
        self._start()

    def kill(self) -> None:
        self.process.alive = False
        self._house.tally.add("crashes")
        self._house.note("crash", self.process.name)
        self._house.database.cut_off(self.process)
        self._task.cancel()
        delay = self._house.dice.uniform(*RESTART)
        self._house.loop.call_later(delay, self._start, context=NEUTRAL)

    def _start(self) -> None:
        self.process = Process("watch")
        watcher = Watcher(self._house.database, self._house.clock, self._open)
        self._task = self._house.loop.create_task(watcher.run(), context=inside(self.process))

    async def _open(self, connection_id: UUID) -> AsyncIterator[AccountEvent]:
        return aiter(VirtualStream(self._house, self._accounts[connection_id]))
