"""Setting an alert asks a venue for the price: within what one may ask, and without holding the database."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import select
from tests.market.candles.conftest import api, sim, there, venue, work
from tests.market.candles.test_data_routes import app_of, none_held, sign_in

from holdfast.accounts.limits import Rate
from holdfast.app import moderation
from holdfast.charts import alert_routes
from holdfast.charts.models import PriceAlert
from holdfast.core.errors import Unavailable
from holdfast.platform.tasks import Work

__all__ = ["api", "sim", "there", "venue", "work"]

Headers = dict[str, str]
Key = Callable[[], Headers]

URL = "/api/charts/alerts"
PATIENT = 60.0
FAR = {"direction": "above", "price": "99999999"}


def alert(symbol: str = "BTCUSDT") -> dict[str, Any]:
    return FAR | {"series": f"bybit:{symbol}"}


async def sides(work: Work) -> list[str | None]:
    async with work.database.transaction() as session:
        return list(await session.scalars(select(PriceAlert.side)))


async def test_no_transaction_is_open_while_the_price_is_asked_for(
    api: httpx2.AsyncClient, work: Work, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_routes, "_PRICE_SECONDS", PATIENT)
    candles, asked = app_of(api).state.candles, []
    user = await sign_in(api)

    def watched(name: str) -> Any:
        ask = getattr(candles, name)

        async def free(*arguments: Any) -> Any:
            await none_held(api)
            asked.append(name)
            return await ask(*arguments)

        return free

    for name in ("find", "page"):
        monkeypatch.setattr(candles, name, watched(name))
    made = await api.post(URL, json=alert(), headers=user | key())
    assert made.status_code == 201, made.text
    changed = await api.put(f"{URL}/{made.json()['id']}", json=alert("ETHUSDT"), headers=user | key())
    assert changed.status_code == 200, changed.text
    assert asked == ["find", "page"] * 2
    assert await sides(work) == ["below"]


async def test_asking_for_the_price_counts_as_what_a_venue_is_asked(
    api: httpx2.AsyncClient, work: Work, key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alert_routes, "_PRICE_SECONDS", PATIENT)
    monkeypatch.setitem(moderation.PAGES, True, Rate("venue:user", 1, timedelta(hours=1)))
    user = await sign_in(api)
    answers = [
        await api.post(URL, json=alert(symbol), headers=user | key())
        for symbol in ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    ]
    assert answers[0].status_code == 201, answers[0].text
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 1
    kept = (await api.get(URL, headers=user)).json()
    assert len(kept) == sum(answer.status_code == 201 for answer in answers)


@pytest.mark.parametrize("trouble", ["slow", "down"])
async def test_a_price_that_cannot_be_had_soon_keeps_nobody_from_an_alert(
    api: httpx2.AsyncClient, work: Work, key: Key, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr(alert_routes, "_PRICE_SECONDS", 0.01)

    async def page(*_: Any) -> Any:
        if trouble == "slow":
            await asyncio.Event().wait()
        raise Unavailable("The venue does not answer.", advice="Try again.")

    monkeypatch.setattr(app_of(api).state.candles, "page", page)
    made = await api.post(URL, json=alert(), headers=await sign_in(api) | key())
    assert made.status_code == 201, made.text
    assert await sides(work) == [None]


async def test_who_is_not_signed_in_any_more_is_told_so(api: httpx2.AsyncClient, key: Key) -> None:
    user = await sign_in(api)
    assert (await api.post("/api/auth/sign-out-everywhere", headers=user)).status_code == 204
    refused = await api.post(URL, json=alert(), headers=user | key())
    assert refused.status_code == 401
    assert refused.json()["detail"] == "This sign-in has ended."
