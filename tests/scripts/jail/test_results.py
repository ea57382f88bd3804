"""What comes back over the pipe is one's own result, checked; and the language's holes lead nowhere."""

import os
import pickle
import signal
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.scripts.bars import ordinary_bars

from holdfast.core.timeframes import Timeframe
from holdfast.scripts.jail.packets import BROKEN, NOT_LOCKED, OUT_OF_MEMORY
from holdfast.scripts.jail.verdict import NotLocked, verdict
from holdfast.scripts.jail.warden import Ended, Limits
from holdfast.scripts.language.frame import MAGIC, encode
from holdfast.scripts.language.output import Fault, Output
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.sandbox import Sandbox

pytestmark = [pytest.mark.timeout(120)]
BARS = ordinary_bars(400, 9).as_floats()
COUNT = len(BARS.time)
HONEST = """
plot(ta.ema(bars.close, 9))
signal(np.sign(ta.change(bars.close)))
target(np.random.random(len(bars.close)))
"""
LIMITS = Limits(2, 2, 2**29, 2**20)
OUT = (
    "ctypes = print.__globals__['__builtins__']['__import__']('ctypes')\nlibc = ctypes.CDLL(None)\n"
    "def say(data):\n    libc.write(1, ctypes.c_char_p(data), ctypes.c_size_t(len(data)))\n"
)
"""How a script writes to the pipe itself, past the language."""


def task(source: str) -> Task:
    return Task(source, "binance:BTCUSDT", "BTCUSDT", Timeframe.M5, seed=11)


async def run(sandbox: Sandbox, source: str) -> Output:
    return await sandbox.run(task(source), BARS, owner="a", purpose="editor")


async def same_as_ever(sandbox: Sandbox) -> None:
    said, honest = await run(sandbox, HONEST), execute(task(HONEST), BARS)
    assert said.error is None
    for here, there in ((said.target, honest.target), (said.signals, honest.signals)):
        assert here is not None
        assert there is not None
        np.testing.assert_array_equal(here, there)


def forged(**changes: Any) -> bytes:
    weights = np.ones(COUNT)
    return encode(Output("Forged", target=weights, **changes), COUNT)


async def test_a_forged_frame_is_only_ones_own_result(sandbox: Sandbox) -> None:
    said = await run(sandbox, OUT + f"say({forged()!r})\nlibc._exit(0)")
    assert (said.title, said.error) == ("Forged", None)
    await same_as_ever(sandbox)


HEAD = MAGIC + COUNT.to_bytes(4, "little")
NO_FRAMES = {
    "more after it": forged() + b"x",
    "twice": forged() + forged(),
    "cut off": forged()[:-1],
    "nothing": b"",
    "a beginning": MAGIC,
    "a pickle": pickle.dumps({"target": [1.0]}),
    "a pickled object": pickle.dumps(Fault("script", "x")),
    "many bars": MAGIC + b"\xff" * 12,
    "a lie about its length": HEAD + (2**31).to_bytes(4, "little") + b"\0" * 4,
    "a bomb": HEAD + (60_000).to_bytes(4, "little") + bytes(4) + b"[" * 60_000,
    "other bars": encode(Output("x", target=np.ones(COUNT + 1)), COUNT + 1),
}


@pytest.mark.parametrize("name", NO_FRAMES)
async def test_what_is_no_frame_is_refused(sandbox: Sandbox, name: str) -> None:
    said = await run(sandbox, OUT + f"say({NO_FRAMES[name]!r})\nlibc._exit(0)")
    assert said.error is not None
    assert said.error.kind == "result"
    assert said.target is None
    await same_as_ever(sandbox)


async def test_a_frame_before_the_frame_spoils_both(sandbox: Sandbox) -> None:
    said = await run(sandbox, OUT + f"say({forged()!r})\ntarget(np.zeros(len(bars.close)))")
    assert said.error is not None
    assert said.error.kind == "result"


async def test_infinite_weights_are_none(sandbox: Sandbox) -> None:
    frame = bytearray(forged())
    frame[-16:] = np.array([np.inf, -np.inf]).tobytes()
    said = await run(sandbox, OUT + f"say({bytes(frame)!r})\nlibc._exit(0)")
    assert said.target is not None
    assert np.isnan(said.target[-2:]).all()
    assert (said.target[:-2] == 1).all()


GATES = {
    "subclasses": "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0]"
    ".__init__.__globals__",
    "a function's globals": "print.__globals__['__builtins__']['__import__']('os').__dict__",
    "modules": "print.__globals__['__builtins__']['__import__']('sys').modules['posix'].__dict__",
    "identifiers": "print.__ｇlobals__['__builtins__']['__import__']('os').__dict__",
    "a frame": "[x for x in [0] if (f := (lambda: (yield))()) and f.gi_frame] and "
    "f.gi_frame.f_globals['__builtins__']['print'].__globals__['__builtins__']['__import__']('os').__dict__",
    "ctypes": "{'open': lambda p, f: print.__globals__['__builtins__']['__import__']('ctypes')"
    ".CDLL(None).open(p.encode(), f), 'read': lambda f, n: f}",
    "an exception group": "catch()",
}
CATCH = """
def catch():
    kept = []
    try:
        raise ExceptionGroup('x', [ValueError()])
    except* ValueError as found:
        kept.append(found.__traceback__.tb_frame)
    builtins = kept[0].f_globals['__builtins__']['print'].__globals__['__builtins__']
    return builtins['__import__']('os').__dict__
"""


