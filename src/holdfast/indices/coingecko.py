"""CoinGecko through pycoingecko, with what that library lacks: typed errors, a short timeout, the key in a
header, no hidden retries, and a budget of calls shared by all processes. It runs in threads.

Numbers arrive as floats: they are weights and charts, never money.
"""

import asyncio
from datetime import datetime
from typing import Any, Final, Protocol

import requests
import structlog
from pycoingecko import CoinGeckoAPI
from redis.asyncio import Redis
from redis.exceptions import RedisError
from requests.adapters import HTTPAdapter

from holdfast.core.time import Clock, from_ms

log = structlog.get_logger(__name__)

PAGE: Final = 250
TIMEOUT_SECONDS: Final = 10
DEFAULT_WAIT: Final = 60.0
LONGEST_WAIT: Final = 3600.0

Series = list[tuple[datetime, float]]


class CoinGeckoError(Exception):
    """``status`` is the HTTP status, 0 when there was no answer; ``code`` CoinGecko's own number, 0 if none.

    ``retry_after``: seconds to wait before asking again. Never carries the address or the key.
    """

    def __init__(self, message: str, *, status: int = 0, code: int = 0, retry_after: float = 30.0) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after = retry_after


class BudgetSpent(CoinGeckoError):
    """Our own budget of this minute is used up: nothing was asked."""


class CallBudget(Protocol):
    async def spend(self, *, reserve: int) -> None:
        """Count one call, leaving ``reserve`` calls of the minute to others. Raises ``BudgetSpent``."""
        ...


class MinuteBudget:
    """At most ``per_minute`` calls in any clock minute, counted in Redis for all processes. Every call
    counts, failed ones too. While Redis is away each process counts for itself."""

    def __init__(self, redis: Redis, clock: Clock, per_minute: int) -> None:
        self._redis = redis
        self._clock = clock
        self._per_minute = per_minute
        self._own: tuple[int, int] = (0, 0)

    async def spend(self, *, reserve: int) -> None:
        seconds = self._clock.now().timestamp()
        minute = int(seconds // 60)
        if await self._count(minute, 1) > self._per_minute - reserve:
            await self._count(minute, -1)
            raise BudgetSpent("this minute's calls are used up", retry_after=60 - seconds % 60 + 0.5)

    async def _count(self, minute: int, change: int) -> int:
        key = f"coingecko:calls:{minute}"
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.incrby(key, change)
                pipe.expire(key, 120)
                return int((await pipe.execute())[0])
        except (RedisError, OSError):
            known, count = self._own
            self._own = (minute, change + (count if known == minute else 0))
            return self._own[1]


class CoinGecko:
    """One client per process."""

    def __init__(self, base_url: str, *, key: str, key_header: str, budget: CallBudget) -> None:
        self._budget = budget
        self._api = _client(base_url, key, key_header)

    async def markets(self) -> list[dict[str, Any]]:
        """The 250 largest coins as CoinGecko lists them, in USD.

        Raises:
            CoinGeckoError: no usable answer.
        """
        await self._budget.spend(reserve=0)
        rows = await self._call(
            self._api.get_coins_markets,
            vs_currency="usd",
            order="market_cap_desc",
            per_page=str(PAGE),
            page="1",
        )
        if not isinstance(rows, list) or not rows:
            raise CoinGeckoError("CoinGecko sent no list of coins", status=200)
        return [row for row in rows if isinstance(row, dict)]

    async def market_chart(self, coin_id: str, days: int, *, reserve: int = 2) -> tuple[Series, Series]:
        """(prices, market caps) in USD: 5-minute points for one day, hourly to 90 days, daily beyond.

        Raises:
            BudgetSpent: the rest of this minute's calls is kept for the poll.
            CoinGeckoError: no usable answer.
        """
        await self._budget.spend(reserve=reserve)
        chart = await self._call(
            self._api.get_coin_market_chart_by_id, id=coin_id, vs_currency="usd", days=str(days)
        )
        try:
            return _series(chart["prices"]), _series(chart["market_caps"])
        except (KeyError, TypeError, ValueError) as error:
            raise CoinGeckoError(f"CoinGecko's chart of {coin_id} could not be read", status=200) from error

    async def _call(self, method: Any, **arguments: str) -> Any:
        """In a thread; whatever goes wrong becomes a ``CoinGeckoError`` without the request in its text."""
        try:
            return await asyncio.to_thread(method, **arguments)
        except CoinGeckoError:
            raise
        except requests.Timeout:
            raise CoinGeckoError(f"CoinGecko did not answer within {TIMEOUT_SECONDS} s") from None
        except requests.RequestException as error:
            raise CoinGeckoError(f"CoinGecko cannot be reached ({type(error).__name__})") from None
        except ValueError:
            raise CoinGeckoError("CoinGecko's answer is not JSON", status=200) from None


def _client(base_url: str, key: str, key_header: str) -> Any:
    api = CoinGeckoAPI()
    api.api_base_url = base_url
    api.extra_params = None
    api.request_timeout = TIMEOUT_SECONDS
    adapter = HTTPAdapter(max_retries=0)
    api.session.mount("http://", adapter)
    api.session.mount("https://", adapter)
    if key:
        api.session.headers[key_header] = key
    api.session.hooks["response"].append(_raise_typed)
    return api


def _raise_typed(response: requests.Response, *_: Any, **__: Any) -> None:
    """Runs before pycoingecko sees the answer, which would lose status and headers."""
    if response.status_code < 400:
        return
    code, message = problem_in(response)
    raise CoinGeckoError(
        f"CoinGecko answered {response.status_code}: {message}"[:300],
        status=response.status_code,
        code=code,
        retry_after=retry_after(response.headers.get("Retry-After"), response.status_code),
    )


def problem_in(response: requests.Response) -> tuple[int, str]:
    """(code, message) from any of the three shapes CoinGecko uses, or from plain text."""
    try:
        body = response.json()
    except ValueError:
        return 0, response.reason or "no reason given"
    inner = body.get("error", body) if isinstance(body, dict) else body
    status = inner.get("status", inner) if isinstance(inner, dict) else inner
    if not isinstance(status, dict):
        return 0, str(status)
    code = status.get("error_code", 0)
    return code if isinstance(code, int) else 0, str(status.get("error_message", "no reason given"))


def retry_after(header: str | None, status: int) -> float:
    """Seconds to wait: what the header says, else a minute after 429 and half a minute otherwise."""
    if header and header.strip().isdigit():
        return min(float(header), LONGEST_WAIT)
    return DEFAULT_WAIT if status == 429 else DEFAULT_WAIT / 2


def _series(points: list[list[Any]]) -> Series:
    return [(from_ms(int(ms)), float(value)) for ms, value in points if value is not None]
