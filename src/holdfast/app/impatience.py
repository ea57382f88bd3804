"""A server that does not wait for those who never finish asking."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADERS_SECONDS: Final = 20.0


class ImpatientProtocol(HttpToolsProtocol):
    """uvicorn's own protocol, which closes connections whose request has no complete head within
    ``HEADERS_SECONDS``. uvicorn itself would keep them for good, and each is an open file."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._begin_waiting()

    def on_message_begin(self) -> None:
        self._begin_waiting()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._end_waiting()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        super().connection_lost(exc)

    def _begin_waiting(self) -> None:
        self._end_waiting()
        self._deadline = self.loop.call_later(HEADERS_SECONDS, self.transport.close)

    def _end_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
