"""Keeps a zygote at hand: another when one dies, and a fresh one every day."""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Final

import structlog

from holdfast.scripts.jail.packets import Standing
from holdfast.scripts.jail.warden import ZYGOTE, Warden, ZygoteLost

_log = structlog.get_logger()

OLDEST_SECONDS: Final = 86_400.0
"""Runs share their zygote's layout of memory, so what one learns of it must not be of use for long."""
_PATIENCE: Final = 10.0
_SHORTEST_WAIT: Final = 0.1
_LONGEST_WAIT: Final = 10.0


class Keeper:
    """``run`` keeps the zygotes; ``zygote`` gives the one for the next run."""

    def __init__(self, command: Sequence[str] = ZYGOTE, oldest: float = OLDEST_SECONDS) -> None:
        self._command = command
        self._oldest = oldest
        self._warden: Warden | None = None
        self._there = asyncio.Event()
        self._retired: list[Warden] = []
        self.begun = 0

    @property
    def standing(self) -> Standing:
        return self._warden.standing if self._warden else Standing(False, "it is being started")

    async def zygote(self) -> Warden:
        """Raises ``ZygoteLost`` when there is none for a while."""
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._there.wait()
        except TimeoutError:
            raise ZygoteLost("the process that runs scripts cannot be started") from None
        assert self._warden is not None
        return self._warden

    async def wait_until_there(self) -> None:
        await self._there.wait()

    async def run(self) -> None:
        """Until cancelled."""
        wait = _SHORTEST_WAIT
        try:
            while True:
                try:
                    warden = await Warden.begin(self._command)
                except ZygoteLost as error:
                    _log.warning("no zygote", error=str(error), again_in=wait)
                    await asyncio.sleep(wait)
                    wait = min(2 * wait, _LONGEST_WAIT)
                    continue
                wait = _SHORTEST_WAIT
                self._replace(warden)
                await self._age(warden)
        finally:
            for warden in (*self._retired, *([self._warden] if self._warden else [])):
                warden.close()

    def _replace(self, warden: Warden) -> None:
        self._retired = [one for one in self._retired if not one.lost.is_set()]
        if self._warden and not self._warden.lost.is_set():
            self._warden.retire()
            self._retired.append(self._warden)
        self._warden = warden
        self.begun += 1
        self._there.set()
        _log.info("zygote", number=self.begun, locked=warden.standing.locked, why=warden.standing.why)

    async def _age(self, warden: Warden) -> None:
        """Until it is lost, or old."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._oldest):
                await warden.lost.wait()
                self._there.clear()
                _log.warning("zygote lost", number=self.begun)
