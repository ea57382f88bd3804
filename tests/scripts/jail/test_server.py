"""The sandbox as a service: it fails closed, blames nobody for its own faults, and comes back."""

import asyncio
import os
import signal
import struct
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripts.bars import ordinary_bars
from tests.scripts.jail.conftest import command

from holdfast.app import crew
from holdfast.core.bars import FloatBars
from holdfast.core.errors import Unavailable
from holdfast.core.timeframes import Timeframe
from holdfast.platform import embedded
from holdfast.platform.processes import start, stop
from holdfast.platform.settings import Settings
from holdfast.scripts.jail import machine, wire
from holdfast.scripts.jail.keeper import Keeper
from holdfast.scripts.jail.limits import MOST_BARS
from holdfast.scripts.jail.server import Server, places_of
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import Task
from holdfast.scripts.sandbox import Sandbox

pytestmark = [pytest.mark.timeout(180)]
BARS = ordinary_bars(500, 5).as_floats()
HONEST = "plot(ta.sma(bars.close, 5))\ntarget(np.where(bars.close > bars.open, 1.0, 0.0))"
WAIT = """
lock = print.__globals__["__builtins__"]["__import__"]("_thread").allocate_lock()
lock.acquire()
lock.acquire()
"""


def task(source: str) -> Task:
    return Task(source, "binance:BTCUSDT", "BTCUSDT", Timeframe.M5, seed=3)


async def run(sandbox: Sandbox, source: str = HONEST, owner: str = "a", bars: FloatBars = BARS) -> Output:
    return await sandbox.run(task(source), bars, owner=owner, purpose="editor")


