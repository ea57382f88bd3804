"""Seconds and milliseconds since the epoch, as moments and as text."""

from datetime import UTC, datetime, timedelta

import pytest

from holdfast.core.time import from_ms, from_seconds, to_ms, utc_minute


def test_seconds_are_moments_in_utc() -> None:
    assert from_seconds(1_700_000_000) == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)
    assert from_seconds(0).utcoffset() == timedelta(0)
    assert from_seconds(None) is None


@pytest.mark.parametrize(
    ("second", "told"),
    [(0, "1970-01-01 00:00"), (1_700_000_039, "2023-11-14 22:13"), (951_782_400, "2000-02-29 00:00")],
)
def test_a_minute_is_told_in_utc(second: int, told: str) -> None:
    assert utc_minute(second) == told


def test_milliseconds_come_back_as_they_went() -> None:
    for milliseconds in (0, 1, 999, 1_700_000_000_123):
        assert to_ms(from_ms(milliseconds)) == milliseconds
