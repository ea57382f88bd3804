"""The venue without sockets: the same seed, clock and requests give the same bytes."""

import hashlib
import subprocess
import sys
from cProfile import Profile
from pathlib import Path
from pstats import Stats

import pytest

from holdfast.sim.bybit.http import RawRequest
from holdfast.sim.bybit.journey import journey

from .offline import BTC, Offline

ROOT = Path(__file__).parents[3]
CHAOS = (
    {"where": "bybit.order.*", "kind": "delay", "delay_ms": 40, "jitter_ms": 200, "probability": 0.5},
    {"where": "bybit.order.*", "kind": "drop_answer", "probability": 0.2, "seed": 2},
    {"where": "bybit.order.*", "kind": "error_500_after", "probability": 0.2, "seed": 3},
    {"where": "bybit.order.*", "kind": "duplicate", "delay_ms": 30, "probability": 0.3, "seed": 4},
    {"where": "bybit.*", "kind": "clock_skew", "skew_ms": 0, "drift_ms": 0.5},
    {"where": "bybit.private.*", "kind": "delay", "delay_ms": 20, "jitter_ms": 60, "probability": 0.4},
    {"where": "bybit.private.*", "kind": "drop_answer", "probability": 0.1, "seed": 6},
)  # fmt: skip


def told(seed: int) -> str:
    """Everything two accounts are told in a minute of orders under faults, as one digest."""
    offline = Offline(*CHAOS, seed=seed)
    accounts = [offline.account(), offline.account(leverage={"ETHUSDT": "3"})]
    ears = [offline.listen(account) for account in accounts]
    sent = []
    for number in range(60):
        account = accounts[number % 2]
        symbol = ("BTCUSDT", "ETHUSDT", "TRXUSDT")[number % 3]
        side = ("Buy", "Sell", "Buy", "Buy")[number % 4]
        qty = ("0.02", "0.5", "900")[number % 3]
        sent.append(offline.order(account, symbol=symbol, side=side, qty=qty, orderLinkId=f"n-{number // 2}"))
        offline.run(700)
        sent.append(offline.send(account, "GET", "/v5/position/list", category="linear", settleCoin="USDT"))
        sent.append(offline.send(account, "GET", "/v5/order/realtime", **BTC, openOnly="1"))
    offline.run(61 * 60_000)
    for account in accounts:
        sent.append(offline.send(account, "GET", "/v5/account/wallet-balance", accountType="UNIFIED"))
        sent.append(offline.send(account, "GET", "/v5/account/transaction-log", category="linear"))
    offline.run(60_000)
    record = [(one.ended_ms, one.answer) for one in sent], [ear.heard for ear in ears]
    return hashlib.sha256(repr(record).encode()).hexdigest()


def test_two_runs_are_the_same_to_the_byte_and_other_seeds_are_not() -> None:
    assert told(3) == told(3)
    assert told(3) != told(4)


def test_another_process_with_other_hashes_says_the_same() -> None:
    """Nothing may hang on the order of a set, which differs from process to process."""
    script = "from tests.sim.bybit.test_journey import told; print(told(3))"
    digests = {
        subprocess.run(
            [sys.executable, "-c", script], cwd=ROOT,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT}:{ROOT}/src"},
            capture_output=True, text=True, check=True, timeout=60,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert digests == {told(3) + "\n"}


def test_a_venue_costs_next_to_nothing_to_build() -> None:
    Offline()
    with Profile() as work:
        Offline(seed=50)
    assert Stats(work).total_calls < 1000  # type: ignore[attr-defined]


def test_a_plain_request_needs_no_waiting() -> None:
    offline = Offline()
    account = offline.account()
    sent = offline.order(account)
    assert (sent.done, sent.took_ms, sent.code) == (True, 0, 0)
    assert sent.answer is not None
    assert sent.answer.headers["X-Bapi-Limit-Status"] == "9"
    offline.run(10)
    assert account.signed_size("BTCUSDT") != 0


@pytest.mark.parametrize(("method", "path"), [("GET", "/v5/nonsense"), ("DELETE", "/v5/order/create")])
def test_an_unknown_route_is_not_found(method: str, path: str) -> None:
    offline = Offline()
    steps = journey(offline.venue, offline.faults, RawRequest(method, path))
    with pytest.raises(StopIteration) as ended:
        next(steps)
    assert ended.value.value.status == 404
