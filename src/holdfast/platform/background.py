"""Background tasks of a process, and how they end."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

_PATIENCE: Final = 0.05


async def cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel until all are done. Once is not enough: redis-py swallows a cancellation while it connects."""
    remaining = {task for task in tasks if not task.done()}
    while remaining:
        for task in remaining:
            task.cancel()
        _, remaining = await asyncio.wait(remaining, timeout=_PATIENCE)
