"""How fast one user may write."""

from datetime import timedelta
from typing import Final

from holdfast.accounts.access import UserDep
from holdfast.accounts.limits import Rate
from holdfast.accounts.tools import ToolsDep
from holdfast.platform.web import NowDep

WRITES: Final = Rate("journal:writes", 120, timedelta(minutes=1))
"""Entries written, changed, deleted and brought back, and pictures sent; repeats of a request too."""
REFUSAL: Final = "You write faster than the journal takes it."


async def count_write(user: UserDep, tools: ToolsDep, now: NowDep) -> None:
    """A dependency of everything that writes an entry. Raises ``TooManyRequests``."""
    await tools.limiter.require((WRITES, str(user.id)), now=now, refusal=REFUSAL)
