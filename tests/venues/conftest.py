"""A keyed client whose wire ends in ``FakeBybit``."""

from collections.abc import AsyncIterator

import pytest
from tests.venues.fake_bybit import API_KEY, API_SECRET, FakeBybit, FixedClock

from holdfast.venues.bybit import transport
from holdfast.venues.bybit.client import BybitVenue


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "_BACKOFF_SECONDS", 0.001)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def bybit() -> FakeBybit:
    return FakeBybit()


@pytest.fixture
async def venue(bybit: FakeBybit, clock: FixedClock) -> AsyncIterator[BybitVenue]:
    client = BybitVenue("https://bybit.test", API_KEY, API_SECRET, clock=clock)
    client._wire._pybit.client.mount("https://", bybit)
    yield client
    await client.close()
