"""Newest-first pages with opaque, already percent-encoded cursors (bybit.md, section 3)."""

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar
from urllib.parse import quote, unquote

from holdfast.sim.bybit.envelope import Refusal, is_whole
from holdfast.sim.bybit.http import Call

DAY_MS: Final = 86_400_000
LONGEST_WINDOW_MS: Final = 7 * DAY_MS


class Sequenced(Protocol):
    @property
    def sequence(self) -> int: ...


T = TypeVar("T", bound=Sequenced)


def page(call: Call, rows: Iterable[T], *, default: int, most: int) -> tuple[list[T], str]:
    """``rows`` oldest first; the wanted page newest first, and the cursor of the next ("" at the end)."""
    limit = call.integer("limit", default, 1, most)
    ordered = sorted(rows, key=lambda row: row.sequence, reverse=True)
    cursor = unquote(call.text("cursor"))
    if cursor:
        before = _position(cursor)
        ordered = [row for row in ordered if row.sequence < before]
    shown = ordered[:limit]
    if len(ordered) <= limit:
        return shown, ""
    last = f"{shown[-1].sequence}:{len(shown)}"
    return shown, quote(f"{last},{last}", safe="")


def _position(cursor: str) -> int:
    number = cursor.partition(":")[0]
    if not is_whole(number):
        raise Refusal(10001, "params error: cursor invalid")
    return int(number)


def window(call: Call, *, default_ms: int = LONGEST_WINDOW_MS) -> Callable[[int], bool]:
    """Whether a moment lies in [startTime, endTime]; windows are at most 7 days."""
    start = call.integer("startTime", -1, 0, 2**62)
    end = call.integer("endTime", -1, 0, 2**62)
    if start < 0 and end < 0:
        start, end = call.now_ms - default_ms, call.now_ms
    elif end < 0:
        end = start + default_ms
    elif start < 0:
        start = end - default_ms
    if start > end:
        raise Refusal(10001, "params error: startTime must not be after endTime")
    if end - start > LONGEST_WINDOW_MS:
        raise Refusal(10001, "params error: the time range must not exceed 7 days")
    return lambda moment: start <= moment <= end
