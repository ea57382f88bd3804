"""Values over bars that are still at the venue: wherever a page begins, they are the same."""

from typing import Any

import httpx2
import numpy as np
import pytest
from tests.market.candles.conftest import api, sim, there, venue, work

from holdfast.market.candles import columns

__all__ = ["api", "sim", "there", "venue", "work"]


async def values(api: httpx2.AsyncClient, indicator: str, **query: Any) -> tuple[dict[str, Any], Any]:
    answer = await api.get(f"/api/indicators/{indicator}/values", params={"series": "bybit:BTCUSDT", **query})
    assert answer.status_code == 200, answer.text
    return columns.decode(answer.content)


@pytest.mark.parametrize(
    ("indicator", "plot", "timeframe"),
    [("rsi", "rsi", "1m"), ("vwap", "vwap", "5m"), ("kama", "kama", "15m"), ("macd", "signal", "1h")],
)
async def test_a_longer_page_has_the_same_values(
    api: httpx2.AsyncClient, indicator: str, plot: str, timeframe: str
) -> None:
    header, newest = await values(api, indicator, timeframe=timeframe, limit=5)
    assert header["forming"]
    before = int(newest["time"][-1])
    _, short = await values(api, indicator, timeframe=timeframe, limit=40, before=before)
    header, long = await values(api, indicator, timeframe=timeframe, limit=300, before=before)
    common = np.isin(long["time"], short["time"])
    assert common.sum() == 40
    assert header["count"] == 300
    assert not np.isnan(long[plot]).any()
    assert np.allclose(long[plot][common], short[plot], rtol=1e-9, atol=1e-7)
