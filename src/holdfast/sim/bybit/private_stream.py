"""The private stream: auth, and the topics order, execution, position and wallet (bybit.md, section 8)."""

import asyncio
from typing import Any, Final

from aiohttp import web

from holdfast.sim.bybit import auth
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import Refusal
from holdfast.sim.bybit.sockets import Socket
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
        if self._faults.take("bybit.private.connect", "drop_request", "maintenance") is not None:
            return web.Response(status=503)
        response = web.WebSocketResponse(heartbeat=HEARTBEAT_S)
        await response.prepare(request)
        stream = PrivateStream(self._venue, self._faults, response, request)
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
        self, venue: Venue, faults: Faults, response: web.WebSocketResponse, request: web.Request
    ) -> None:
        self._venue = venue
        self._faults = faults
        self._address = request.remote or ""
        self._account: Account | None = None
        self._topics: set[str] = set()
        self.socket = Socket(response, request, venue.ids.uuid())

    async def run(self) -> None:
        try:
            while (message := await self.socket.receive()) is not None:
                if self._take_in(message):
                    break
        finally:
            if self._account is not None:
                self._account.listeners.remove(self.push)
            await self.socket.close()

    def _take_in(self, message: dict[str, Any]) -> bool:
        """Answer one message; true when the stream must end."""
        operation = message.get("op")
        if operation == "ping":
            if self._faults.take("bybit.private.pong", "drop_answer") is not None:
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

    def _answer(self, message: dict[str, Any], frame: dict[str, Any]) -> None:
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
        if self._account is None:
            self._account = account
            account.listeners.append(self.push)
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
        if self._account is None:
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

    def push(self, topic: str, category: str, rows: list[dict[str, Any]]) -> None:
        """Send ``rows`` under every form of the topic this stream asked for.

        Faults at ``bybit.private.<topic>``: ``drop_answer`` keeps silent, ``drop_request`` cuts the stream,
        ``delay`` lets later pushes overtake.
        """
        if not self._topics & {topic, f"{topic}.{category}"}:
            return
        rule = self._faults.take(f"bybit.private.{topic}", "drop_answer", "drop_request", "delay")
        if rule is None:
            self._send(topic, category, rows)
        elif rule.kind == "delay":
            loop = asyncio.get_running_loop()
            loop.call_later(rule.delay_ms / 1000, self._send, topic, category, rows)
        elif rule.kind == "drop_request":
            self.socket.cut()

    def _send(self, topic: str, category: str, rows: list[dict[str, Any]]) -> None:
        now_ms = self._venue.clock.now_ms()
        for name in (topic, f"{topic}.{category}"):
            if name in self._topics:
                frame = {"topic": name, "creationTime": now_ms, "data": rows}
                if not topic.startswith("execution.fast"):
                    frame["id"] = self._venue.ids.uuid()
                self.socket.send(frame)
