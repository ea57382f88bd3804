"""How every process talks to Redis."""

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, TimeoutError

RETRIES = 3


def open_redis(url: str) -> Redis:
    """A client that survives a restart of Redis: every pooled connection is dead afterwards, and without
    repeats each of them would fail the next command once. Repeats end within about half a second."""
    return Redis.from_url(
        url,
        socket_timeout=5,
        socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=0.3, base=0.05), RETRIES),
        retry_on_error=[ConnectionError, TimeoutError],
    )
