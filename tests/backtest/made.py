"""Bars and terms for the tests of the back-tester: small and strange ones to be searched."""

from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import strategies as st

from holdfast.backtest.engine import RATE, Terms
from holdfast.core.bars import Bars, Floats

DAY = 86_400


def bars_of(opens: list[int], closes: list[int] | None = None, *, step: int = DAY, decimals: int = 0) -> Bars:
    """Bars that open and close there; without ``closes`` each closes where the next one opens."""
    opened = np.array(opens, np.int64)
    close = np.array(closes if closes is not None else [*opens[1:], *opens[-1:]], np.int64)
    times = np.arange(len(opens), dtype=np.int64) * step
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    return Bars(times, opened, high, low, close, np.ones(len(opens), np.int64), decimals, 0)


def plain(cash: int, **more: Any) -> Terms:
    """Whole prices, whole coins, no costs."""
    return Terms(**{"cash": cash, "price_decimals": 0, "lot_decimals": 0, **more})


@st.composite
def terms(draw: Any, *, allow_short: bool | None = None) -> Terms:
    return Terms(
        cash=draw(st.integers(1, 10**12)),
        price_decimals=0,
        lot_decimals=draw(st.sampled_from((0, 3, 8))),
        tick=draw(st.sampled_from((1, 5, 50))),
        lot=draw(st.sampled_from((1, 10, 1000))),
        min_quantity=draw(st.sampled_from((0, 0, 20, 3000))),
        min_notional=draw(st.sampled_from((0, 0, 5000, 10**6))),
        fee_rate=draw(st.integers(0, RATE // 50)),
        slippage=draw(st.integers(0, RATE // 50)),
        allow_short=draw(st.booleans()) if allow_short is None else allow_short,
    )


WEIGHTS = st.one_of(
    st.sampled_from((0.0, 1.0, -1.0, 0.5, np.nan, np.inf, -np.inf, 7.0, -3.0)),
    st.floats(-1.2, 1.2, allow_nan=False),
)


@st.composite
def histories(draw: Any, most: int = 40) -> tuple[Bars, Floats]:
    """Prices that may jump, and a target for each bar."""
    count = draw(st.integers(1, most))
    opens = draw(st.lists(st.integers(60, 20_000), min_size=count, max_size=count))
    closes = draw(st.lists(st.integers(60, 20_000), min_size=count, max_size=count))
    targets = draw(st.lists(WEIGHTS, min_size=count, max_size=count))
    return bars_of(opens, closes), np.array(targets, np.float64)


def coins(**more: Any) -> Terms:
    """As a venue's: cents, thousandths of a coin, 0.1 % fee."""
    return Terms.of(
        **{
            "capital": Decimal(10_000),
            "tick": Decimal("0.01"),
            "lot": Decimal("0.001"),
            "fee_rate": Decimal("0.001"),
            "slippage": Decimal(0),
            "allow_short": False,
            **more,
        }
    )
