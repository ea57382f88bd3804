"""Whatever a venue sends, reading it ends in a report or in ``Malformed``; never in another exception."""

import copy
import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.core.instruments import InstrumentKind
from holdfast.venues.bybit import parse, parse_market
from holdfast.venues.bybit.fields import Malformed

FIXTURES = Path(__file__).parent / "fixtures"
AT = datetime(2026, 11, 21, tzinfo=UTC)


def fixture(name: str) -> Any:
    return json.loads((FIXTURES / f"{name}.json").read_text())


POSITION = {"symbol": "X", "side": "Buy", "size": "1", "avgPrice": "2", "liqPrice": "1", "positionIdx": 0}
TICKER = {
    "symbol": "X",
    "bid1Price": "1",
    "ask1Price": "2",
    "lastPrice": "1",
    "nextFundingTime": "1700000000000",
}
BOOK = {"s": "X", "b": [["1", "2"]], "a": [["2", "1"]], "ts": 1700000000000}

READERS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "order": (parse.order, list(fixture("orders").values())),
    "fills": (lambda row: parse.fills([row]), fixture("executions")),
    "funding": (lambda row: parse.funding([row]), fixture("transaction_log")),
    "balance": (parse.balance, list(fixture("wallets").values())),
    "key": (parse.key_info, list(fixture("keys").values())),
    "position": (parse.position, [POSITION]),
    "instrument": (
        lambda row: parse_market.instruments([row], InstrumentKind.LINEAR),
        list(fixture("instruments_linear").values()),
    ),
    "quote": (lambda row: parse_market.quotes([row], AT), [TICKER]),
    "book": (parse_market.book, [BOOK]),
    "candles": (parse_market.candles, [{"list": [["1700000000000", "1", "2", "1", "2", "5", "9"]]}]),
    "time": (parse_market.server_time, [{"timeNano": "1700000000000000000"}]),
    "account": (parse.account_info, [{"marginMode": "REGULAR_MARGIN", "unifiedMarginStatus": 5}]),
}

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.sampled_from(
        ["", "0", "-1", "NaN", "Infinity", "1e999999", "-1E-999999", "abc", "²", "9" * 30, "{}", "[1]"]
    ),
    st.text(max_size=5),
    st.lists(st.none() | st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.sampled_from(["coin", "fee", "x"]), st.none() | st.text(max_size=3), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to every value inside."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [found for key, child in children for found in [(*path, key), *places(child, (*path, key))]]


@pytest.mark.parametrize("name", READERS)
@given(data=st.data())
def test_damage_is_noticed_or_harmless(name: str, data: st.DataObject) -> None:
    read, rows = READERS[name]
    damaged = copy.deepcopy(data.draw(st.sampled_from(rows)))
    for path in data.draw(st.lists(st.sampled_from(places(damaged)), min_size=1, max_size=3, unique=True)):
        inner = damaged
        try:
            for step in path[:-1]:
                inner = inner[step]
            inner[path[-1]] = data.draw(junk)
        except (KeyError, IndexError, TypeError):
            continue
    with suppress(Malformed):
        read(damaged)


@pytest.mark.parametrize("name", READERS)
def test_what_is_undamaged_is_read(name: str) -> None:
    read, rows = READERS[name]
    for row in rows:
        assert read(row) is not None
