"""The client over unmodified pybit: what leaves, what comes back, and what every kind of trouble becomes."""

import asyncio
import json
import logging
import threading
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from tests.venues.fake_bybit import (
    API_KEY,
    API_SECRET,
    NOW,
    FakeBybit,
    FixedClock,
    ok,
    refusal,
    signature_is_right,
)

from holdfast.core.instruments import Side
from holdfast.venues.bybit import transport
from holdfast.venues.bybit.budget import Bucket, BudgetSpent, LocalBudget
from holdfast.venues.bybit.client import BybitPublic, BybitVenue
from holdfast.venues.protocol import (
    DuplicateClientId,
    KeyRefused,
    OrderRequest,
    OrderStatus,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
    VenueError,
)

CREATE = "/v5/order/create"
BATCH = "/v5/order/create-batch"
REALTIME = "/v5/order/realtime"
HISTORY = "/v5/order/history"


def order(client_id: str = "hf-1", **changes: Any) -> OrderRequest:
    values: dict[str, Any] = {
        "client_id": client_id,
        "symbol": "BTCUSDT",
        "side": Side.BUY,
        "quantity": Decimal("0.001"),
        "limit_price": Decimal("67010.50"),
        "reduce_only": False,
    }
    return OrderRequest(**(values | changes))


def order_row(client_id: str = "hf-1", **changes: Any) -> dict[str, Any]:
    return {
        "orderId": "v-1",
        "orderLinkId": client_id,
        "symbol": "BTCUSDT",
        "side": "Buy",
        "orderStatus": "Filled",
        "qty": "0.001",
        "cumExecQty": "0.001",
        "cumExecValue": "67",
        "avgPrice": "67000",
        "rejectReason": "EC_NoError",
        "cancelType": "UNKNOWN",
        "updatedTime": "1795262400000",
    } | changes


async def test_an_order_leaves_signed_in_plain_numbers_and_once(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(CREATE, ok({"orderId": "v-1", "orderLinkId": "hf-1"}))
    [placed] = await venue.place([order(quantity=Decimal("1E-7"), limit_price=Decimal("6.7E+4"))])
    assert (placed.venue_order_id, placed.error) == ("v-1", None)
    [request] = bybit.sent(CREATE)
    assert signature_is_right(request)
    assert bybit.bodies(CREATE) == [
        {
            "category": "linear",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "timeInForce": "IOC",
            "qty": "0.0000001",
            "price": "67000",
            "orderLinkId": "hf-1",
            "positionIdx": 0,
            "reduceOnly": False,
        }
    ]


@pytest.mark.parametrize("stamp", [None, "", 10**40, "yesterday"])
async def test_an_odd_time_in_an_answer_changes_nothing(
    venue: BybitVenue, bybit: FakeBybit, stamp: Any
) -> None:
    bybit.answer(CREATE, ok({"orderId": "v-1", "orderLinkId": "hf-1"}, time=stamp))
    [placed] = await venue.place([order()])
    assert placed.venue_order_id == "v-1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (requests.exceptions.ReadTimeout("slow"), OutcomeUnknown),
        (requests.exceptions.ConnectionError("reset by peer"), OutcomeUnknown),
        (requests.exceptions.ChunkedEncodingError("cut"), OutcomeUnknown),
        (500, OutcomeUnknown),
        (502, OutcomeUnknown),
        (429, OutcomeUnknown),
        (302, OutcomeUnknown),
        (b"<html>", OutcomeUnknown),
        (b"[]", OutcomeUnknown),
        (b"{}", OutcomeUnknown),
        (b"null", OutcomeUnknown),
        (ok({}), OutcomeUnknown),
        (b'{"retCode": [], "result": {}}', OutcomeUnknown),
        (b'{"retCode": "0x", "retMsg": null, "result": {}}', OutcomeUnknown),
        (ok({"orderId": "v-1", "orderLinkId": "someone-else"}), OutcomeUnknown),
        (refusal(10000), OutcomeUnknown),
        (refusal(10016), OutcomeUnknown),
        (refusal(110079), OutcomeUnknown),
        (refusal(110043), OutcomeUnknown),
        (refusal(110072), DuplicateClientId),
        (refusal(170141), DuplicateClientId),
        (refusal(110007), Rejected),
        (refusal(10001), Rejected),
        (refusal(987654), Rejected),
        (refusal(10003), KeyRefused),
        (refusal(33004), KeyRefused),
        (401, KeyRefused),
        (refusal(10006), RateLimited),
        (refusal(10002), RateLimited),
        (403, RateLimited),
    ],
)
async def test_a_write_is_never_repeated_and_its_trouble_has_a_name(
    venue: BybitVenue, bybit: FakeBybit, answer: Any, expected: type[VenueError]
) -> None:
    bybit.answer(CREATE, answer)
    [placed] = await venue.place([order()])
    assert type(placed.error) is expected
    assert len(bybit.sent(CREATE)) == 1


