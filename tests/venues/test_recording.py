"""Who listens to requests hears every one of its own, whole and without secrets, and no other's."""

import asyncio
from dataclasses import asdict
from typing import Any

import pytest
import requests
from tests.venues.fake_bybit import API_KEY, API_SECRET, FakeBybit, ok, refusal
from tests.venues.test_client import BATCH, CREATE, HISTORY, REALTIME, order, order_row

from holdfast.venues.bybit.client import BybitVenue
from holdfast.venues.protocol import VenueError
from holdfast.venues.recording import Exchange, recording


async def test_an_order_is_told_with_what_it_asked_for_and_how_it_went(
    venue: BybitVenue, bybit: FakeBybit
) -> None:
    bybit.answer(CREATE, ok({"orderId": "v-1", "orderLinkId": "hf-1"}))
    heard: list[Exchange] = []
    with recording(heard.append):
        await venue.place([order()])
    [told] = [exchange for exchange in heard if exchange.method == "place_order"]
    assert (told.writes, told.outcome, told.attempt, told.code) == (True, "ok", 1, "")
    assert told.took > 0
    assert asdict(told)["orders"] == (
        {
            "symbol": "BTCUSDT",
            "client_id": "hf-1",
            "side": "buy",
            "quantity": "0.001",
            "price": "67010.5",
            "form": "Limit IOC",
            "reduce_only": False,
            "code": "",
        },
    )


@pytest.mark.parametrize(
    ("answer", "outcome", "code"),
    [
        (refusal(110007), "refused", "110007"),
        (refusal(10003), "refused", "10003"),
        (refusal(10006), "limited", "10006"),
        (refusal(10016), "silent", "10016"),
        (502, "silent", "502"),
        (403, "limited", "403"),
        (requests.exceptions.ReadTimeout("slow"), "silent", ""),
        (b"<html>", "silent", ""),
    ],
)
async def test_trouble_is_told_by_its_name_and_code(
    venue: BybitVenue, bybit: FakeBybit, answer: Any, outcome: str, code: str
) -> None:
    bybit.answer(CREATE, answer)
    heard: list[Exchange] = []
    with recording(heard.append):
        [placed] = await venue.place([order()])
    told = heard[-1]
    assert (told.method, told.outcome, told.code) == ("place_order", outcome, code)
    assert told.text == str(placed.error)


async def test_a_repeated_read_is_told_try_by_try(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(REALTIME, 502, ok({"list": [order_row()]}))
    heard: list[Exchange] = []
    with recording(heard.append):
        await venue.find_order("BTCUSDT", "hf-1")
    tries = [exchange for exchange in heard if exchange.method == "get_open_orders"]
    assert [(t.attempt, t.outcome, t.rows) for t in tries] == [(1, "silent", None), (2, "ok", 1)]
    assert [t.orders[0].client_id for t in tries] == ["hf-1", "hf-1"]


async def test_a_batch_is_told_order_by_order(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(CREATE, lambda request: refusal(110007))
    accepted = {"orderId": "v-9", "orderLinkId": "hf-10"}
    bybit.answer(
        BATCH,
        ok({"list": [accepted, {}]}, retExtInfo={"list": [{"code": 0}, {"code": 110007, "msg": API_SECRET}]}),
    )
    heard: list[Exchange] = []
    with recording(heard.append):
        await venue.place([order(f"hf-{number:02}") for number in range(12)])
    [batch] = [exchange for exchange in heard if exchange.method == "place_batch_order"]
    assert [(o.client_id, o.code) for o in batch.orders] == [("hf-10", "0"), ("hf-11", "110007")]


async def test_listeners_on_one_client_at_once_hear_only_their_own(
    venue: BybitVenue, bybit: FakeBybit
) -> None:
    bybit.answer(REALTIME, ok({"list": []}))
    bybit.answer(HISTORY, ok({"list": []}))

    async def asking(name: str) -> list[Exchange]:
        heard: list[Exchange] = []
        with recording(heard.append):
            await asyncio.gather(*(venue.find_order("BTCUSDT", f"{name}-{number}") for number in range(5)))
        return heard

    first, second = await asyncio.gather(asking("a"), asking("b"))
    for name, heard in (("a", first), ("b", second)):
        assert {exchange.orders[0].client_id for exchange in heard} == {f"{name}-{n}" for n in range(5)}
        assert len(heard) == 10


async def test_whoever_stops_listening_hears_no_more(venue: BybitVenue, bybit: FakeBybit) -> None:
    bybit.answer(REALTIME, ok({"list": [order_row()]}))
    heard: list[Exchange] = []
    with recording(heard.append):
        pass
    await venue.find_order("BTCUSDT", "hf-1")
    assert heard == []


async def test_nothing_told_holds_a_key_a_secret_or_a_signature(venue: BybitVenue, bybit: FakeBybit) -> None:
    def echo(request: requests.PreparedRequest) -> dict[str, Any]:
        said = f"error sign! {dict(request.headers)} {API_SECRET}"
        return refusal(10004, said) | {"retExtInfo": {"list": [{"code": said, "msg": said}]}}

    bybit.answer(CREATE, echo)
    bybit.answer(REALTIME, echo)
    bybit.answer(BATCH, lambda request: echo(request) | {"retCode": 0})
    heard: list[Exchange] = []
    with recording(heard.append):
        await venue.place([order(f"hf-{number:02}") for number in range(11)])
        with pytest.raises(VenueError):
            await venue.find_order("BTCUSDT", "hf-1")
    signatures = [request.headers.get("X-BAPI-SIGN", "") for request in bybit.requests]
    assert len([signature for signature in signatures if signature]) >= 12
    for hidden in (API_KEY, API_SECRET, *filter(None, signatures)):
        assert hidden not in str(heard)


async def test_a_request_nobody_waits_for_any_more_is_told_as_cut_off(
    venue: BybitVenue, bybit: FakeBybit, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Exchange] = []
    left = asyncio.Event()

    async def endless(*_: Any, **__: Any) -> Any:
        left.set()
        await asyncio.sleep(60)

    monkeypatch.setattr(venue._wire, "_in_thread", endless)
    monkeypatch.setattr(venue._wire, "_synced_at", venue._wire.now())
    with recording(heard.append):
        task = asyncio.create_task(venue.find_order("BTCUSDT", "hf-1"))
        await left.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert [exchange.outcome for exchange in heard] == ["cut off"]
