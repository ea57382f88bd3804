"""Every fault of requests does what it says and nothing else, on a venue without sockets."""

from decimal import Decimal
from typing import Any, get_args

import pytest

from holdfast.core.errors import InvalidInput
from holdfast.sim.bybit.account import Account
from holdfast.sim.fault_kinds import KINDS, REQUEST, FaultKind
from holdfast.sim.faults import Faults

from .offline import BTC, ORDER, Offline
from .scripted import START_MS

D = Decimal
CREATE = "bybit.order.create"
LIMIT = {"orderType": "Limit", "timeInForce": "GTC"}


def at_create(kind: str, **settings: Any) -> dict[str, Any]:
    return {"where": CREATE, "kind": kind, "count": 1, **settings}


def orders_of(account: Account) -> int:
    return len(account.orders)


@pytest.mark.parametrize(
    ("rule", "outcome", "orders"),
    [
        (at_create("drop_request"), "lost", 0),
        (at_create("drop_answer"), "lost", 1),
        (at_create("half_open"), "open", 0),
        (at_create("half_open_after"), "open", 1),
        (at_create("error_500_before"), -500, 0),
        (at_create("error_500_before", status=502), -502, 0),
        (at_create("error_500_after", status=504), -504, 1),
        (at_create("error_500_after", status=429), -429, 1),
        (at_create("code_before", code=10000), 10000, 0),
        (at_create("code_before", code=110063), 110063, 0),
        (at_create("code_before", code=110079), 110079, 0),
        (at_create("code_before", code=110118), 110118, 0),
        (at_create("code_after", code=10016), 10016, 1),
        (at_create("code_after", code=170007), 170007, 1),
        (at_create("code_after"), 10016, 1),
        (at_create("rate_limit", retry_after_s=3), 10006, 0),
        (at_create("ip_limit"), -403, 0),
        (at_create("maintenance"), -503, 0),
        (at_create("maintenance", code=10016), 10016, 0),
        (at_create("clock_skew", skew_ms=-1500), 10002, 0),
        (at_create("clock_skew", skew_ms=6000), 10002, 0),
        (at_create("delay", delay_ms=250), 0, 1),
        (at_create("delay", delay_ms=6000), 10002, 0),
        (at_create("delay_answer", delay_ms=250), 0, 1),
        (at_create("duplicate", delay_ms=50), 0, 1),
        (at_create("duplicate", delay_ms=50, answer="second"), 110072, 1),
        (at_create("reorder", delay_ms=200), 0, 1),
    ],
)
def test_requests(rule: dict[str, Any], outcome: int | str, orders: int) -> None:
    offline = Offline(rule)
    account = offline.account()
    sent = offline.order(account, orderLinkId="one")
    offline.run(30_000)
    seen: int | str = "open" if not sent.done else "lost" if sent.lost else sent.code
    assert (seen, orders_of(account)) == (outcome, orders)
    assert len(account.executions) == orders
    assert offline.faults.describe()[0]["hits"] == 1
    again = offline.order(account, orderLinkId="two")
    assert (again.code, again.took_ms) == (0, 0), "one hit, and all is well"


def test_every_kind_for_requests_is_in_the_table_above() -> None:
    (mark,) = [mark for mark in test_requests.pytestmark if mark.name == "parametrize"]
    tried = {case[0]["kind"] for case in mark.args[1]} | {"stale"}
    assert tried == {kind for kind, one in KINDS.items() if REQUEST in one.to}
    assert set(KINDS) == set(get_args(FaultKind))


def test_delays_are_before_and_after_the_effect() -> None:
    for kind, done_while_waiting in (("delay", False), ("delay_answer", True)):
        offline = Offline(at_create(kind, delay_ms=400))
        account = offline.account()
        sent = offline.order(account)
        offline.run(200)
        assert bool(account.executions) is done_while_waiting
        offline.run(300)
        assert (sent.took_ms, len(account.executions)) == (400, 1)


def test_jitter_is_drawn_within_its_bounds_from_the_seed() -> None:
    def waits(seed: int) -> list[int]:
        rule = {"where": CREATE, "kind": "delay", "delay_ms": 100, "jitter_ms": 300, "seed": seed}
        offline = Offline(rule)
        account = offline.account(rate_limits={"order.create": 100})
        sent = [offline.order(account) for _ in range(30)]
        offline.run(1000)
        return [one.took_ms for one in sent]

    assert waits(1) == waits(1) != waits(2)
    assert 100 <= min(waits(1)) < 200
    assert 300 < max(waits(1)) <= 400


def test_a_duplicate_without_an_id_of_its_own_is_two_orders() -> None:
    offline = Offline(at_create("duplicate", delay_ms=100))
    account = offline.account()
    sent = offline.order(account)
    assert sent.took_ms == 0
    offline.run(50)
    assert orders_of(account) == 1
    offline.run(200)
    assert account.signed_size("BTCUSDT") == D("0.02")


def test_two_requests_in_flight_swap() -> None:
    offline = Offline({"where": CREATE, "kind": "reorder", "count": 1, "delay_ms": 1000})
    account = offline.account()
    first = offline.order(account, orderLinkId="first")
    offline.run(100)
    second = offline.order(account, orderLinkId="second")
    offline.run(100)
    assert [order.link_id for order in account.orders.values()] == ["second", "first"]
    assert second.took_ms == 0
    assert 100 <= first.took_ms <= 110


