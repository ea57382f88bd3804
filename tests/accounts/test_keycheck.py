"""Which key may be connected: the rules, one by one and as properties."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.accounts.keycheck import (
    HARMLESS,
    KNOWN,
    MONEY_OUT,
    SUPERFLUOUS,
    KeyState,
    Level,
    Verdict,
    judge_key,
)
from holdfast.venues.bybit import parse
from holdfast.venues.protocol import AccountInfo, KeyInfo

NOW = datetime(2026, 3, 1, tzinfo=UTC)
GOOD = KeyInfo(
    uid="100000001",
    read_only=False,
    permissions={"ContractTrade": ["Order", "Position"], "Wallet": [], "FiatP2P": [], "Options": []},
    ips=("192.0.2.1",),
    expires_at=None,
    unified=True,
    is_master=False,
)
CROSS = AccountInfo(unified=True, margin_mode="cross")
SHARED = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).resolve().parents[3] / "shared"))
SAMPLES = SHARED / "reference" / "contract_samples" / "bybit"


def with_permissions(**permissions: list[str]) -> KeyInfo:
    return replace(GOOD, permissions=GOOD.permissions | permissions)


def messages(verdict: Verdict, level: Level) -> list[str]:
    return [each.message for each in verdict.findings if each.level is level]


def test_the_least_key_that_trades_is_active_without_a_murmur() -> None:
    verdict = judge_key(GOOD, CROSS, now=NOW)
    assert verdict.state is KeyState.ACTIVE
    assert verdict.reason == ""
    assert {each.level for each in verdict.findings} == {Level.OK}


@pytest.mark.parametrize("group", sorted(MONEY_OUT))
def test_every_way_out_for_money_is_refused_by_name_with_advice(group: str) -> None:
    verdict = judge_key(with_permissions(**{group: ["AccountTransfer"]}), CROSS, now=NOW)
    assert verdict.state is KeyState.REFUSED
    assert group in verdict.reason
    assert "AccountTransfer" in verdict.reason
    (refusal,) = [each for each in verdict.findings if each.level is Level.REFUSED]
    assert "untick" in refusal.advice


def test_a_transfer_permission_alone_is_refused_even_on_a_read_only_key() -> None:
    key = replace(with_permissions(Wallet=["AccountTransfer"]), read_only=True)
    assert judge_key(key, CROSS, now=NOW).state is KeyState.REFUSED


@pytest.mark.parametrize(
    "permissions",
    [
        {"Teleport": ["Beam"]},
        {"wallet": ["Withdraw"]},
        {"ContractTrade": ["Order", "Position", "Withdraw"]},
        {"Spot": ["SpotTrade", "SpotTransfer"]},
        {"": [""]},
    ],
)
def test_what_is_not_known_is_refused_and_named(permissions: dict[str, list[str]]) -> None:
    verdict = judge_key(with_permissions(**permissions), CROSS, now=NOW)
    assert verdict.state is KeyState.REFUSED
    assert next(iter(permissions)) in verdict.reason
    assert next(reversed(next(iter(permissions.values())))) in verdict.reason


def test_superfluous_permissions_are_a_warning() -> None:
    for group, names in SUPERFLUOUS.items():
        verdict = judge_key(with_permissions(**{group: sorted(names)}), CROSS, now=NOW)
        assert verdict.state is KeyState.ACTIVE
        assert [group in message for message in messages(verdict, Level.WARNING)] == [True]


@pytest.mark.parametrize("held", [[], ["Order"], ["Position"]])
def test_a_key_that_cannot_place_or_see_positions_is_refused(held: list[str]) -> None:
    verdict = judge_key(with_permissions(ContractTrade=held), CROSS, now=NOW)
    assert verdict.state is KeyState.REFUSED
    assert all(name in verdict.reason for name in {"Order", "Position"} - set(held))


@pytest.mark.parametrize("held", [[], ["Order", "Position"]])
def test_a_read_only_key_watches(held: list[str]) -> None:
    verdict = judge_key(replace(with_permissions(ContractTrade=held), read_only=True), CROSS, now=NOW)
    assert verdict.state is KeyState.WATCH_ONLY
    assert verdict.reason == ""


@pytest.mark.parametrize("account", [AccountInfo(False, "cross"), AccountInfo(True, "portfolio")])
def test_accounts_that_cannot_be_traded_at_one_x_are_refused(account: AccountInfo) -> None:
    assert judge_key(GOOD, account, now=NOW).state is KeyState.REFUSED


def test_both_the_key_and_the_account_must_be_unified() -> None:
    assert judge_key(replace(GOOD, unified=False), CROSS, now=NOW).state is KeyState.REFUSED


@pytest.mark.parametrize("mode", ["portfolio", "quantum"])
def test_with_books_a_margin_mode_is_for_the_incidents_to_judge(mode: str) -> None:
    """They stop what is opened, and let positions be closed."""
    verdict = judge_key(GOOD, AccountInfo(True, mode), has_books=True, now=NOW)
    assert verdict.state is KeyState.ACTIVE
    assert mode in messages(verdict, Level.WARNING)[0]


def test_with_books_a_key_that_may_not_trade_any_more_watches() -> None:
    key = with_permissions(ContractTrade=["Position"])
    assert judge_key(key, CROSS, now=NOW).state is KeyState.REFUSED
    verdict = judge_key(key, CROSS, has_books=True, now=NOW)
    assert verdict.state is KeyState.WATCH_ONLY
    assert "Order" in verdict.reason


def test_isolated_margin_is_accepted_with_a_warning_and_unknown_modes_are_not() -> None:
    isolated = judge_key(GOOD, AccountInfo(True, "isolated"), now=NOW)
    assert isolated.state is KeyState.ACTIVE
    assert messages(isolated, Level.WARNING)
    assert judge_key(GOOD, AccountInfo(True, "quantum"), now=NOW).state is KeyState.REFUSED


@pytest.mark.parametrize("ips", [(), ("*",), ("192.0.2.1", "*"), (" ",)])
def test_a_key_bound_to_no_address_is_a_warning(ips: tuple[str, ...]) -> None:
    verdict = judge_key(replace(GOOD, ips=ips), CROSS, now=NOW)
    assert verdict.state is KeyState.ACTIVE
    assert any("any address" in message for message in messages(verdict, Level.WARNING))


@pytest.mark.parametrize(
    ("expires_at", "level"),
    [
        (None, Level.OK),
        (datetime(1970, 1, 1, tzinfo=UTC), Level.OK),
        (NOW - timedelta(seconds=1), Level.REFUSED),
        (NOW, Level.REFUSED),
        (NOW + timedelta(days=14), Level.WARNING),
        (NOW + timedelta(days=15), Level.OK),
    ],
)
def test_expiry(expires_at: datetime | None, level: Level) -> None:
    verdict = judge_key(replace(GOOD, expires_at=expires_at), CROSS, now=NOW)
    (finding,) = [each for each in verdict.findings if each.check == "expiry"]
    assert finding.level is level
    assert (verdict.state is KeyState.REFUSED) == (level is Level.REFUSED)


def test_hedged_instruments_are_named() -> None:
    verdict = judge_key(GOOD, CROSS, hedged_symbols=["ETHUSDT", "BTCUSDT"], now=NOW)
    assert verdict.state is KeyState.ACTIVE
    assert any("BTCUSDT, ETHUSDT" in message for message in messages(verdict, Level.WARNING))


def test_every_refusal_and_warning_says_what_to_do() -> None:
    worst = replace(
        GOOD, permissions={"Wallet": ["Withdraw"], "X": ["Y"], "Earn": ["Earn"]}, ips=(), expires_at=NOW
    )
    verdict = judge_key(worst, AccountInfo(False, "portfolio"), hedged_symbols=["BTCUSDT"], now=NOW)
    assert all(each.advice for each in verdict.findings if each.level is not Level.OK)


names = st.sampled_from(
    [
        "Order",
        "Position",
        "SpotTrade",
        "DerivativesTrade",
        "Withdraw",
        "AccountTransfer",
        "Earn",
        "Advertising",
    ]
) | st.text(max_size=8)
groups = st.sampled_from([*KNOWN, *MONEY_OUT, "Unknown"]) | st.text(max_size=8)
keys = st.builds(
    KeyInfo,
    uid=st.text(max_size=5),
    read_only=st.booleans(),
    permissions=st.dictionaries(groups, st.lists(names, max_size=4), max_size=8).map(
        lambda extra: {"ContractTrade": ["Order", "Position"]} | extra
    ),
    ips=st.lists(st.sampled_from(["*", "192.0.2.1", ""]), max_size=2).map(tuple),
    expires_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    unified=st.booleans() | st.just(True),
    is_master=st.booleans(),
)
accounts = st.builds(AccountInfo, st.just(True), st.sampled_from(["cross", "isolated", "portfolio", "x"]))


@given(keys, accounts, st.booleans())
@example(with_permissions(Wallet=["AccountTransfer"]), CROSS, False)
@example(with_permissions(Wallet=["AccountTransfer"]), CROSS, True)
@example(replace(with_permissions(BitCard=["BitCard"]), read_only=True), CROSS, False)
def test_no_key_that_could_move_money_out_is_ever_accepted(
    key: KeyInfo, account: AccountInfo, has_books: bool
) -> None:
    verdict = judge_key(key, account, has_books=has_books, now=NOW)
    granted = {group: set(names) for group, names in key.permissions.items() if names}
    if verdict.state is not KeyState.REFUSED:
        assert not granted.keys() & MONEY_OUT.keys()
        assert all(names <= KNOWN[group] for group, names in granted.items())
    if verdict.state is KeyState.ACTIVE:
        assert not key.read_only
        assert {"Order", "Position"} <= granted["ContractTrade"]
        assert key.unified
        assert has_books or account.margin_mode in ("cross", "isolated")
    if verdict.state is not KeyState.WATCH_ONLY or not has_books:
        assert bool(verdict.reason) == (verdict.state is KeyState.REFUSED)


@given(st.dictionaries(st.sampled_from(sorted(HARMLESS)), st.just([]), max_size=3))
def test_empty_groups_change_nothing(empty: dict[str, list[str]]) -> None:
    key = with_permissions(**{**empty, "ContractTrade": ["Order", "Position"]})
    assert judge_key(key, CROSS, now=NOW).state is KeyState.ACTIVE


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded answers of Bybit here (set HOLDFAST_SHARED)")
@pytest.mark.parametrize(
    "sample", ["docs/user__apikey-info__01.json", "nautilus/http_get_user_query_api.json"]
)
def test_the_documented_example_is_refused_for_each_way_out(sample: str) -> None:
    answer = json.loads((SAMPLES / sample).read_text())
    verdict = judge_key(parse.key_info(answer["result"]), CROSS, now=NOW)
    assert verdict.state is KeyState.REFUSED
    refused = " ".join(messages(verdict, Level.REFUSED))
    granted = [group for group, names in answer["result"]["permissions"].items() if names]
    assert all(group in refused for group in granted if group in MONEY_OUT)
    assert "expire" in " ".join(messages(verdict, Level.OK)), "1970 means that the key does not expire"
    assert "does not know" not in refused, "every documented permission has its own rule"
