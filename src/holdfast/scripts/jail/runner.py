"""What the jail runs: a script over bars, in the language of scripts."""

from holdfast.scripts.jail import cargo, cell
from holdfast.scripts.jail.packets import Data
from holdfast.scripts.language.frame import TooLarge, encode
from holdfast.scripts.language.output import Fault, Output
from holdfast.scripts.language.run import execute
from holdfast.scripts.language.warm import warm

__all__ = ["run", "warm"]


def run(task: Data, bars: Data) -> bytes:
    """The script's output as a frame."""
    asked, given = cargo.unpack_task(task), cargo.unpack_bars(bars)
    cell.seed(asked.seed)
    output = execute(asked, given)
    try:
        return encode(output, len(given.time))
    except TooLarge as error:
        return encode(Output(output.title[:80], error=Fault("limit", str(error))), len(given.time))
