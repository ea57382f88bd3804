"""What a background handler gets, and how rooms announce theirs."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from holdfast.core.time import Clock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Work:
    """One claimed job and the tools to do it. ``services`` holds what the worker process built once at
    start (the opened vault, venue clients); handlers reach it through typed helpers of their room. ``pause``
    waits so many seconds of ``clock``."""

    lease: Lease
    database: Database
    redis: Redis
    settings: Settings
    clock: Clock
    services: dict[str, Any]
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep


class RetryAt(Exception):
    """Raised by a handler: give the job back and run it again after ``seconds``, saying ``reason``."""

    def __init__(self, seconds: float, reason: str) -> None:
        super().__init__(reason)
        self.seconds = seconds
        self.reason = reason


class RunAgainIn(Exception):
    """Raised by a recurring handler that has succeeded: run this same job again after ``seconds``."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"again in {seconds} s")
        self.seconds = seconds


Handler = Callable[[Work], Awaitable[None]]
"""Runs under a lease that the worker renews. Returning finishes the job; any exception gives it back with
backoff. Every effect must be safe to repeat."""
