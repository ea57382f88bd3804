"""Scripts over bars that are still at the venue: wherever a page begins, the values are the same."""

from collections.abc import Callable

import httpx2
import numpy as np
import pytest
from aiohttp.test_utils import TestServer
from tests.charts.conftest import Headers, key, owner, user_id
from tests.market.candles.conftest import api, sim, venue, work
from tests.scripts.local import CROSS, script_of

from holdfast.market.candles import columns
from holdfast.platform.settings import Settings
from holdfast.scripts.sandbox import Sandbox

__all__ = ["api", "key", "owner", "sim", "user_id", "venue", "work"]


@pytest.fixture
def there(settings: Settings, sim: TestServer, sandbox: Sandbox, sandbox_address: str) -> Settings:
    return settings.model_copy(update={"sim_port": sim.port, "sandbox": sandbox_address})


@pytest.mark.parametrize("timeframe", ["1m", "15m", "1h"])
async def test_a_longer_page_has_the_same_values(
    api: httpx2.AsyncClient, owner: Headers, key: Callable[[], Headers], timeframe: str
) -> None:
    saved = await api.post("/api/scripts", json=script_of(), headers=owner | key())
    script = (await api.get(f"/api/scripts/{saved.json()['id']}", headers=owner)).json()
    assert script["findings"]["series"] == "bybit:BTCUSDT", "what a new chart shows is tried"
    assert script["findings"]["state"] == "clean"

    async def values(**query: int) -> tuple[dict[str, object], dict[str, np.ndarray]]:
        answer = await api.get(
            f"/api/scripts/{script['id']}/values",
            params={"series": "bybit:BTCUSDT", "timeframe": timeframe, **query},
            headers=owner,
        )
        assert answer.status_code == 200, answer.text
        return columns.decode(answer.content)

    header, newest = await values(limit=5)
    assert header["forming"]
    assert np.isnan(newest["signals"][-1])
    assert not np.isnan(newest["signals"][:-1]).any()
    before = int(newest["time"][-1])
    _, short = await values(limit=40, before=before)
    header, long = await values(limit=300, before=before)
    assert (header["count"], header["warmup"]) == (300, 1000)
    common = np.isin(long["time"], short["time"])
    assert common.sum() == 40
    for name in ("quick", "lazy", "signals", "target", "marker:0"):
        assert not np.isnan(long[name]).any()
        assert np.allclose(long[name][common], short[name], rtol=1e-9), name


async def test_what_does_not_come_is_made_up(
    api: httpx2.AsyncClient, sim: TestServer, owner: Headers
) -> None:
    """The check of a source is about the source: it waits for no venue."""
    await sim.close()
    found = (await api.post("/api/scripts/check", json={"source": CROSS}, headers=owner)).json()
    assert (found["series"], found["error"], found["findings"]["state"]) == (None, None, "clean")
    asked = {"source": CROSS, "series": "bybit:BTCUSDT"}
    answer = await api.post("/api/scripts/check", json=asked, headers=owner)
    assert answer.status_code == 503
