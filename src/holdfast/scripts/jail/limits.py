"""How much one run may take, by what it is for."""

from typing import Final

from holdfast.scripts.jail.warden import Limits
from holdfast.scripts.language.frame import MOST_BYTES
from holdfast.scripts.running import Purpose

MOST_BARS: Final = 2_000_000

_MIB: Final = 2**20

LIMITS: Final[dict[Purpose, Limits]] = {
    "editor": Limits(wall=15, cpu=2, memory=768 * _MIB, output=MOST_BYTES),
    "chart": Limits(wall=15, cpu=2, memory=768 * _MIB, output=MOST_BYTES),
    "live": Limits(wall=20, cpu=4, memory=768 * _MIB, output=MOST_BYTES),
    "backtest": Limits(wall=60, cpu=10, memory=1536 * _MIB, output=MOST_BYTES),
}
"""What a script works is counted in seconds of CPU, which a busy machine does not shorten. The time on the
wall is longer, and ends what waits without working."""
