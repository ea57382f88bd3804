"""Frames on the wire: each is made once for everybody who gets it, and many are one write.

uvicorn would build a WebSocket frame for every client anew, and ASGI wants a waiting task for each. Where it
runs with ``StreamProtocol``, the hub writes ready-made frames to the transports; under any other server the
same texts are sent one by one.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson
from starlette.websockets import WebSocket
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION: Final = "holdfast.frames"
_TEXT: Final = 0x81
"""A whole message of text, as RFC 6455 section 5.2 has it; what a server sends is not masked."""
_TWO_BYTES, _EIGHT_BYTES = 126, 127


def text_frame(text: bytes) -> bytes:
    """A WebSocket message as a server puts it on the wire."""
    size = len(text)
    if size < _TWO_BYTES:
        return bytes((_TEXT, size)) + text
    if size < 1 << 16:
        return bytes((_TEXT, _TWO_BYTES)) + size.to_bytes(2, "big") + text
    return bytes((_TEXT, _EIGHT_BYTES)) + size.to_bytes(8, "big") + text


@dataclass(frozen=True, slots=True)
class Frame:
    """A message in both forms; two with the same text are equal."""

    text: str
    wire: bytes = field(compare=False)

    @classmethod
    def of(cls, text: str) -> "Frame":
        return cls(text, text_frame(text.encode()))

    @classmethod
    def of_json(cls, message: dict[str, Any]) -> "Frame":
        return cls.of(orjson.dumps(message).decode())


class Line(Protocol):
    """The way to one client, without a task or a copy of its own."""

    @property
    def has_room(self) -> bool:
        """Whether the client takes what it is sent."""
        ...

    def write(self, frames: bytes) -> None:
        """Never waits: ask ``has_room`` first."""
        ...


class StreamProtocol(WebSocketsSansIOProtocol):
    """uvicorn's own protocol, which also takes ready-made frames, as a ``Line``."""

    async def run_asgi(self) -> None:
        self.scope["extensions"][EXTENSION] = {"line": self}
        await super().run_asgi()

    @property
    def has_room(self) -> bool:
        return self.writable.is_set()

    def write(self, frames: bytes) -> None:
        if self.handshake_complete and not (self.close_sent or self.disconnected):
            self.transport.write(frames)


def line_of(websocket: WebSocket) -> Line | None:
    """``None`` under a server that knows none: there, texts must be sent."""
    line: Line | None = websocket.scope.get("extensions", {}).get(EXTENSION, {}).get("line")
    return line
