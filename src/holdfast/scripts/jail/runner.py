"""What the jail runs: a script over bars, in the language of scripts."""

from typing import Final

import numpy as np

from holdfast.core.bars import FloatBars
from holdfast.core.timeframes import Timeframe
from holdfast.scripts.jail import cargo, cell
from holdfast.scripts.jail.packets import Data
from holdfast.scripts.language.frame import TooLarge, encode
from holdfast.scripts.language.output import Fault, Output
from holdfast.scripts.language.run import Task, execute


def run(task: Data, bars: Data) -> bytes:
    """The script's output as a frame."""
    asked, given = cargo.unpack_task(task), cargo.unpack_bars(bars)
    cell.seed(asked.seed)
    output = execute(asked, given)
    try:
        return encode(output, len(given.time))
    except TooLarge as error:
        return encode(Output(output.title[:80], error=Fault("limit", str(error))), len(given.time))


def warm() -> None:
    """Run a script that uses a bit of everything, so that nothing has to be loaded behind the locked door."""
    count = 300
    time = np.arange(count, dtype=np.int64) * 3600
    price = 100 + np.sin(np.arange(count) / 7)
    bars = FloatBars(time, price, price + 1, price - 1, price, price * 2)
    output = execute(Task(_WARMING, "warm:UP", "UP", Timeframe.H1), bars)
    if output.error is not None:
        raise RuntimeError(f"the script that warms the sandbox fails: {output.error}")
    encode(output, count)


_WARMING: Final = """
script("Warming", overlay=True)
length = input.int("Length", 14, min=2, max=200)
values = ta.rsi(bars.close, length)
plot(ta.ema(bars.close, length), "Average")
plot(bars.at("1d").close, "Day")
marker(ta.crossover(values, 50.0), "up", shape="up", at="below")
signal(np.sign(values - 50))
target(np.where(values > 50, 1.0, 0.0))
alert(values > 70, "{symbol} is high")
print(f"{values[-1]:.2f}", np.polyfit(np.arange(5.0), np.arange(5.0), 1))
"""
