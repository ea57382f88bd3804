"""What a weight source answers: at a moment, what signed weight should each instrument have?"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A signed weight (per unit of notional) of one instrument. ``reference_price`` is the source's own
    price of one unit of the instrument's base, used as a sanity band and for weights, never as money."""

    asset_id: str
    symbol: str
    weight: float
    reference_price: float


@dataclass(frozen=True, slots=True)
class TargetSet:
    """The targets of one source. ``stale_reason`` is empty when every input is fresh; otherwise trading on
    these targets is blocked and the reason is shown."""

    source_id: str
    source_version: str
    as_of: datetime
    level: float
    targets: tuple[Target, ...]
    stale_reason: str = ""
