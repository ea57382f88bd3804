"""The table of retCodes: what each important number makes us do."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.venues.bybit import errors
from holdfast.venues.protocol import (
    DuplicateClientId,
    KeyRefused,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unreachable,
    VenueError,
)

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def of(code: int, *, write: bool = True, reset_at: datetime | None = None) -> VenueError:
    return errors.from_code(code, "the venue's words", write=write, now=NOW, reset_at=reset_at)


@pytest.mark.parametrize(
    "code", [10000, 10014, 10016, 10019, 429, 110079, 170007, 170032, 170144, 170146, 170191]
)
def test_what_the_venue_left_open_stays_open(code: int) -> None:
    assert type(of(code, write=True)) is OutcomeUnknown
    assert type(of(code, write=False)) is Unreachable


@pytest.mark.parametrize("code", [10003, 10004, 10005, 10009, 10010, 10024, 33004, -2015])
def test_trouble_with_the_key_stops_the_account(code: int) -> None:
    assert type(of(code)) is KeyRefused


@pytest.mark.parametrize("code", [110072, 170141])
def test_a_known_client_id_is_our_own_earlier_attempt(code: int) -> None:
    assert type(of(code)) is DuplicateClientId


@pytest.mark.parametrize(
    ("code", "word"),
    [
        (110007, "margin"),
        (170131, "margin"),
        (110017, "reduce"),
        (110094, "minimum"),
        (110003, "price"),
        (30228, "closed"),
        (10028, "Unified"),
        (110001, "order"),
        (110021, "grow"),
    ],
)
def test_important_refusals_say_it_in_words_and_keep_the_number(code: int, word: str) -> None:
    refusal = of(code)
    assert type(refusal) is Rejected
    assert refusal.code == str(code)
    assert word in str(refusal).split("(Bybit")[0]
    assert f"Bybit {code}: the venue's words" in str(refusal)


def test_an_unknown_number_is_a_refusal_that_shows_it() -> None:
    refusal = of(123456)
    assert type(refusal) is Rejected
    assert "123456" in str(refusal)


@pytest.mark.parametrize(
    ("reset_at", "until"),
    [
        (NOW + timedelta(milliseconds=700), NOW + timedelta(milliseconds=700)),
        (None, NOW + timedelta(seconds=1)),
        (NOW - timedelta(seconds=5), NOW + timedelta(seconds=1)),
        (NOW + timedelta(days=400), NOW + timedelta(seconds=60)),
    ],
)
def test_a_rate_limit_ends_at_a_sane_moment(reset_at: datetime | None, until: datetime) -> None:
    limited = of(10006, reset_at=reset_at)
    assert isinstance(limited, RateLimited)
    assert limited.until == until


def test_the_reset_header_is_read_on_our_clock() -> None:
    offset = timedelta(seconds=-2)
    stamp = {"X-Bapi-Limit-Reset-Timestamp": str(int(NOW.timestamp() * 1000))}
    assert errors.reset_of(stamp, offset) == NOW + timedelta(seconds=2)
    assert errors.reset_of({"X-Bapi-Limit-Reset-Timestamp": "soon"}, offset) is None
    assert errors.reset_of({"X-Bapi-Limit-Reset-Timestamp": "9" * 40}, offset) is None
    assert errors.reset_of(None, offset) is None


def test_ten_minutes_of_silence_follow_a_breach_of_the_address_limit() -> None:
    limited = of(10018)
    assert isinstance(limited, RateLimited)
    assert limited.until == NOW + timedelta(minutes=10)
    assert limited.code in errors.IP_LIMIT_CODES


def test_no_code_has_two_meanings_and_success_is_no_error() -> None:
    codes = [code for entry in errors._ENTRIES for code in entry.codes]
    assert len(codes) == len(set(codes))
    assert not errors.ALREADY_SO & set(codes)
    assert {int(code) for code in errors.ALREADY_FINAL | errors.RATE_CODES} <= set(codes)


def test_secrets_and_signatures_are_taken_out_of_texts() -> None:
    signature = "3d95669082a09d6b4315263414d501383277e97a8aa1f39bed2a2f9ba8073e20"
    told = errors.redact(f"origin_string[1700KEY5000] sign {signature} SECRET", ("KEY", "SECRET"))
    assert told == "origin_string[1700[hidden]5000] sign [hidden] [hidden]"
