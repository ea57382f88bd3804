"""Reads a kept file as the worker does, in a process of its own, and prints how many MiB that took at most.

``python read_dataset.py <dataset>``; the database's address comes from the environment like in production.
"""

import asyncio
import re
import sys
from pathlib import Path
from uuid import UUID

from holdfast.charts.datasets import reading
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings


def resident(what: str) -> float:
    """MiB; ``VmRSS`` now or ``VmHWM`` at most, since this program began."""
    (kib,) = re.findall(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kib) / 1024


async def main(dataset: UUID) -> None:
    database = Database(Settings().database_url, pool_size=2)
    async with database.transaction():
        before = resident("VmRSS")
    await reading.carry_out(database, SystemClock(), dataset)
    await database.close()
    print(resident("VmHWM") - before)


if __name__ == "__main__":
    asyncio.run(main(UUID(sys.argv[1])))
