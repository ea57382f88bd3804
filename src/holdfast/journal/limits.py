"""How fast one user, and everybody of one network, may write."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from starlette.requests import HTTPConnection

from holdfast.accounts.access import UserDep
from holdfast.accounts.limits import Rate, network_of
from holdfast.accounts.tools import tools_of
from holdfast.platform.web import now_of

WRITES: Final = Rate("journal:writes", 120, timedelta(minutes=1))
"""Entries written, changed, deleted and brought back, and pictures sent; repeats of a request too."""
WRITES_OF_NETWORK: Final = Rate("journal:shared", 600, timedelta(minutes=1))
"""Whoever may try the demo has as many users as they like."""


async def count_write(connection: HTTPConnection, user: UserDep) -> None:
    """A dependency of everything that writes an entry. Raises ``TooManyRequests``."""
    await count_write_of(connection, user.id)


async def count_write_of(connection: HTTPConnection, user_id: UUID) -> None:
    """Raises ``TooManyRequests``."""
    network = network_of(connection.client.host if connection.client else "")
    checks = (WRITES, str(user_id)), (WRITES_OF_NETWORK, network)
    refusal = "You write faster than the journal takes it."
    await tools_of(connection).limiter.require(*checks, now=now_of(connection), refusal=refusal)
