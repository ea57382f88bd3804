"""How every process talks to Redis."""

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError, TimeoutError

RETRIES = 3
CONNECTIONS = 50
"""Per process. Whoever finds them all busy waits: a large basket asks for more at once than there should be
sockets."""
WAIT_SECONDS = 5


def open_redis(url: str) -> Redis:
    """A client that survives a restart of Redis: every pooled connection is dead afterwards, and without
    repeats each of them would fail the next command once. Repeats end within about half a second."""
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=WAIT_SECONDS,
        socket_timeout=5,
        socket_connect_timeout=5,
        retry=Retry(ExponentialBackoff(cap=0.3, base=0.05), RETRIES),
        retry_on_error=[ConnectionError, TimeoutError],
    )
    return Redis.from_pool(pool)
