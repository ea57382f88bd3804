"""Nothing that a script tries gets out of its run, or into another one."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import Any

import psutil
import pytest
from tests.scripts.jail.conftest import BARS, PATIENT, Cell, Opened
from tests.scripts.jail.corpus import CORPUS, HARM, POISON, Attack

from holdfast.scripts.jail import launch
from holdfast.scripts.jail.warden import Limits

pytestmark = [pytest.mark.timeout(240)]
ROOT = Path(__file__).parents[3]
KINDS = sorted({attack.kind for attack in CORPUS})
HONEST = """
import builtins, json, os, random
import numpy as np
import talib
prices = np.frombuffer(bars, 'u1').astype('f8') + 1
averages = talib.RSI(prices, 14)
result = json.dumps([
    float(np.nansum(averages)), float(np.add(prices, prices).sum()), sum(range(9)), len(bars),
    sorted({'a', 'b', 'c'}), list({'x', 'y', 'z'}), random.random(), float(np.random.random()),
    float(np.pi), 7 + 1, str(np.float64(1.23456789)),
]).encode()
"""
SEEDED = "import random, numpy as np\nrandom.seed(3); np.random.seed(3)\n" + HONEST


def source_of(attack: Attack, world: dict[str, Any]) -> str:
    return f"world = {world!r}\n{attack.source}"


def weakly(source: str) -> bytes:
    """What a script says when it is locked up as it often is. Some leave something behind that lives on."""
    runner = [sys.executable, "-m", "tests.scripts.jail.weak_runner"]
    with subprocess.Popen(runner, cwd=ROOT, stdin=PIPE, stdout=PIPE, stderr=DEVNULL) as process:
        try:
            return process.communicate(source.encode(), timeout=10)[0]
        except subprocess.TimeoutExpired as late:
            process.kill()
            return late.stdout or b""


@pytest.mark.parametrize("conditions", ["machine", "container"])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_attack_is_held(
    opened: Opened, world: dict[str, Any], kind: str, conditions: str
) -> None:
    cell = await opened("raw", conditions)
    assert cell.warden.standing.locked
    await cell.run("password = 'NEIGHBOUR-TOKEN'; keep = {'password': password}")
    honest = (await cell.run(SEEDED, PATIENT)).result
    assert honest.startswith(b"[")
    got = []
    for attack in (one for one in CORPUS if one.kind == kind):
        ended = await cell.run(source_of(attack, world))
        if ended.result.startswith(b"loot:"):
            got.append((attack.source, ended.result))
        assert (await cell.run(SEEDED, PATIENT)).result == honest, attack.source
    assert not got
    assert Path(world["secret"]).read_text() == "a secret of somebody else"
    assert {one.name for one in Path(world["folder"]).iterdir()} == {"secret", "socket"}


@pytest.mark.skipif(os.geteuid() != 0, reason="the control needs another user to run scripts as")
def test_the_corpus_bites(world: dict[str, Any], tmp_path: Path) -> None:
    """Every second of the same scripts against what is often taken for a jail."""
    tried = CORPUS[::2]
    breached = [one for one in tried if weakly(source_of(one, world)).startswith(b"loot:")]
    for made in Path(world["folder"]).iterdir():
        if made.name not in ("secret", "socket"):
            made.rmdir() if made.is_dir() and not made.is_symlink() else made.unlink()
    Path("/dev/shm/holdfast-attack").unlink(missing_ok=True)
    assert len(breached) > 0.4 * len(tried)
    assert {one.kind for one in breached} >= {"filesystem", "network", "processes", "signals", "raw calls"}


@pytest.mark.parametrize("source", POISON)
async def test_no_run_changes_another(cell: Cell, source: str) -> None:
    honest = (await cell.run(SEEDED, PATIENT)).result
    await cell.run(source)
    assert (await cell.run(SEEDED, PATIENT)).result == honest


@pytest.mark.parametrize("name", HARM)
async def test_harm_ends(cell: Cell, name: str) -> None:
    limits = Limits(wall=4, cpu=1, memory=512 * 2**20, output=2**20)
    honest = (await cell.run(SEEDED, PATIENT)).result
    ended = await cell.run(HARM[name], limits)
    assert not ended.result.startswith(b"[")
    assert ended.memory <= limits.memory
    assert len(ended.result) <= limits.output + 2**21
    assert (await cell.run(SEEDED, PATIENT)).result == honest


async def test_limits_are_told_apart(cell: Cell) -> None:
    loop = await cell.run("while True: pass", Limits(200, 1, 2**30, 2**20))
    assert os.WTERMSIG(loop.status) == signal.SIGXCPU
    wait = await cell.run(HARM["wait"], Limits(0.5, 20, 2**30, 2**20))
    assert (os.WTERMSIG(wait.status), wait.stopped) == (signal.SIGKILL, "wall")
    flood = await cell.run(HARM["flood"], Limits(200, 20, 2**30, 2**20))
    assert (os.WTERMSIG(flood.status), flood.stopped) == (signal.SIGKILL, "output")
    strange = await cell.run("import ctypes\nctypes.CDLL(None).syscall(425, 1, 0)", PATIENT)
    assert os.WTERMSIG(strange.status) == signal.SIGSYS
    huge = await cell.run("x = bytearray(2 * 10 ** 9)", PATIENT)
    assert b"MemoryError" in huge.result


async def test_bars_are_those_that_were_given(cell: Cell) -> None:
    assert (await cell.run("result = bytes(bars)", PATIENT)).result == BARS
    assert (await cell.run("result = bytes(bars)", PATIENT, bars=b"")).result == b""


async def test_nothing_of_us_is_in_reach(cell: Cell) -> None:
    """A run sees no variable, no user of ours, and nothing that names the installation."""
    found = await cell.run(
        "import os, sys\nresult = repr((dict(os.environ), os.getuid(), os.getppid())).encode()", PATIENT
    )
    environment, uid, parent = eval(found.result)
    assert (environment, parent) == ({}, -1)
    assert uid != 0


async def test_scripts_stand_back(cell: Cell) -> None:
    """They come last for the processor, and go first when memory runs out."""
    run = asyncio.create_task(cell.run(HARM["wait"], Limits(30, 20, 2**30, 2**20)))
    zygote = psutil.Process(cell.warden.process.pid)
    async with asyncio.timeout(30):
        while cell.warden.running == 0 or not (found := [*zygote.children(recursive=True)][1:]):
            await asyncio.sleep(0.02)
    assert Path(f"/proc/{found[0].pid}/oom_score_adj").read_text().strip() == "1000"
    assert found[0].nice() == min(19, os.getpriority(os.PRIO_PROCESS, 0) + launch.NICENESS)
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)


async def test_the_zygote_kills_where_the_warden_may_not(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may take the right to signal other accounts away."""

    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    ended = await cell.run(HARM["wait"], Limits(0.5, 20, 2**30, 2**20))
    assert (os.WTERMSIG(ended.status), ended.stopped) == (signal.SIGKILL, "wall")


async def test_a_zygote_whose_warden_goes_away_ends_quietly(
    capfd: pytest.CaptureFixture[str], cell: Cell
) -> None:
    """Also with a report that nobody has read, which the kernel tells it as a broken connection."""
    warden = cell.warden
    asyncio.get_running_loop().remove_reader(warden.channel)
    run = asyncio.create_task(cell.run(HARM["wait"], Limits(30, 20, 2**30, 2**20)))
    begun, _, _ = await asyncio.to_thread(select.select, [warden.channel], [], [], 30)
    assert begun
    warden.lost.set()
    warden.channel.close()
    assert await asyncio.to_thread(warden.process.wait, 30) == 0
    assert capfd.readouterr().err == ""
    run.cancel()
    await asyncio.gather(run, return_exceptions=True)
