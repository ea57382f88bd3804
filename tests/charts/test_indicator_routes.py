"""Values over HTTP are those over the whole history, beside the bars of the same page."""

from typing import Any

import httpx2
import numpy as np
import pytest
from tests.scripts.bars import columns_of, defaults

from holdfast.core.bars import Bars
from holdfast.core.resample import resample
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns
from holdfast.scripts import indicators
from holdfast.scripts.ta import REGISTRY


async def ask(client: httpx2.AsyncClient, path: str, **query: Any) -> tuple[dict[str, Any], Any]:
    answer = await client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == columns.MEDIA_TYPE
    return columns.decode(answer.content)


async def test_the_catalogue_is_the_registry(client: httpx2.AsyncClient) -> None:
    found = {one["id"]: one for one in (await client.get("/api/indicators")).json()}
    assert list(found) == list(REGISTRY)
    assert found["bbands"]["inputs"][0] == {
        "name": "length", "label": "Length", "kind": "int", "default": 20, "min": 2.0, "max": 500.0,
        "options": None,
    }  # fmt: skip
    assert found["bbands"]["plots"][2] == {
        "id": "upper", "label": "Upper", "kind": "band", "pane": "price", "colour": 2, "band_with": "lower",
    }  # fmt: skip
    assert found["rsi"]["levels"] == [30.0, 50.0, 70.0]
    assert "close" in found["rsi"]["inputs"][1]["options"]


async def test_every_page_holds_what_the_whole_history_gives(
    client: httpx2.AsyncClient, history: Bars
) -> None:
    """Also where the bars needed lie beyond a hole."""
    ends = (int(history.time[-1]) + 1, int(history.time[0]) + 23 * 86_400)
    for indicator in REGISTRY.values():
        for timeframe, limit, before in ((Timeframe.M5, 150, ends[0]), (Timeframe.H1, 60, ends[1])):
            whole = resample(history, timeframe)
            expected = columns_of(indicator, whole, indicators.settled(defaults(indicator), timeframe))
            header, found = await ask(
                client,
                f"/api/indicators/{indicator.id}/values",
                series="made:COIN",
                timeframe=timeframe.value,
                before=before,
                limit=limit,
            )
            shown = (whole.time >= header["from"]) & (whole.time < header["until"])
            plots = [plot.id for plot in indicator.plots]
            assert header["count"] == shown.sum() > 0
            assert np.array_equal(found["time"], whole.time[shown])
            assert [one["name"] for one in header["columns"]] == ["time", *plots]
            for plot, column in zip(plots, expected, strict=True):
                around = 1e-9 * np.nanmax(np.abs(column))
                same = np.isclose(found[plot], column[shown], rtol=1e-9, atol=around, equal_nan=True)
                assert same.all(), (indicator.id, plot, timeframe)


async def test_values_stand_beside_the_bars_of_the_same_span(
    client: httpx2.AsyncClient, history: Bars
) -> None:
    span = {"timeframe": "15m", "before": int(history.time[-1]), "limit": 100}
    bars_header, bars = await ask(client, "/api/candles/made/COIN", **span)
    header, found = await ask(client, "/api/indicators/sma/values", series="made:COIN", length=2, **span)
    for name in ("from", "until", "more", "count", "forming", "gaps", "series", "timeframe"):
        assert header[name] == bars_header[name]
    assert header["inputs"] == {"length": 2, "source": "close"}
    assert np.array_equal(found["time"], bars["time"])
    assert found["sma"][1:] == pytest.approx((bars["close"][1:] + bars["close"][:-1]) / 2)


async def test_no_bars_make_no_values(client: httpx2.AsyncClient, history: Bars) -> None:
    header, found = await ask(
        client, "/api/indicators/macd/values", series="made:COIN", before=int(history.time[0]), limit=10,
        timeframe="5m",
    )  # fmt: skip
    assert header["count"] == 0
    assert len(found["macd"]) == 0


async def test_an_index_has_prices_and_no_volume(client: httpx2.AsyncClient) -> None:
    header, found = await ask(client, "/api/indicators/vwma/values", series="index:btc-d", timeframe="1m")
    assert header["count"] == len(found["vwma"])


@pytest.mark.parametrize(
    ("path", "query", "status", "words"),
    [
        ("sma", {"length": "1"}, 422, "length must be a whole number from 2 to 500"),
        ("sma", {"length": "nan"}, 422, "length must be a whole number"),
        ("sma", {"colour": "red"}, 422, "no input 'colour'"),
        ("bbands", {"width": "1e999"}, 422, "width must be a number from 0.1 to 10"),
        ("rsi", {"source": "weather"}, 422, "source must be one of close, open"),
        ("obv", {"anchor": "all"}, 422, "too many bars"),
        ("zigzag", {}, 404, "no indicator"),
        ("sma", {"series": "made:NOTHING"}, 404, "no bars"),
        ("sma", {"series": "nonsense"}, 422, "names no series"),
        ("sma", {"limit": "2001"}, 422, "limit"),
        ("sma", {"timeframe": "7m"}, 422, "timeframe"),
        ("sma", {"timeframe": "1m"}, 422, "make no 1m"),
    ],
)
async def test_refusals_say_what_to_do(
    client: httpx2.AsyncClient, history: Bars, path: str, query: dict[str, str], status: int, words: str
) -> None:
    whole = {"series": "made:COIN", "timeframe": "5m", **query}
    answer = await client.get(f"/api/indicators/{path}/values", params=whole)
    assert answer.status_code == status
    assert words in answer.json()["detail"]
    assert answer.json()["advice"]
