"""Every fault of streams does what it says, on a venue without sockets."""

from typing import Any

from .offline import Offline


def hear(kind: str, topic: str = "execution", **settings: Any) -> tuple[Offline, Any, Any]:
    offline = Offline({"where": f"bybit.private.{topic}", "kind": kind, **settings})
    account = offline.account()
    return offline, account, offline.listen(account)


def test_without_faults_a_fill_is_told_at_once() -> None:
    offline, account, ear = hear("drop_answer", "nothing")
    offline.order(account)
    offline.run(100)
    assert ear.topics() == ["execution", "execution.fast", "order", "position", "wallet"]
    assert {at_ms for at_ms, _, _ in ear.heard} == {10}


def test_a_gap_a_late_push_a_duplicate_and_a_swap() -> None:
    offline, account, ear = hear("drop_answer", count=1)
    offline.order(account)
    offline.run(100)
    offline.order(account)
    offline.run(100)
    assert ear.topics("order", "execution") == ["order", "execution", "order"]

    offline, account, ear = hear("delay", delay_ms=300)
    offline.order(account)
    offline.run(1000)
    assert [(at, topic) for at, topic, _ in ear.heard if topic in ("order", "execution")] == [
        (10, "order"),
        (310, "execution"),
    ]

    offline, account, ear = hear("duplicate", delay_ms=50)
    offline.order(account)
    offline.run(1000)
    told = [(at, rows[0]["execId"]) for at, topic, rows in ear.heard if topic == "execution"]
    assert [at for at, _ in told] == [10, 60]
    assert told[0][1] == told[1][1]

    offline, account, ear = hear("reorder", "order", count=1)
    offline.order(account)
    offline.run(100)
    assert ear.topics() == ["execution", "execution.fast", "position", "order", "wallet"]


def test_a_held_push_comes_in_the_end_when_nothing_follows() -> None:
    offline, account, ear = hear("reorder", "wallet", delay_ms=400)
    offline.order(account)
    offline.run(1000)
    assert ear.heard[-1][:2] == (410, "wallet")


def test_a_cut_stream_is_told_once_and_a_new_one_hears() -> None:
    offline, account, ear = hear("drop_request", "order", count=1)
    offline.order(account)
    offline.run(100)
    assert (ear.cuts, ear.line.answers_ping(), account.listeners) == (1, False, [])
    fresh = offline.listen(account)
    offline.order(account)
    offline.run(100)
    assert (ear.cuts, len(ear.topics("wallet")), len(fresh.topics("order"))) == (1, 0, 1)


def test_a_silent_stream_answers_pings_and_a_half_open_one_does_not() -> None:
    for kind, pongs in (("silent", True), ("half_open", False)):
        offline, account, ear = hear(kind, "order", count=1)
        offline.order(account)
        offline.run(100)
        offline.order(account)
        offline.run(60_000)
        assert ear.topics() == ["execution", "execution.fast"], kind
        assert (ear.line.answers_ping(), ear.cuts) == (pongs, 0)


def test_pongs_can_be_lost_alone() -> None:
    offline = Offline({"where": "bybit.private.pong", "kind": "drop_answer", "count": 1})
    ear = offline.listen(offline.account())
    assert [ear.line.answers_ping(), ear.line.answers_ping()] == [False, True]