@pytest.mark.parametrize("gate", GATES)
async def test_past_the_language_there_is_still_the_jail(
    sandbox: Sandbox, gate: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    secret = tmp_path_factory.mktemp("files") / "secret"
    secret.write_text("somebody else's")
    source = f"""
{CATCH}
os = {GATES[gate]}
print('past')
try:
    found = os['open']({str(secret)!r}, 0)
    print('opened', found if found >= 0 else 'nothing')
    print('read', os['read'](found, 99))
except Exception as error:
    print('held', type(error))
"""
    said = await run(sandbox, source)
    assert said.logs[0] == "past", said.error
    assert not any("somebody" in line for line in said.logs)
    assert said.logs[1].startswith(("held", "opened nothing"))
    await same_as_ever(sandbox)


@pytest.mark.parametrize(
    "source",
    [
        "import json\njson.dumps = None",
        "print.__globals__['__builtins__']['__import__']('os').write = None\nplot(bars.close)",
        "print.__globals__['__builtins__']['__import__']('json').dumps = str\nplot(bars.close)",
        "print.__globals__['__builtins__']['__import__']('sys').modules.clear()\nplot(bars.close)",
        "np.ndarray.tobytes = None",
        "raise SystemExit(0)",
        "raise KeyboardInterrupt",
        "np.ctypeslib.ctypes.memset(0, 0, 1)",
        "print.__globals__['__builtins__']['__import__']('os')._exit(7)",
    ],
)
async def test_sabotage_ends_in_words(sandbox: Sandbox, source: str) -> None:
    """Either it changed nothing, or the author is told; and the next run is as ever."""
    said = await run(sandbox, source)
    assert said.plots or said.error is not None or said.title
    if said.error is not None:
        assert said.error.message
    await same_as_ever(sandbox)


async def test_random_numbers_are_the_same_each_time(sandbox: Sandbox) -> None:
    source = "target(np.random.default_rng().random(len(bars.close)) + np.random.random())"
    first, again = [(await run(sandbox, source)).target for _ in range(2)]
    assert first is not None
    assert again is not None
    np.testing.assert_array_equal(first, again)
    other = await sandbox.run(
        Task(source, "binance:BTCUSDT", "BTCUSDT", Timeframe.M5, seed=12), BARS, owner="a", purpose="editor"
    )
    assert other.target is not None
    assert (other.target != first).all()


async def test_logs_are_bounded(sandbox: Sandbox) -> None:
    said = await run(sandbox, "for i in range(10_000): print('x' * 10_000)")
    assert len(said.logs) <= 200
    assert all(len(line) <= 500 for line in said.logs)


def ended(status: int, result: bytes = b"", stopped: Any = "", cpu: float = 0.1) -> Ended:
    return Ended(True, status, stopped, cpu, 2**25, result)


@pytest.mark.parametrize(
    ("how", "kind", "word"),
    [
        (ended(signal.SIGXCPU), "limit", "computed"),
        (ended(signal.SIGKILL, cpu=2.5), "limit", "computed"),
        (ended(signal.SIGKILL, stopped="wall"), "limit", "not done"),
        (ended(signal.SIGKILL, stopped="output"), "limit", "result"),
        (ended(signal.SIGKILL), "limit", "memory"),
        (ended(signal.SIGSYS), "refused", "system"),
        (ended(signal.SIGSEGV), "script", "crashed"),
        (ended(OUT_OF_MEMORY << 8), "limit", "memory"),
        (ended(BROKEN << 8), "result", "no result"),
        (ended(NOT_LOCKED << 8), "result", "no result"),
        (ended(0, b"x"), "result", "spoiled"),
    ],
)
def test_every_end_has_its_words(how: Ended, kind: str, word: str) -> None:
    said = verdict(how, LIMITS, COUNT)
    assert said.error is not None
    assert (said.error.kind, word in said.error.message) == (kind, True), said.error


def test_a_run_that_could_not_be_locked_is_nobodys_fault() -> None:
    with pytest.raises(NotLocked):
        verdict(replace(ended(NOT_LOCKED << 8), locked=False), LIMITS, COUNT)


async def test_no_script_can_pretend_that_it_never_ran(sandbox: Sandbox) -> None:
    said = await run(sandbox, f"print.__globals__['__builtins__']['__import__']('os')._exit({NOT_LOCKED})")
    assert said.error is not None
    assert said.error.kind == "result"


@given(
    status=st.integers(0, 64) | st.integers(0, 255).map(lambda code: code << 8),
    data=st.binary(max_size=300) | st.binary(max_size=40).map(lambda more: forged()[:20] + more),
    bars=st.integers(0, 500),
)
def test_no_end_is_beyond_words(status: int, data: bytes, bars: int) -> None:
    if os.WIFSTOPPED(status) or (os.WIFSIGNALED(status) and not os.WTERMSIG(status)):
        return
    said = verdict(ended(status, data), LIMITS, bars)
    assert said.error is None or said.error.message
