"""What this machine remembers of its address, in a file, for when Redis does not.

Bybit shuts out an address for ten minutes, and an address is a machine's. So all its processes count in one
file what leaves while Redis cannot be asked, and it keeps until when the address is to be silent, whichever
of them is restarted.
"""

import asyncio
import os
from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import Final

from holdfast.venues.bybit.windows import SlidingLog

_TRIES: Final = 100
_TRY_SECONDS: Final = 0.01
_SENT_AHEAD_MS: Final = 20_000
_SILENT_AHEAD_MS: Final = 660_000
"""A moment is reserved 5 s ahead at most, and a silence lasts 10 minutes: what lies much further ahead was
written by a clock that went wrong."""
_NUMBER: Final = 8
"""Bytes. The first number is the end of the silence; the send times follow it."""


class AddressFile:
    """At most ``limit`` requests within ``window`` ms leave by it. The file is not made where its directory
    is gone.

    All raise OSError where it cannot be read or written.
    """

    def __init__(self, path: Path, *, limit: int, window: int) -> None:
        self._path = path
        self._limit = limit
        self._window = window

    def silent_until(self, now: int) -> int:
        """Read without the lock: eight bytes come whole, and whoever stands still with it holds up nobody."""
        try:
            with self._path.open("rb") as file:
                return _silence_in(file.read(_NUMBER), now)
        except FileNotFoundError:
            return 0

    async def silence(self, now: int, until: int) -> None:
        """Written unless a longer one is; also while another stands still with the lock, since the shorter of
        two silences is better than none. The disk is not waited for: processes end more often than machines,
        and then the venue says it again."""
        with self._opened() as file:
            await self._lock(file)
            until = max(until, _silence_in(os.pread(file, _NUMBER, 0), now))
            os.pwrite(file, array("q", [until]).tobytes(), 0)

    async def reserve(self, now: int, patience: int, blocked_until: int, spare: int) -> int:
        """When one more request may leave so that ``spare`` of the limit stay free. Beyond ``patience`` ms
        nothing was reserved."""
        with self._opened() as file:
            if not await self._lock(file):
                return now + patience + 1
            content = os.pread(file, _NUMBER * self._limit, _NUMBER)
            sent = SlidingLog(deque(at for at in _numbers(content) if at - now <= _SENT_AHEAD_MS))
            moment = sent.earliest(max(now, blocked_until), 1, self._limit - spare, self._window)
            if moment - now <= patience:
                sent.take(moment, 1, self._limit)
                os.pwrite(file, array("q", sent.times).tobytes(), _NUMBER)
        return moment

    async def _lock(self, file: int) -> bool:
        """Whether it is ours now."""
        for _ in range(_TRIES):
            with suppress(BlockingIOError):
                flock(file, LOCK_EX | LOCK_NB)
                return True
            await asyncio.sleep(_TRY_SECONDS)
        return False

    @contextmanager
    def _opened(self) -> Iterator[int]:
        """Closing it also lets go of the lock."""
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield file
        finally:
            os.close(file)


def believed_silence(until: int, now: int) -> int:
    return until if until - now <= _SILENT_AHEAD_MS else 0


def _silence_in(content: bytes, now: int) -> int:
    return believed_silence(next(iter(_numbers(content)), 0), now)


def _numbers(content: bytes) -> Sequence[int]:
    numbers = array("q")
    numbers.frombytes(content[: len(content) // _NUMBER * _NUMBER])
    return numbers
