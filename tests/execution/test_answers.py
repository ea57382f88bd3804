"""What the venue has said is never thrown away for something that could not be done afterwards."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from holdfast.core.instruments import Side
from holdfast.execution.answers import LINGERING, ask_about
from holdfast.venues.protocol import OrderReport, OrderStatus, RateLimited

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LONG_AGO = NOW - LINGERING - timedelta(seconds=1)


class Venue:
    """Knows one order, and has no room for a cancel."""

    def __init__(self, status: OrderStatus, *, busy: bool = True) -> None:
        self.status = status
        self.busy = busy
        self.cancelled: list[str] = []

    async def find_order(self, symbol: str, client_id: str) -> OrderReport:
        filled = Decimal(1) if self.status is OrderStatus.FILLED else Decimal(0)
        return OrderReport(client_id, "v1", symbol, Side.BUY, self.status, Decimal(1), filled, None, "", NOW)

    async def fills_of(self, symbol: str, client_id: str) -> list[Any]:
        return ["a fill"]

    async def cancel(self, symbol: str, client_id: str) -> None:
        if self.busy:
            raise RateLimited("the rate budget is used up", until=NOW)
        self.cancelled.append(client_id)


def order(*, sent_at: datetime) -> Any:
    return SimpleNamespace(
        symbol="BTCUSDT", client_id="hf-1", state="accepted", style="ioc", sent_at=sent_at, due_at=None
    )


async def test_an_order_that_has_ended_is_not_cancelled_and_its_fills_are_kept() -> None:
    venue = Venue(OrderStatus.FILLED)
    answer = await ask_about(venue, order(sent_at=LONG_AGO), NOW)  # type: ignore[arg-type]
    assert answer.error is None
    assert answer.report is not None
    assert answer.fills == ("a fill",)


async def test_a_cancel_that_cannot_be_sent_takes_nothing_from_the_answer() -> None:
    answer = await ask_about(Venue(OrderStatus.OPEN), order(sent_at=LONG_AGO), NOW)  # type: ignore[arg-type]
    assert answer.error is None
    assert answer.report is not None


@pytest.mark.parametrize(("sent_at", "cancelled"), [(LONG_AGO, ["hf-1"]), (NOW, [])])
async def test_an_order_that_lingers_is_cancelled(sent_at: datetime, cancelled: list[str]) -> None:
    venue = Venue(OrderStatus.OPEN, busy=False)
    await ask_about(venue, order(sent_at=sent_at), NOW)  # type: ignore[arg-type]
    assert venue.cancelled == cancelled
