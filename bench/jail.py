"""What the jail costs a script: its start beside a bare fork of the same process, its memory, the whole way
from the caller and back beside the same script without a jail."""

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import psutil
from tests.scripts.bars import ordinary_bars

from holdfast.core.timeframes import Timeframe
from holdfast.scripts.jail import cargo
from holdfast.scripts.jail.keeper import Keeper
from holdfast.scripts.jail.launch import NICENESS
from holdfast.scripts.jail.limits import LIMITS
from holdfast.scripts.jail.server import Server, _fill, _memory
from holdfast.scripts.jail.warden import ENVIRONMENT, Warden
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.sandbox import Sandbox

ROUNDS = 200
NOOP = "target(bars.close * 0)"
CROSS = """
a, b = ta.ema(bars.close, 9), ta.ema(bars.close, 30)
plot(a, "Fast")
plot(b, "Slow")
target(np.where(a > b, 1.0, 0.0))
"""
LOOP = """
value, found = 0.0, []
for price in bars.close:
    value += 0.1 * (price - value)
    found.append(value)
plot(np.array(found), "Average")
"""
WAIT = """
lock = print.__globals__["__builtins__"]["__import__"]("_thread").allocate_lock()
lock.acquire()
lock.acquire()
"""
BARE = f"""
import gc, os, time
os.nice({NICENESS})
from holdfast.scripts.jail import imports, runner
runner.warm(); imports.load(); gc.collect(); gc.freeze()
for _ in range({ROUNDS}):
    began = time.perf_counter()
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    print(time.perf_counter() - began)
"""


def main() -> None:
    asyncio.run(measure(bare_forks()))


def bare_forks() -> list[float]:
    """Of a process with the same in it as the zygote."""
    command = [sys.executable, "-c", BARE]
    done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]


async def measure(bare: list[float]) -> None:
    warden = await Warden.begin()
    if not warden.standing.locked:
        raise RuntimeError(f"scripts cannot be locked up here: {warden.standing.why}")
    try:
        jailed, cpu = await noops(warden)
        private = await private_memory(warden)
    finally:
        warden.close()
    tell("bare fork and wait", bare)
    tell("jailed script that does nothing, 100 bars", jailed)
    print(f"  CPU of it, median                          {statistics.median(cpu) * 1e3:8.2f} ms")
    best, middle = min(jailed) / min(bare), statistics.median(jailed) / statistics.median(bare)
    print(f"  jailed / bare: fastest {best:.1f} x, median {middle:.1f} x (at most 8)")
    print(f"  private memory of a run: {private / 2**20:.1f} MiB (at most 4)")
    await whole_way()


async def noops(warden: Warden) -> tuple[list[float], list[float]]:
    walls, cpus = [], []
    with packed(NOOP, 100) as (task, bars):
        for _ in range(ROUNDS):
            began = time.perf_counter()
            ended = await warden.run(task, bars, LIMITS["live"])
            walls.append(time.perf_counter() - began)
            cpus.append(ended.cpu)
            assert ended.status == 0
    return walls, cpus


class packed:  # noqa: N801 - used like a function
    """Descriptors of a task and its bars."""

    def __init__(self, source: str, count: int) -> None:
        self._parts = (
            cargo.pack_task(task_of(source)),
            b"".join(cargo.pack_bars(ordinary_bars(count, 1).as_floats())),
        )
        self._open = [_memory("task"), _memory("bars")]

    def __enter__(self) -> tuple[int, int]:
        task, bars = (one.__enter__() for one in self._open)
        for descriptor, part in ((task, self._parts[0]), (bars, self._parts[1])):
            _fill(descriptor, part)
        return task, bars

    def __exit__(self, *_: object) -> None:
        for one in self._open:
            one.__exit__(None, None, None)


async def private_memory(warden: Warden) -> int:
    """Of a run that has its script and its bars, and waits."""
    with packed(WAIT, 1_000) as (task, bars):
        run = asyncio.create_task(warden.run(task, bars, LIMITS["live"]))
        await asyncio.sleep(1)
        child = psutil.Process(warden.process.pid).children(recursive=True)[-1]
        private = private_of(child.pid)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
    return private


def private_of(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in rollup if line.startswith("Private_"))


async def whole_way() -> None:
    with tempfile.TemporaryDirectory() as folder:
        address, ready = f"{folder}/socket", asyncio.Event()
        serving = asyncio.create_task(Server(Keeper(), 4).serve(address, ready.set))
        await ready.wait()
        sandbox = Sandbox(address)
        for name, source in (("two averages", CROSS), ("a Python loop", LOOP)):
            for count in (1_000, 10_000):
                await compare(sandbox, name, source, count)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


async def compare(sandbox: Sandbox, name: str, source: str, count: int) -> None:
    bars, task = ordinary_bars(count, 1).as_floats(), task_of(source)

    async def inside() -> None:
        said = await sandbox.run(task, bars, owner="bench", purpose="live")
        assert said.error is None

    async def plain() -> None:
        assert execute(task, bars).error is None

    jailed, free = [await timed(inside) for _ in range(60)], [await timed(plain) for _ in range(60)]
    tell(f"{name}, {count:,} bars: without a jail", free)
    tell(f"{name}, {count:,} bars: through the sandbox", jailed)
    print(f"  it adds {(statistics.median(jailed) - statistics.median(free)) * 1e3:.1f} ms (median)")


async def timed(work: Callable[[], Awaitable[None]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def task_of(source: str) -> Task:
    return Task(source, "binance:BTCUSDT", "BTCUSDT", Timeframe.M5)


def tell(what: str, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    print(f"  {what:<50} {ordered[0] * 1e3:7.2f} min {statistics.median(ordered) * 1e3:7.2f} p50 "
          f"{ordered[int(len(ordered) * 0.99)] * 1e3:7.2f} p99 ms")  # fmt: skip