@asynccontextmanager
async def serving(address: str, keeper: Keeper, places: int = 4) -> AsyncIterator[Sandbox]:
    ready = asyncio.Event()
    work = asyncio.create_task(Server(keeper, places).serve(address, ready.set))
    try:
        waiting = asyncio.create_task(ready.wait())
        await asyncio.wait((work, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        assert not work.done(), work.exception()
        yield Sandbox(address)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(150):
        while not await check():
            await asyncio.sleep(0.02)


def keeper(conditions: str = "machine", oldest: float = 1e6) -> Keeper:
    return Keeper(command("language", conditions), oldest)


@pytest.fixture
def address(tmp_path: Path) -> str:
    return str(tmp_path / "run" / "sandbox.sock")


async def test_the_socket_is_ours_alone(address: str) -> None:
    async with serving(address, keeper()):
        assert Path(address).stat().st_mode & 0o777 == 0o600


async def test_it_can_be_reached_over_tcp_and_by_a_long_path(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90) / "sandbox.sock"
    for place in (f"127.0.0.1:{embedded.free_port()}", str(long)):
        async with serving(place, keeper()) as sandbox:
            assert (await run(sandbox)).error is None


async def test_without_seccomp_no_script_is_run(address: str) -> None:
    async with serving(address, keeper("no-seccomp")) as sandbox:
        status = await sandbox.status()
        assert (status.tier, status.layers) == ("none", [])
        with pytest.raises(Unavailable, match="refuses seccomp") as refusal:
            await run(sandbox)
        assert refusal.value.advice
        assert (await sandbox.status()).runs == 0


async def test_a_jail_that_does_not_hold_is_noticed_at_the_start(address: str) -> None:
    async with serving(address, keeper("hollow")) as sandbox:
        assert (await sandbox.status()).tier == "none"
        with pytest.raises(Unavailable, match="not held back"):
            await run(sandbox)


async def test_in_a_container_it_says_so(address: str) -> None:
    async with serving(address, keeper("container")) as sandbox:
        status = await sandbox.status()
        assert (status.tier, status.namespaces, status.empty_root) == ("B", [], False)
        assert "seccomp" in status.layers
        assert (await run(sandbox)).error is None


async def test_a_zygote_that_dies_is_replaced_and_nobody_is_blamed(address: str) -> None:
    kept = keeper()
    async with serving(address, kept) as sandbox:
        before = await run(sandbox)
        busy = [asyncio.create_task(run(sandbox, WAIT, owner)) for owner in ("a", "b")]
        waiting = [asyncio.create_task(run(sandbox, HONEST, f"c{number}")) for number in range(8)]
        await until(lambda: both_run(sandbox))
        warden = await kept.zygote()
        inner = psutil.Process(warden.process.pid).children()
        os.kill(inner[0].pid if inner else warden.process.pid, signal.SIGKILL)
        for one in busy:
            with pytest.raises(Unavailable):
                await one
        said = await asyncio.gather(*waiting, return_exceptions=True)
        assert all(isinstance(one, Unavailable) or one.error is None for one in said)
        after = await run(sandbox)
        assert (await sandbox.status()).zygotes == 2
        assert before.target is not None
        assert after.target is not None
        np.testing.assert_array_equal(before.target, after.target)


async def both_run(sandbox: Sandbox) -> bool:
    return (await sandbox.status()).running >= 2


async def test_a_restart_is_survived_by_those_who_wait(address: str) -> None:
    async with serving(address, keeper(), places=1) as sandbox:
        asked = [asyncio.create_task(run(sandbox, WAIT, owner)) for owner in "abc"]

        async def two_wait() -> bool:
            return (await sandbox.status()).waiting == 2

        await until(two_wait)
    for one in asked:
        with pytest.raises(Unavailable):
            await one
    with pytest.raises(Unavailable):
        await run(sandbox)
    async with serving(address, keeper()):
        assert (await run(sandbox)).error is None


async def test_an_old_zygote_is_replaced_and_its_runs_end_well(address: str) -> None:
    async with serving(address, keeper(oldest=0.3)) as sandbox:

        async def third() -> bool:
            said = await asyncio.gather(*(run(sandbox, HONEST, owner) for owner in "abc"))
            assert [one.error for one in said] == [None] * 3
            return (await sandbox.status()).zygotes >= 3

        await until(third)


async def test_a_run_nobody_waits_for_is_ended(address: str) -> None:
    async with serving(address, keeper()) as sandbox:
        asked = asyncio.create_task(run(sandbox, WAIT))

        async def runs() -> bool:
            return (await sandbox.status()).running == 1

        async def is_gone() -> bool:
            return (await sandbox.status()).running == 0

        await until(runs)
        asked.cancel()
        await until(is_gone)


async def test_a_turn_nobody_waits_for_is_given_up(address: str) -> None:
    async with serving(address, keeper(), places=1) as sandbox:
        first, second = (asyncio.create_task(run(sandbox, WAIT, owner)) for owner in "ab")

        async def waits() -> bool:
            return (await sandbox.status()).waiting == 1

        async def gave_up() -> bool:
            return (await sandbox.status()).waiting == 0

        await until(waits)
        second.cancel()
        await until(gave_up)
        assert (await sandbox.status()).running == 1
        first.cancel()
        await asyncio.gather(first, second, return_exceptions=True)


async def test_one_owner_cannot_keep_others_out(address: str) -> None:
    async with serving(address, keeper(), places=3) as sandbox:
        greedy = [asyncio.create_task(run(sandbox, WAIT, "greedy")) for _ in range(6)]
        await until(lambda: both_run(sandbox))
        status = await sandbox.status()
        assert (status.running, status.waiting) == (2, 4)
        assert (await run(sandbox, HONEST, "modest")).error is None
        assert not any(one.done() for one in greedy[2:])
        for one in greedy:
            one.cancel()
        await asyncio.gather(*greedy, return_exceptions=True)


def test_places_follow_processors_and_memory() -> None:
    assert places_of(2, 24 * 2**30) == 4
    assert places_of(8, 4 * 2**30) == 2
    assert places_of(1, 2**30) == 2


def test_memory_is_that_of_the_container(tmp_path: Path) -> None:
    whole = 64 * 2**30
    newer = tmp_path / "pod" / "own"
    newer.mkdir(parents=True)
    assert machine.memory_of(whole, "0::/pod/own\n", tmp_path) == whole
    (newer / "memory.max").write_text("max\n")
    assert machine.memory_of(whole, "0::/pod/own\n", tmp_path) == whole
    (newer.parent / "memory.max").write_text(f"{2**30}\n")
    assert machine.memory_of(whole, "0::/pod/own\n", tmp_path) == 2**30
    assert machine.memory_of(whole, "0::/\n", tmp_path) == whole
    older = tmp_path / "memory"
    older.mkdir()
    (older / "memory.limit_in_bytes").write_text(f"{2**31}\n")
    told = "4:memory:/docker/as-the-host-names-it\n1:cpu:/\n0::/\n"
    assert machine.memory_of(whole, told, tmp_path) == 2**31
    (older / "memory.limit_in_bytes").write_text(f"{2**63 - 4096}\n")
    assert machine.memory_of(whole, told, tmp_path) == whole


def test_processors_are_those_this_process_may_use() -> None:
    own = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(own)})
        assert machine.processors() == 1
    finally:
        os.sched_setaffinity(0, own)
    assert machine.processors() == len(own)


