"""What tests of what is around scripts share."""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.core.bars import FloatBars
from holdfast.core.errors import Unavailable
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import Task, execute
from holdfast.scripts.running import Purpose, Runner

CROSS: Final = """\
script("Cross", overlay=True)
fast, slow = input.int("Fast", 5, min=2, max=200), input.int("Slow", 20, min=2, max=200)
a, b = ta.sma(bars.close, fast), ta.sma(bars.close, slow)
plot(a, "Quick"); plot(b, "Lazy"); hline(30000, "Line")
up, down = ta.crossover(a, b), ta.crossunder(a, b)
marker(up, "buy", shape="up", at="below"); marker(down, "sell", shape="down", at="above")
signal(np.where(up, 1, np.where(down, -1, 0)))
target(np.where(a > b, 1.0, 0.0))
alert(up, "{symbol} crossed")
log("ran")
"""

LOOKS_AHEAD: Final = """\
script("Prophet")
tomorrow = np.append(bars.close[1:], bars.close[-1])
plot(tomorrow, "Tomorrow"); signal(np.sign(tomorrow - bars.close))
"""

FAILS: Final = 'script("Bad")\nplot(bars.close, "Close")\nplot(1 / nothing, "x")\n'


@dataclass
class LocalRunner:
    """Notes what is run, by ``inner``, the sandbox, or else in this process: that is for tests of what is
    around scripts only. ``away``: nothing can be run. ``held``: a run waits for it."""

    inner: Runner | None = None
    away: bool = False
    held: asyncio.Event | None = None
    runs: list[tuple[Task, str, Purpose]] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)

    async def run(self, task: Task, bars: FloatBars, *, owner: str, purpose: Purpose) -> Output:
        self.runs.append((task, owner, purpose))
        self.lengths.append(len(bars.time))
        if self.away:
            raise Unavailable("The sandbox does not answer.", advice="Try again in a moment.")
        if self.held is not None:
            await self.held.wait()
        if self.inner is not None:
            return await self.inner.run(task, bars, owner=owner, purpose=purpose)
        return execute(task, bars)


def script_of(name: str = "Mine", source: str = CROSS) -> dict[str, Any]:
    return {"name": name, "source": source}
