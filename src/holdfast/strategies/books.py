"""The paper book in a row: the engine's whole numbers as text, and what it is worth. Pure."""

from dataclasses import asdict
from decimal import Decimal
from typing import Any

from holdfast.backtest.engine import Book, Terms


def dump(one: Terms | Book) -> dict[str, Any]:
    """JSON holds no whole numbers of any size, text does."""
    return {name: value if isinstance(value, bool) else str(value) for name, value in asdict(one).items()}


def terms_of(stored: dict[str, Any]) -> Terms:
    return Terms(**_numbers(stored))


def book_of(stored: dict[str, Any]) -> Book:
    return Book(**_numbers(stored))


def _numbers(stored: dict[str, Any]) -> dict[str, Any]:
    return {name: value if isinstance(value, bool) else int(value) for name, value in stored.items()}


def worth(book: Book, terms: Terms, price: Decimal | None) -> Decimal:
    """In quote coin, at this price; without one, at what the position was entered for."""
    held = terms.quantity(book.lots) * price if price is not None else terms.money(book.cost)
    return terms.money(book.cash) + held


def entry_of(book: Book, terms: Terms) -> Decimal | None:
    """The average price of what is held, in quote coin; ``None`` when flat."""
    return book.entry.scaleb(-terms.price_decimals) if book.entry is not None else None