async def test_back_tests_leave_a_place_on_the_smallest_machine(address: str) -> None:
    async with serving(address, keeper(), places=places_of(1, 2**30)) as sandbox:
        tests = [
            asyncio.create_task(sandbox.run(task(WAIT), BARS, owner=owner, purpose="backtest"))
            for owner in "ab"
        ]

        async def one_runs() -> bool:
            status = await sandbox.status()
            return (status.running, status.waiting) == (1, 1)

        await until(one_runs)
        async with asyncio.timeout(25):
            assert (await run(sandbox, HONEST, "c")).error is None
        for one in tests:
            one.cancel()
        await asyncio.gather(*tests, return_exceptions=True)


async def test_too_many_bars_are_refused_before_they_are_sent(address: str) -> None:
    column = np.zeros(MOST_BARS + 1)
    bars = FloatBars(np.arange(MOST_BARS + 1), column, column, column, column, column)
    said = await run(Sandbox(address), bars=bars)
    assert said.error is not None
    assert said.error.kind == "limit"


async def test_as_many_bars_as_there_may_be_fit(address: str) -> None:
    column = np.linspace(1, 2, MOST_BARS)
    bars = FloatBars(np.arange(MOST_BARS) * 60, column, column, column, column, column)
    source = "target(np.where(ta.sma(bars.close, 9) > ta.sma(bars.close, 30), 1.0, 0.0))"
    source += "\nsignal(np.sign(bars.close))"
    async with serving(address, keeper()) as sandbox:
        bare = Task(source, "own:1", "X", Timeframe.M1, wanted="weights")
        said = await sandbox.run(bare, bars, owner="a", purpose="backtest")
    assert said.error is None
    assert said.target is not None
    assert len(said.target) == MOST_BARS


async def test_an_absent_sandbox_is_said_so(tmp_path: Path) -> None:
    for place in (str(tmp_path / "none.sock"), "127.0.0.1:9"):
        with pytest.raises(Unavailable, match="does not answer"):
            await run(Sandbox(place))


async def test_strange_messages_do_no_harm(address: str) -> None:
    """Whoever reaches the socket can ask for runs, and nothing else."""
    text = b'{"ask":"run","owner":"a","purpose":"editor","task":"{}"}'
    strange = [
        b"", b"\0" * 64, b"HFS1" + b"\xff" * 12, struct.pack("<4sIQ", b"HFS1", 2, 0) + b"[]",
        struct.pack("<4sIQ", b"HFS1", 4, 0) + b"\xff{}}",
        struct.pack("<4sIQ", b"HFS1", len(text), 47) + text,
        struct.pack("<4sIQ", b"HFS1", len(text), 2**63) + text,
        struct.pack("<4sIQ", b"HFS1", len(text), 480) + text + b"x" * 100,
        struct.pack("<4sIQ", b"HFS1", len(text), 48) + text + b"x" * 48,
    ]  # fmt: skip
    async with serving(address, keeper()) as sandbox:
        for message in strange:
            async with wire.connected(address) as (reader, writer):
                writer.write(message)
                writer.write_eof()
                await reader.read()
        assert (await run(sandbox)).error is None
        assert (await sandbox.status()).running == 0


@given(data=st.binary(max_size=200) | st.binary(max_size=40).map(lambda more: b"HFS1\x02\0\0\0" + more))
def test_a_message_is_read_or_refused(data: bytes) -> None:
    async def read() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(data)
        reader.feed_eof()
        said, size = await wire.receive(reader)
        assert isinstance(said, dict)
        assert size >= 0

    with suppress(wire.BadMessage, asyncio.IncompleteReadError):
        asyncio.run(read())


async def test_no_secret_is_in_the_sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in the environment of the service as ``holdfast up`` starts it, nor of any process below it."""
    secret = "hunter2-not-for-scripts"
    for name in ("DATABASE_URL", "REDIS_URL", "HOLDFAST_COINGECKO_KEY", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, f"postgresql://user:{secret}@nowhere/x")
    member = next(one for one in crew.processes(Settings(home=tmp_path)) if one.name == "sandbox")
    (tmp_path / "run").mkdir()
    process = start(member.program, output=subprocess.DEVNULL)
    try:
        embedded.wait_until(member.ready, process, "the sandbox")
        sandbox = Sandbox(str(tmp_path / "run" / "sandbox.sock"))
        assert (await run(sandbox)).error is None
        service = psutil.Process(process.pid)
        below = service.children(recursive=True)
        assert below
        for one in (service, *below):
            found = Path(f"/proc/{one.pid}/environ").read_bytes()
            assert secret.encode() not in found
            assert b"DATABASE_URL" not in found
    finally:
        stop(process, member.program)
