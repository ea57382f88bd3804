"""PostgreSQL dies right after a commit was acknowledged: the row must be there when it is back."""

import asyncio
import json
import os
import signal
import time
from dataclasses import dataclass
from typing import Final

import asyncpg
import psutil

from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.fork import Say
from holdfast.torture.crash.place import Place
from holdfast.torture.crash.points import Length, Outcome, Point
from holdfast.torture.crash.run import Bench
from holdfast.torture.crash.site import kill, restart

MUST_BE_ON: Final = ("fsync", "synchronous_commit", "full_page_writes")


@dataclass(frozen=True, slots=True)
class CommitsSurvive:
    """Point ``n``: it dies at once after the ``n``-th commit has returned."""

    name: str = "commits"
    dies: str = "postgres"
    steps: int = 20
    moments: tuple[Moment, ...] = (Moment.ANSWERED,)

    def length(self, bench: Bench) -> Length:  # noqa: ARG002 - as every suite's
        return Length.named([f"commit {number}" for number in range(1, self.steps + 1)])

    def run(self, bench: Bench, point: Point) -> Outcome:
        began = time.monotonic()
        place = bench.place
        server = psutil.Process(place.servers["postgres"].process.pid)
        found = asyncio.run(_promises(place))
        ending = bench.child(lambda say: _commit(place, server.pid, point.number, say))
        kill(place, ("postgres",))
        restart(place, ("postgres",))
        kept = asyncio.run(_kept(place))
        acknowledged = {word["committed"] for word in ending.words if "committed" in word}
        if len(acknowledged) != point.number:
            found.append(f"only {len(acknowledged)} of {point.number} commits returned: {ending.last}")
        lost = acknowledged - kept
        found += [f"commits {sorted(lost)} were acknowledged and are lost"] if lost else []
        return Outcome(point, f"after commit {point.number}", tuple(found), time.monotonic() - began)


def _commit(place: Place, server: int, count: int, say: Say) -> None:
    asyncio.run(_commit_and_kill(place, server, count, say))


async def _commit_and_kill(place: Place, server: int, count: int, say: Say) -> None:
    connection = await asyncpg.connect(place.settings.database_url)
    await connection.execute("DROP TABLE IF EXISTS crash_commits")
    await connection.execute("CREATE TABLE crash_commits (number integer PRIMARY KEY)")
    doomed = [server, *(child.pid for child in psutil.Process(server).children(recursive=True))]
    for number in range(1, count + 1):
        await connection.execute("INSERT INTO crash_commits VALUES ($1)", number)
        say(json.dumps({"committed": number}).encode() + b"\n")
    for pid in doomed:
        os.kill(pid, signal.SIGKILL)
    os._exit(0)


async def _promises(place: Place) -> list[str]:
    """What the installation's PostgreSQL does not do for durability. A killed process leaves the operating
    system's memory alone, so that only its settings and its count of synchronised writes can say more."""
    connection = await asyncpg.connect(place.settings.database_url)
    try:
        found = [f"{name} is off" for name in MUST_BE_ON if await connection.fetchval(f"SHOW {name}") != "on"]
        await connection.execute("CREATE TABLE IF NOT EXISTS crash_synced (number integer)")
        before = await _synchronised(connection)
        for number in range(5):
            await connection.execute("INSERT INTO crash_synced VALUES ($1)", number)
        done = await _synchronised(connection) - before
        return [*found, *([f"5 commits made {done} synchronised writes"] if done < 5 else [])]
    finally:
        await connection.close()


async def _synchronised(connection: asyncpg.Connection) -> int:
    """How often the log was forced to the disk."""
    await connection.execute("SELECT pg_stat_force_next_flush()")
    number: int = await connection.fetchval("SELECT wal_sync FROM pg_stat_wal")
    return number


async def _kept(place: Place) -> set[int]:
    connection = await asyncpg.connect(place.settings.database_url)
    try:
        return {row["number"] for row in await connection.fetch("SELECT number FROM crash_commits")}
    except asyncpg.UndefinedTableError:
        return set()
    finally:
        await connection.close()
