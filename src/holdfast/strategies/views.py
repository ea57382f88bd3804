"""Rows of strategies as the API tells them."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from holdfast.core.time import from_seconds
from holdfast.scripts.models import Script
from holdfast.strategies import books
from holdfast.strategies.models import Strategy, StrategyEvent, StrategyFill
from holdfast.strategies.schemas import (
    StrategyEventView,
    StrategyFault,
    StrategyFillView,
    StrategyScript,
    StrategyTick,
    StrategyView,
)

_ENTRY_DIGITS: Final = 12
"""Of an average price, which need not be on the grid."""


@dataclass(frozen=True, slots=True)
class Price:
    """The newest known of a series, in quote coin, and when it was so."""

    value: Decimal
    at: datetime


def tick(row: Strategy, price: Price | None = None) -> StrategyTick:
    """``price``: a live one; without it the close of the last bar."""
    return StrategyTick(**_state(row, price))


def view(row: Strategy, script: Script) -> StrategyView:
    terms, book = books.terms_of(row.terms), books.book_of(row.book)
    return StrategyView(
        **_state(row, None),
        script=StrategyScript(
            id=row.script_id, version=row.version, name=script.name, deleted=script.deleted_at is not None
        ),
        **{
            name: getattr(row, name)
            for name in ("inputs", "quote", "capital", "fee_rate", "slippage", "allow_short", "signal_size")
        },
        started_at=row.created_at,
        cash=terms.money(book.cash),
        fees=terms.money(book.fees),
    )


def _state(row: Strategy, live: Price | None) -> dict[str, Any]:
    terms, book = books.terms_of(row.terms), books.book_of(row.book)
    price = live.value if live else row.last_close
    entry = books.entry_of(book, terms)
    equity = books.worth(book, terms, price)
    start = terms.money(terms.cash)
    return {
        **{name: getattr(row, name) for name in _PLAIN},
        "closing": row.closing_from is not None,
        "last_bar": from_seconds(row.last_bar),
        "quantity": terms.quantity(book.lots),
        "entry": None if entry is None else _rounded(entry),
        "price": price,
        "price_at": live.at if live else _closed_at(row),
        "equity": equity,
        "pnl": equity - start,
        "pnl_share": float((equity - start) / start),
        "error": StrategyFault(**row.error) if row.error else None,
    }


_PLAIN: Final = (
    "id",
    "name",
    "state",
    "series",
    "timeframe",
    "next_due",
    "target",
    "signal",
    "changed_at",
    "waiting",
    "repainted",
)


def _closed_at(row: Strategy) -> datetime | None:
    """``next_time`` is the end of the last bar."""
    return None if row.last_close is None else from_seconds(row.next_time)


def _rounded(price: Decimal) -> Decimal:
    return price.quantize(Decimal(1).scaleb(price.adjusted() - _ENTRY_DIGITS + 1))


def event_view(row: StrategyEvent) -> StrategyEventView:
    return StrategyEventView.model_validate(
        {"id": row.number, "kind": row.kind, "text": row.text, "at": row.at, "bar": from_seconds(row.bar)}
    )


def fill_view(row: StrategyFill) -> StrategyFillView:
    return StrategyFillView.model_validate(
        {
            "id": row.time,
            "at": row.recorded_at,
            "bar": from_seconds(row.time),
            "side": "buy" if row.quantity > 0 else "sell",
            "quantity": abs(row.quantity),
            "price": row.price,
            "fee": row.fee,
            "value": abs(row.quantity) * row.price,
            "reason": row.reason,
        }
    )