def test_swapping_goes_on_pair_by_pair() -> None:
    offline = Offline({"where": CREATE, "kind": "reorder", "delay_ms": 1000})
    account = offline.account()
    for name in "abcdef":
        offline.order(account, orderLinkId=name)
        offline.run(50)
    offline.run(2000)
    assert "".join(order.link_id for order in account.orders.values()) == "badcfe"


def test_a_limit_of_rate_tells_when_to_come_back() -> None:
    offline = Offline(at_create("rate_limit", retry_after_s=3))
    sent = offline.order(offline.account())
    assert sent.answer is not None
    assert int(sent.answer.headers["X-Bapi-Limit-Reset-Timestamp"]) == START_MS + 3000


def test_a_drifting_clock_is_right_until_it_is_not() -> None:
    offline = Offline({"where": "bybit.*", "kind": "clock_skew", "skew_ms": 0, "drift_ms": 50})
    account = offline.account()
    codes = []
    for _ in range(6):
        codes.append(offline.send(account, "GET", "/v5/position/list", **BTC).code)
        offline.run(30_000)
    assert codes == [0, 0, 0, 0, 10002, 10002], "5 s are reached after 100 s of 50 ms each"
    shown = offline.send(account, "GET", "/v5/market/time")
    assert int(shown.json["time"]) == offline.clock.ms + 9000


def test_a_skewed_clock_is_shown_and_not_worked_by() -> None:
    offline = Offline({"where": "bybit.*", "kind": "clock_skew", "skew_ms": 900})
    account = offline.account()
    sent = offline.order(account)
    offline.run(1000)
    assert sent.json["time"] == START_MS + 900
    assert [order.created_ms for order in account.orders.values()] == [START_MS]
    assert len(offline.read(account, "/v5/order/history", **BTC)) == 1


def test_reads_of_orders_and_fills_may_be_behind() -> None:
    rules = [
        {"where": place, "kind": "stale", "delay_ms": 500}
        for place in ("bybit.order.realtime", "bybit.order.history", "bybit.execution.list")
    ]
    offline = Offline(*rules)
    account = offline.account()
    offline.order(account, orderLinkId="x")

    def seen() -> tuple[list[str], int, int]:
        rows = offline.read(account, "/v5/order/realtime", **BTC, orderLinkId="x")
        ended = offline.read(account, "/v5/order/history", **BTC)
        return (
            [row["orderStatus"] for row in rows],
            len(ended),
            len(offline.read(account, "/v5/execution/list", **BTC)),
        )

    offline.run(400)
    assert seen() == ([], 0, 0)
    offline.run(105)
    assert seen() == (["New"], 0, 0)
    offline.run(10)
    assert seen() == (["Filled"], 1, 1)
    assert len(offline.read(account, "/v5/position/list", **BTC)) == 1


def test_single_orders_of_a_batch_are_refused_before_and_after_the_effect() -> None:
    where = "bybit.order.create-batch.item"
    offline = Offline(
        {"where": where, "kind": "code_before", "code": 110007, "after": 1, "count": 1},
        {"where": where, "kind": "code_after", "code": 10016, "after": 2, "count": 1},
    )
    account = offline.account()
    items = [{**ORDER, "orderLinkId": f"i-{n}"} for n in range(4)]
    path = "/v5/order/create-batch"
    sent = offline.send(account, "POST", path, category="linear", request=items)
    assert (sent.code, [one["code"] for one in sent.json["retExtInfo"]["list"]]) == (0, [0, 110007, 0, 10016])
    assert [row["orderId"] != "" for row in sent.json["result"]["list"]] == [True, False, True, False]
    assert [order.link_id for order in account.orders.values()] == ["i-0", "i-2", "i-3"]


@pytest.mark.parametrize(
    ("when", "hits"),
    [
        ({"count": 2}, [0, 1]),
        ({"after": 3}, [3, 4, 5, 6, 7]),
        ({"after": 1, "every": 3}, [1, 4, 7]),
        ({"every": 2, "count": 2}, [0, 2]),
        ({"from_ms": START_MS + 2000, "until_ms": START_MS + 4000}, [2, 3]),
        ({"from_ms": START_MS + 6500}, [7]),
        ({"until_ms": START_MS + 1000}, [0]),
        ({"uid": "nobody"}, []),
    ],
)
def test_schedules(when: dict[str, Any], hits: list[int]) -> None:
    offline = Offline({"where": CREATE, "kind": "code_before", "code": 10016, **when})
    account = offline.account()
    struck = []
    for number in range(8):
        if offline.order(account).code:
            struck.append(number)
        offline.run(1000)
    assert struck == hits


def test_a_rule_may_be_for_one_account_only() -> None:
    offline = Offline()
    struck, spared = offline.account(), offline.account()
    offline.faults.replace([{"where": "bybit.*", "kind": "ip_limit", "uid": struck.uid}])
    assert (offline.order(struck).code, offline.order(spared).code) == (-403, 0)


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ({"kind": "delay", "code": 10016}, "does not read code"),
        ({"kind": "code_before", "code": 4711}, "no documented retCode"),
        ({"kind": "reject", "reason": "EC_Whim"}, "no documented rejectReason"),
        ({"kind": "delay", "from_ms": 5, "until_ms": 5}, "until_ms"),
        ({"kind": "halt", "count": 1}, "condition"),
        ({"kind": "error_500_before", "status": 418}, "status"),
        ({"kind": "partial_fill", "share": 1.5}, "share"),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(rule: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        Faults().replace([{"where": "*", **rule}])