async def test_a_silent_venue_is_given_up_within_the_time_limit(
    venue: BybitVenue, bybit: FakeBybit, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()

    def hang(_: requests.PreparedRequest) -> dict[str, Any]:
        assert given_up.wait(30)
        return ok({"orderId": "v-1", "orderLinkId": "hf-1"})

    bybit.answer(CREATE, hang)
    await venue.server_time()
    monkeypatch.setattr(transport, "CALL_SECONDS", 0.1)
    [placed] = await venue.place([order()])
    given_up.set()
    assert isinstance(placed.error, OutcomeUnknown)


async def test_neither_key_nor_secret_nor_signature_is_ever_told(
    venue: BybitVenue, bybit: FakeBybit, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_READ_TRIES", 1)

    def repeats_what_was_signed(request: requests.PreparedRequest) -> dict[str, Any]:
        headers = request.headers
        return refusal(
            10004, f"error sign! origin_string[{API_KEY}] sign[{headers['X-BAPI-SIGN']}] {API_SECRET}"
        )

    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    for trouble in (
        repeats_what_was_signed,
        requests.exceptions.InvalidHeader(f"header {API_KEY} {API_SECRET}"),
        requests.exceptions.ReadTimeout(API_SECRET),
        b"not json",
        500,
    ):
        bybit.answer(CREATE, trouble)
        bybit.answer("/v5/user/query-api", trouble)
        [placed] = await venue.place([order()])
        assert placed.error is not None
        errors: list[BaseException] = [placed.error]
        with pytest.raises(VenueError) as raised:
            await venue.key_info()
        errors.append(raised.value)
        for error in errors:
            assert error.__cause__ is None
            assert error.__context__ is None
            told += [str(error), repr(error), repr(error.__dict__)]
    sign = bybit.sent(CREATE)[0].headers["X-BAPI-SIGN"]
    told += [caplog.text, repr(venue), repr(venue._wire), repr(venue._wire._pybit), repr(vars(venue))]
    for text in told:
        assert API_KEY not in text
        assert API_SECRET not in text
        assert sign not in text


@pytest.mark.parametrize("key", ["short key", "new\nline-key", "schlüssel-key"])
def test_a_key_that_cannot_be_one_is_refused_before_anything_is_sent(key: str) -> None:
    with pytest.raises(KeyRefused) as refused:
        BybitVenue("https://bybit.test", key, API_SECRET)
    assert key not in str(refused.value)


async def test_a_read_is_repeated_a_few_times(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(REALTIME, 500, requests.exceptions.ConnectionError("reset"), ok({"list": [order_row()]}))
    found = await venue.find_order("BTCUSDT", "hf-1")
    assert found is not None
    assert found.status is OrderStatus.FILLED
    assert len(bybit.sent(REALTIME)) == 3


async def test_a_read_that_never_gets_an_answer_says_so(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(REALTIME, 500)
    with pytest.raises(Unreachable):
        await venue.find_order("BTCUSDT", "hf-1")
    assert len(bybit.sent(REALTIME)) == 3


async def test_an_order_is_unknown_only_if_both_lists_clearly_lack_it(
    venue: BybitVenue, bybit: FakeBybit
) -> None:
    bybit.answer(REALTIME, ok({"list": []}))
    bybit.answer(HISTORY, ok({"list": [order_row("somebody-else")]}))
    assert await venue.find_order("BTCUSDT", "hf-1") is None
    assert bybit.queries(REALTIME) == [{"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "hf-1"}]
    bybit.answer(HISTORY, 502)
    with pytest.raises(Unreachable):
        await venue.find_order("BTCUSDT", "hf-1")
    bybit.answer(HISTORY, ok({"list": [order_row(orderStatus="Cancelled", cumExecQty="0.0004")]}))
    found = await venue.find_order("BTCUSDT", "hf-1")
    assert found is not None
    assert (found.status, found.filled_quantity) == (OrderStatus.CANCELLED, Decimal("0.0004"))


async def test_requests_are_stamped_with_the_venues_clock(bybit: FakeBybit) -> None:
    ours = FixedClock(NOW - timedelta(minutes=3))
    client = BybitVenue("https://bybit.test", API_KEY, API_SECRET, clock=ours)
    client._wire._pybit.client.mount("https://", bybit)
    bybit.answer(CREATE, ok({"orderId": "v-1", "orderLinkId": "hf-1"}))
    await client.place([order()])
    assert bybit.sent(CREATE)[0].headers["X-BAPI-TIMESTAMP"] == str(int(NOW.timestamp() * 1000))
    await client.close()


async def test_a_clock_complaint_makes_it_measure_again(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(REALTIME, refusal(10002), ok({"list": [order_row()]}))
    assert await venue.find_order("BTCUSDT", "hf-1")
    assert len(bybit.sent("/v5/market/time")) == 2


async def test_nothing_is_signed_when_the_venues_time_is_uncertain(
    venue: BybitVenue, bybit: FakeBybit, clock: FixedClock
) -> None:
    def slow(_: requests.PreparedRequest) -> dict[str, Any]:
        clock.time += timedelta(seconds=3)
        return ok({"timeNano": str(int(NOW.timestamp()) * 10**9)})

    bybit.answer("/v5/market/time", slow)
    [placed] = await venue.place([order()])
    assert isinstance(placed.error, RateLimited)
    assert bybit.sent(CREATE) == []


async def test_a_stamp_is_never_ahead_of_the_venue(
    venue: BybitVenue, bybit: FakeBybit, clock: FixedClock
) -> None:
    def slow_home(_: requests.PreparedRequest) -> dict[str, Any]:
        clock.time += timedelta(milliseconds=400)
        return ok({"timeNano": str(int(NOW.timestamp()) * 10**9)})

    bybit.answer("/v5/market/time", slow_home)
    bybit.answer(CREATE, ok({"orderId": "v-1", "orderLinkId": "hf-1"}))
    await venue.place([order()])
    assert bybit.sent(CREATE)[0].headers["X-BAPI-TIMESTAMP"] == str(int(NOW.timestamp() * 1000))


async def test_after_a_breach_of_the_address_limit_nothing_leaves(
    venue: BybitVenue, bybit: FakeBybit, clock: FixedClock
) -> None:
    bybit.answer(REALTIME, 403)
    with pytest.raises(RateLimited) as limited:
        await venue.find_order("BTCUSDT", "hf-1")
    assert limited.value.until == NOW + timedelta(minutes=10)
    sent = len(bybit.requests)
    [placed] = await venue.place([order()])
    assert isinstance(placed.error, RateLimited)
    with pytest.raises(RateLimited):
        await venue.server_time()
    assert len(bybit.requests) == sent
    clock.time += timedelta(minutes=10)
    assert await venue.server_time() == NOW


async def test_with_a_dead_clock_all_orders_fail_together(venue: BybitVenue, bybit: FakeBybit) -> None:
    def dead(_: requests.PreparedRequest) -> int:
        return 500

    bybit.answer("/v5/market/time", dead)
    placed = await venue.place([order(f"hf-{i}") for i in range(15)])
    assert len(bybit.sent("/v5/market/time")) < 15
    assert all(isinstance(p.error, RateLimited) for p in placed)
    assert bybit.sent(CREATE) == bybit.sent(BATCH) == []


async def test_eleven_legs_go_as_ten_singles_and_a_batch(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    bybit.answer(BATCH, lambda r: batch_answer(r, [0]))
    placed = await venue.place([order(f"hf-{i}") for i in range(11)])
    assert [p.client_id for p in placed] == [f"hf-{i}" for i in range(11)]
    assert all(p.error is None and p.venue_order_id for p in placed)
    assert (len(bybit.sent(CREATE)), len(bybit.sent(BATCH))) == (10, 1)


async def test_whoever_stops_while_turns_are_taken_leaves_no_order_behind(
    venue: BybitVenue, bybit: FakeBybit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker has lost its lease: another one asks what became of the orders, and decides by that."""
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    turns = asyncio.Queue[float]()
    turns.put_nowait(0.5)

    async def turn(*_: Any, **__: Any) -> float:
        return await turns.get()

    monkeypatch.setattr(venue._wire, "reserve", turn)
    sending = asyncio.create_task(venue.place([order("hf-1"), order("hf-2")]))
    await asyncio.sleep(0.02)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await asyncio.sleep(0.7)
    assert bybit.sent(CREATE) == []


async def test_an_order_that_would_wait_long_for_its_turn_comes_back_at_once(
    venue: BybitVenue, bybit: FakeBybit
) -> None:
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    blocked_until = NOW + timedelta(seconds=4)
    await venue._wire._budget.block(venue._wire._account, Bucket.CREATE, blocked_until)
    [placed] = await venue.place([order()])
    assert isinstance(placed.error, RateLimited)
    assert placed.error.until == blocked_until
    assert bybit.sent(CREATE) == []


@pytest.mark.parametrize(("seconds", "sent"), [(2.9, 1), (3.1, 0)])
async def test_an_order_that_was_held_up_on_its_way_out_does_not_leave_any_more(
    venue: BybitVenue,
    bybit: FakeBybit,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    sent: int,
) -> None:
    """Its turn at the address, the clock of the venue, a process that stood still: what was stopped meanwhile
    must not leave."""
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    await venue.server_time()

    async def slow(**_: object) -> float:
        clock.time = NOW + timedelta(seconds=seconds)
        return 0.0

    monkeypatch.setattr(venue._wire._budget, "reserve_address", slow)
    [placed] = await venue.place([order()])
    assert len(bybit.sent(CREATE)) == sent
    assert isinstance(placed.error, RateLimited) == (not sent)


async def test_an_order_whose_process_stood_still_before_it_was_stamped_does_not_leave_any_more(
    venue: BybitVenue, bybit: FakeBybit, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fresh stamp would hide from Bybit how old it is."""
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    await venue.server_time()
    place = venue._wire._pybit.place_order

    def after_a_minute(**query: object) -> object:
        clock.time = NOW + timedelta(seconds=60)
        return place(**query)

    monkeypatch.setattr(venue._wire._pybit, "place_order", after_a_minute)
    [placed] = await venue.place([order()])
    assert isinstance(placed.error, RateLimited)
    assert bybit.sent(CREATE) == []


async def test_who_waits_for_the_address_takes_another_turn_of_the_key(
    venue: BybitVenue, bybit: FakeBybit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own turn has passed meanwhile: in the venue's rolling second it stands beside those that follow."""
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    bybit.answer(BATCH, lambda r: batch_answer(r, [0, 0]))
    budget, taken = venue._wire._budget, list[tuple[Bucket, int]]()
    reserve = budget.reserve

    async def counted(account: str, bucket: Bucket, units: int, **how: float) -> float:
        taken.append((bucket, units))
        return await reserve(account, bucket, units, **how)

    once = iter([0.01] * 11)

    async def late(**_: object) -> float:
        return next(once, 0.0)

    monkeypatch.setattr(budget, "reserve", counted)
    await venue.place([order(f"hf-{i}") for i in range(12)])
    assert taken == [*[(Bucket.CREATE, 1)] * 10, (Bucket.CREATE_BATCH, 2)]
    monkeypatch.setattr(budget, "reserve_address", late)
    monkeypatch.setattr(venue._wire._budget, "_logs", {})
    taken.clear()
    await venue.place([order(f"hg-{i}") for i in range(12)])
    assert sorted(taken) == sorted([*[(Bucket.CREATE, 1)] * 20, *[(Bucket.CREATE_BATCH, 2)] * 2])


@pytest.mark.parametrize(("late", "asked", "sent"), [([0.01, 0.0], 2, 1), ([0.01] * 3, 3, 0)])
async def test_who_waits_again_for_the_key_asks_the_address_again(
    venue: BybitVenue,
    bybit: FakeBybit,
    monkeypatch: pytest.MonkeyPatch,
    late: list[float],
    asked: int,
    sent: int,
) -> None:
    """The moment counted for the address has passed: it would leave later, beside what was not foreseen."""
    bybit.answer("/v5/order/cancel", ok({}))
    budget, turns, asks = venue._wire._budget, iter([0.0, 0.15, 0.15, 0.15]), list[float]()
    venue._wire._synced_at = NOW

    async def turn(*_: object, **__: object) -> float:
        return next(turns)

    async def address(*, patience: float, onlooker: bool = False) -> float:
        asks.append(patience)
        return late[len(asks) - 1]

    monkeypatch.setattr(budget, "reserve", turn)
    monkeypatch.setattr(budget, "reserve_address", address)
    with suppress(RateLimited):
        await venue.cancel("BTCUSDT", "hf-1")
    assert len(asks) == asked
    assert len(bybit.sent("/v5/order/cancel")) == sent


async def test_an_order_takes_no_moment_of_the_address_at_which_it_could_not_leave_any_more(
    venue: BybitVenue, bybit: FakeBybit, monkeypatch: pytest.MonkeyPatch
) -> None:
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    await venue.server_time()
    venue._wire._synced_at = NOW
    patiences: list[float] = []

    async def address(*, patience: float, **_: object) -> float:
        patiences.append(patience)
        return 0.0

    monkeypatch.setattr(venue._wire._budget, "reserve_address", address)
    await venue.place([order(decided_at=NOW - timedelta(seconds=2))])
    assert patiences == [1.0]


async def test_whoever_has_no_key_takes_no_moment_ahead_of_those_who_trade(
    bybit: FakeBybit, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    budget = LocalBudget(clock)
    public = BybitPublic("https://bybit.test", budget=budget, clock=clock)
    public._wire._pybit.client.mount("https://", bybit)
    full, asked = iter([True, False]), list[tuple[float, bool]]()

    async def address(*, patience: float, onlooker: bool = False) -> float:
        asked.append((patience, onlooker))
        if next(full):
            raise BudgetSpent(clock.time + timedelta(milliseconds=120))
        return 0.0

    monkeypatch.setattr(budget, "reserve_address", address)
    assert await public.server_time() == NOW
    assert asked == [(0.1, True), (0.1, True)]
    await public.close()


@pytest.mark.parametrize(("seconds", "sent"), [(2.9, 1), (3.1, 0)])
async def test_a_decision_that_is_old_is_not_carried_out(
    venue: BybitVenue, bybit: FakeBybit, seconds: float, sent: int
) -> None:
    """The process stood still between its commit and here: somebody may have stopped trading since."""
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    [placed] = await venue.place([order(decided_at=NOW - timedelta(seconds=seconds))])
    assert len(bybit.sent(CREATE)) == sent
    assert isinstance(placed.error, RateLimited) == (not sent)


async def test_each_item_of_a_batch_has_its_own_fate(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    bybit.answer(BATCH, lambda r: batch_answer(r, [0, 110007, 110072, 10006, 10016]))
    placed = await venue.place([order(f"hf-{i}") for i in range(15)])
    fates = [type(p.error) for p in placed[10:]]
    assert fates == [type(None), Rejected, DuplicateClientId, RateLimited, OutcomeUnknown]
    assert all(item["qty"] == "0.001" for item in bybit.bodies(BATCH)[0]["request"])


@pytest.mark.parametrize(
    "answer", [requests.exceptions.ReadTimeout(), 500, ok({"list": []}), ok({"list": [{}]})]
)
async def test_a_lost_batch_answer_leaves_all_its_orders_unknown(
    venue: BybitVenue, bybit: FakeBybit, answer: Any
) -> None:
    bybit.answer(CREATE, lambda r: ok({"orderId": "v", "orderLinkId": link_id(r)}))
    bybit.answer(BATCH, answer)
    placed = await venue.place([order(f"hf-{i}") for i in range(13)])
    assert [type(p.error) for p in placed] == [type(None)] * 10 + [OutcomeUnknown] * 3
    assert len(bybit.sent(BATCH)) == 1


async def test_one_orders_trouble_does_not_touch_the_others(venue: BybitVenue, bybit: FakeBybit) -> None:
    def by_id(request: requests.PreparedRequest) -> Any:
        return (
            refusal(110007)
            if link_id(request) == "hf-2"
            else ok({"orderId": "v", "orderLinkId": link_id(request)})
        )

    bybit.answer(CREATE, by_id)
    placed = await venue.place([order(f"hf-{i}") for i in range(4)])
    assert [p.error is None for p in placed] == [True, True, False, True]
    assert isinstance(placed[2].error, Rejected)
    assert "margin" in str(placed[2].error)


async def test_already_so_is_success(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer("/v5/position/set-leverage", refusal(110043, "leverage not modified"))
    bybit.answer("/v5/position/switch-mode", refusal(110025))
    await venue.ensure_leverage("BTCUSDT", Decimal("1.00"))
    await venue.ensure_one_way("BTCUSDT")
    assert bybit.bodies("/v5/position/set-leverage") == [
        {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "1", "sellLeverage": "1"}
    ]
    bybit.answer("/v5/position/switch-mode", refusal(110024))
    with pytest.raises(Rejected):
        await venue.ensure_one_way("BTCUSDT")


async def test_cancelling_what_has_ended_is_success_and_the_unknown_is_not(
    venue: BybitVenue, bybit: FakeBybit
) -> None:
    bybit.answer("/v5/order/cancel", refusal(110010))
    await venue.cancel("BTCUSDT", "hf-1")
    bybit.answer("/v5/order/cancel", refusal(110001))
    with pytest.raises(Rejected):
        await venue.cancel("BTCUSDT", "hf-1")


async def test_positions_are_read_to_the_last_page(venue: BybitVenue, bybit: FakeBybit) -> None:
    def row(symbol: str) -> dict[str, Any]:
        return {"symbol": symbol, "side": "Sell", "size": "2", "avgPrice": "10", "positionIdx": 0}

    bybit.answer(
        "/v5/position/list",
        ok({"list": [row("AUSDT")], "nextPageCursor": "a%3A1"}),
        ok({"list": [row("BUSDT")], "nextPageCursor": ""}),
    )
    held = await venue.positions()
    assert [(p.symbol, p.quantity) for p in held] == [("AUSDT", Decimal(-2)), ("BUSDT", Decimal(-2))]
    first, second = bybit.sent("/v5/position/list")
    assert "limit=200" in str(first.url)
    assert "cursor=a%3A1" in str(second.url)


async def test_pages_that_go_round_in_circles_are_no_answer(venue: BybitVenue, bybit: FakeBybit) -> None:
    row = {"symbol": "AUSDT", "side": "Buy", "size": "1", "avgPrice": "10", "positionIdx": 0}
    bybit.answer("/v5/position/list", ok({"list": [row], "nextPageCursor": "again"}))
    with pytest.raises(Unreachable):
        await venue.positions()


async def test_fills_are_read_in_weeks_without_holes_each_once_and_in_order(
    venue: BybitVenue, bybit: FakeBybit
) -> None:
    def fill(exec_id: str, day: float, seq: int = 1, **changes: Any) -> dict[str, Any]:
        at = NOW - timedelta(days=day)
        return {
            "execId": exec_id,
            "orderId": "v",
            "orderLinkId": "hf-1",
            "symbol": "BTCUSDT",
            "side": "Buy",
            "execType": "Trade",
            "execQty": "1",
            "execPrice": "10",
            "execFee": "0.1",
            "execTime": str(int(at.timestamp() * 1000)),
            "seq": seq,
        } | changes

    bybit.answer(
        "/v5/execution/list",
        ok({"list": [fill("b", 9, 2), fill("a", 9, 1)]}),
        ok({"list": [fill("c", 8), fill("f", 8, execType="Funding"), fill("a", 9, 1)]}),
    )
    since = NOW - timedelta(days=10)
    assert [f.exec_id for f in await venue.fills_since(since)] == ["a", "b", "c"]
    windows = [(int(q["startTime"]), int(q["endTime"])) for q in bybit.queries("/v5/execution/list")]
    assert windows[0][0] == int(since.timestamp() * 1000)
    assert windows[0][1] == windows[1][0]
    assert windows[1][1] >= int(NOW.timestamp() * 1000)
    assert all(end - start <= 7 * 86_400_000 for start, end in windows)


async def test_an_answer_that_makes_no_sense_is_no_answer(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer("/v5/position/list", ok({"list": [{"symbol": "AUSDT", "side": "Up", "size": "1"}]}))
    with pytest.raises(Unreachable, match="side"):
        await venue.positions()


def link_id(request: requests.PreparedRequest) -> str:
    return str(json.loads(request.body or "{}")["orderLinkId"])


def batch_answer(request: requests.PreparedRequest, codes: list[int]) -> dict[str, Any]:
    wanted = json.loads(request.body or "{}")["request"]
    items = [
        {"orderId": "" if code else f"v-{i}", "orderLinkId": item["orderLinkId"]}
        for i, (item, code) in enumerate(zip(wanted, codes, strict=True))
    ]
    verdicts = [{"code": code, "msg": "OK" if not code else "no"} for code in codes]
    return ok({"list": items}, retExtInfo={"list": verdicts})
