"""The private stream: auth, and the topics order, execution, position and wallet (bybit.md, section 8)."""

from typing import Any, Final

from aiohttp import web

from holdfast.sim.bybit import auth
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.lines import PrivateLine, Row
from holdfast.sim.bybit.sockets import CONNECT_FAULTS, Socket, refused
from holdfast.sim.bybit.venue import Venue
from holdfast.sim.faults import Faults

PLAIN_TOPICS: Final = frozenset(
    {"order", "execution", "execution.fast", "position", "wallet", "greeks", "dcp"}
)
CATEGORISED_TOPICS: Final = frozenset(
    {"order.linear", "order.spot", "execution.linear", "execution.spot", "position.linear"}
    | {"execution.fast.linear", "execution.fast.spot"}
    | {
        f"{topic}.{category}"
        for topic in ("order", "execution", "position")
        for category in ("inverse", "option")
    }
)
HEARTBEAT_S: Final = 20


class PrivateStreams:
    def __init__(self, venue: Venue, faults: Faults) -> None:
        self._venue = venue
        self._faults = faults
        self._open: set[PrivateStream] = set()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        rule = self._faults.take("bybit.private.connect", *CONNECT_FAULTS)
        refusal = refused(rule)
        if refusal is not None:
            return refusal
        response = web.WebSocketResponse(heartbeat=HEARTBEAT_S)
        await response.prepare(request)
        stream = PrivateStream(self._venue, self._faults, response, request, is_dead=rule is not None)
        self._open.add(stream)
        try:
            await stream.run()
        finally:
            self._open.discard(stream)
        return response

    async def close(self) -> None:
        for stream in tuple(self._open):
            await stream.socket.close()


class PrivateStream:
    def __init__(
        self,
        venue: Venue,
        faults: Faults,
        response: web.WebSocketResponse,
        request: web.Request,
        *,
        is_dead: bool = False,
    ) -> None:
        self._venue = venue
        self._faults = faults
        self._address = request.remote or ""
        self._line: PrivateLine | None = None
        self._topics: set[str] = set()
        self._is_dead = is_dead
        self.socket = Socket(response, request, venue.ids.uuid())

    async def run(self) -> None:
        try:
            while (message := await self.socket.receive()) is not None:
                if self._take_in(message):
                    break
        finally:
            if self._line is not None:
                self._line.close()
            await self.socket.close()

    def _take_in(self, message: dict[str, Any]) -> bool:
        """Answer one message; true when the stream must end."""
        operation = message.get("op")
        if operation == "ping":
            if not self._answers_ping():
                return False
            stamp = str(self._venue.clock.now_ms())
            self._answer(message, {"op": "pong", "args": [stamp]})
        elif operation == "auth":
            return self._authenticate(message)
        elif operation in ("subscribe", "unsubscribe"):
            self._change_topics(message, str(operation))
        else:
            self._answer(
                message, {"success": False, "ret_msg": "Request params error", "op": str(operation or "")}
            )
        return False

    def _answers_ping(self) -> bool:
        if self._line is not None:
            return self._line.answers_ping()
        return self._faults.take("bybit.private.pong", "drop_answer") is None

    def _answer(self, message: dict[str, Any], frame: dict[str, Any]) -> None:
        if self._is_dead or (self._line is not None and self._line.is_dead):
            return
        if message.get("req_id"):
            frame["req_id"] = message["req_id"]
        self.socket.send(frame | {"conn_id": self.socket.conn_id})

    def _authenticate(self, message: dict[str, Any]) -> bool:
        args = message.get("args")
        try:
            account = auth.authenticate_stream(
                args if isinstance(args, list) else [],
                account_of=self._venue.accounts.of_key,
                clocks_ms=self._venue.clocks_ms(),
                address=self._address,
            )
        except Refusal as refusal:
            frame = {"success": False, "ret_msg": refusal.message, "retCode": refusal.code, "op": "auth"}
            self._answer(message, frame)
            return False
        if self._line is None:
            self._line = PrivateLine(
                self._venue, self._faults, account, self._send, self.socket.cut, self._wants
            )
        self._answer(message, {"success": True, "ret_msg": "", "op": "auth"})
        return False

    def _change_topics(self, message: dict[str, Any], operation: str) -> None:
        args = message.get("args")
        topics = [str(topic) for topic in args] if isinstance(args, list) else []
        problem = self._problem(topics)
        if not problem:
            if operation == "subscribe":
                self._topics.update(topics)
            else:
                self._topics.difference_update(topics)
        self._answer(message, {"success": not problem, "ret_msg": problem, "op": operation})

    def _problem(self, topics: list[str]) -> str:
        """Why these topics cannot be had, "" if they can."""
        if self._line is None:
            return "Request not authorized"
        unknown = [topic for topic in topics if topic not in PLAIN_TOPICS | CATEGORISED_TOPICS]
        if unknown or not topics:
            return f"Invalid topic: {','.join(unknown)}"
        plain = [topic for topic in topics if topic in PLAIN_TOPICS]
        if (
            plain
            and len(plain) < len(topics)
            and any(t.split(".")[0] in ("order", "execution", "position") for t in plain)
        ):
            return "All-in-one and categorised topics cannot be in one request"
        return ""

    def _wants(self, topic: str, category: str) -> bool:
        return not self._topics.isdisjoint({topic, f"{topic}.{category}"})

    def _send(self, topic: str, category: str, rows: list[Row]) -> None:
        """Send ``rows`` under every form of the topic this stream asked for."""
        now_ms = self._venue.clock.now_ms()
        for name in (topic, f"{topic}.{category}"):
            if name in self._topics:
                frame = {"topic": name, "creationTime": now_ms, "data": rows}
                if not topic.startswith("execution.fast"):
                    frame["id"] = self._venue.ids.uuid()
                self.socket.send(frame)
