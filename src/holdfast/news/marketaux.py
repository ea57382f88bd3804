"""Marketaux over HTTP. The token exists only in the query: it is in no error, no log and no trace."""

from typing import Any, Final

import aiohttp
import orjson

NAME: Final = "marketaux"
CALL_SECONDS: Final = 15.0
MOST_BYTES: Final = 2_000_000
SEARCH: Final = "bitcoin | ethereum | crypto | cryptocurrency | blockchain | stablecoin | altcoin"
"""By words and not by entity type: articles whose coins nobody has marked are wanted too."""


class MarketauxError(Exception):
    """No usable answer. ``status``: of HTTP, 0 without an answer. The text is our own: theirs may repeat what
    was sent."""

    def __init__(self, text: str, *, status: int = 0) -> None:
        super().__init__(text)
        self.status = status


class Marketaux:
    """One client per process; every call of ``latest`` counts against the quota."""

    def __init__(self, base_url: str, token: str) -> None:
        self._url = f"{base_url.rstrip('/')}/v1/news/all"
        self.__token = token
        self._opened: aiohttp.ClientSession | None = None

    async def latest(self) -> list[dict[str, Any]]:
        """The newest articles about crypto, as many as the plan gives at once.

        Raises:
            MarketauxError: refused, out of reach, or not readable.
        """
        status, body = await self._get()
        if status != 200:
            raise MarketauxError(f"Marketaux answered {status}.", status=status)
        try:
            data = orjson.loads(body)["data"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            data = None
        if not isinstance(data, list):
            raise MarketauxError("Marketaux's answer cannot be read.", status=status)
        return [row for row in data if isinstance(row, dict)]

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def _get(self) -> tuple[int, bytes]:
        """What goes wrong is raised after the exception that holds the address has been left behind."""
        query = {"search": SEARCH, "sort": "published_on", "group_similar": "true", "api_token": self.__token}
        try:
            async with self._session().get(self._url, params=query, allow_redirects=False) as answer:
                body = bytearray()
                async for piece in answer.content.iter_chunked(65_536):
                    body += piece
                    if len(body) > MOST_BYTES:
                        break
                else:
                    return answer.status, bytes(body)
            problem = "Marketaux's answer is too large."
        except (aiohttp.ClientError, OSError, ValueError, TimeoutError) as error:
            problem = f"Marketaux cannot be reached ({type(error).__name__})."
        raise MarketauxError(problem)

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=CALL_SECONDS),
                headers={"User-Agent": "Holdfast"},
                middlewares=(_once,),
            )
        return self._opened


class _Lost(aiohttp.ClientError):
    """The connection broke off."""


async def _once(request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """A GET that broke off is not sent again behind our back: the first may have been counted."""
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise _Lost(str(type(error).__name__)) from None
