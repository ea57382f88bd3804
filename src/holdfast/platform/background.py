"""Background tasks of a process, and how they end."""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from typing import Any, Final

_PATIENCE: Final = 0.05


async def cancel(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel until all are done. Once is not enough: redis-py swallows a cancellation while it connects."""
    remaining = {task for task in tasks if not task.done()}
    while remaining:
        for task in remaining:
            task.cancel()
        _, remaining = await asyncio.wait(remaining, timeout=_PATIENCE)


async def together(*works: Coroutine[Any, Any, None]) -> None:
    """Run the works side by side until the first ends, fails or we are cancelled; then none is left running.

    For this ``asyncio.TaskGroup`` will not do: it passes a cancellation on only once.
    """
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        closing = asyncio.create_task(cancel(tasks))
        while not closing.done():
            with suppress(asyncio.CancelledError):
                await asyncio.shield(closing)
