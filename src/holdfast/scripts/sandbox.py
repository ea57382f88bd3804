"""Run a script in the sandbox: what the rest of Holdfast calls."""

import asyncio
from dataclasses import dataclass
from typing import Any, Final, Literal

from holdfast.core.bars import FloatBars
from holdfast.core.errors import Unavailable
from holdfast.platform.settings import Settings
from holdfast.scripts.jail import cargo, wire
from holdfast.scripts.jail.limits import LIMITS, MOST_BARS
from holdfast.scripts.jail.verdict import NotLocked, verdict
from holdfast.scripts.jail.warden import Ended
from holdfast.scripts.language.frame import MOST_BYTES
from holdfast.scripts.language.output import Fault, Output
from holdfast.scripts.language.run import Task
from holdfast.scripts.running import Purpose

Tier = Literal["A", "B", "none"]

_STATUS_PATIENCE: Final = 3.0
_PATIENCE: Final = 180.0
_ADVICE: Final = "See that `holdfast sandbox` runs (`holdfast status`), and try again."


@dataclass(frozen=True, slots=True)
class SandboxStatus:
    """``tier``: "A" is every layer, "B" what works inside an ordinary container, "none" runs no script.
    ``why`` says what is missing then. ``waiting`` runs have no turn yet, ``ended_by_force`` were killed."""

    tier: Tier
    why: str
    namespaces: list[str]
    landlock: int
    account_changed: bool
    empty_root: bool
    places: int
    running: int
    waiting: int
    runs: int
    ended_by_force: int
    zygotes: int

    @property
    def layers(self) -> list[str]:
        """What stands around a script, outermost first, by the words of the field."""
        if self.tier == "none":
            return []
        found = [f"namespaces ({', '.join(self.namespaces)})"] if self.namespaces else []
        found += ["empty root"] * self.empty_root + ["own account"] * self.account_changed
        found += [f"Landlock {self.landlock}"] if self.landlock else []
        return [*found, "limits", "seccomp"]


class Sandbox:
    """``address``: the path of a UNIX socket, or host:port. Each question is a connection of its own, so a
    cancelled one ends its run, and a sandbox that was restarted is simply found again."""

    def __init__(self, address: str) -> None:
        self._address = address

    @classmethod
    def of(cls, settings: Settings) -> "Sandbox":
        return cls(settings.sandbox_at)

    async def run(self, task: Task, bars: FloatBars, *, owner: str, purpose: Purpose) -> Output:
        """What the script says about these bars. Of one ``owner`` at most two run at once, the others wait.

        What the script does wrong, and being stopped by a limit, is ``Output.error``.

        Raises:
            Unavailable: the sandbox is away, refuses to run any script, or lost this run; it may be tried
                again.
        """
        count = len(bars.time)
        if count > MOST_BARS:
            return Output("", error=Fault("limit", f"A script runs over at most {MOST_BARS:,} bars."))
        question = {"ask": "run", "owner": owner, "purpose": purpose, "task": cargo.pack_task(task).decode()}
        said, result = await self._ask(question, cargo.pack_bars(bars), _PATIENCE)
        try:
            ended = Ended(
                said["locked"], said["status"], said["stopped"], said["cpu"], said["memory"], result
            )
            return verdict(ended, LIMITS[purpose], count)
        except NotLocked as error:
            raise Unavailable(
                "This script could not be locked up, so it was not run.", advice=_ADVICE
            ) from error

    async def status(self) -> SandboxStatus:
        """What stands around scripts now, and how busy it is. Raises ``Unavailable``."""
        said, _ = await self._ask({"ask": "status"}, [], _STATUS_PATIENCE)
        whole = bool(said["namespaces"]) and said["empty_root"]
        tier: Tier = "none" if not said.pop("locked") else "A" if whole else "B"
        return SandboxStatus(tier=tier, **said)

    async def _ask(
        self, question: dict[str, Any], parts: list[bytes], patience: float
    ) -> tuple[dict[str, Any], bytes]:
        try:
            async with asyncio.timeout(patience), wire.connected(self._address) as (reader, writer):
                await wire.send(writer, question, sum(map(len, parts)))
                said, size = await wire.receive(reader)
                if "go" in said:
                    await wire.pour(writer, parts)
                    said, size = await wire.receive(reader)
                if size > 2 * MOST_BYTES:
                    raise wire.BadMessage("a result that is too large")
                result = await reader.readexactly(size)
        except TimeoutError as error:
            raise Unavailable("The sandbox, which runs scripts, is too busy.", advice=_ADVICE) from error
        except (OSError, asyncio.IncompleteReadError, wire.BadMessage) as error:
            raise Unavailable("The sandbox, which runs scripts, does not answer.", advice=_ADVICE) from error
        if "refused" in said:
            raise Unavailable(f"The sandbox does not run this script: {said['refused']}.", advice=_ADVICE)
        return said, result
