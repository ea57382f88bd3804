"""Opaque cursors: where the next page of a newest-first list begins."""

import base64
import binascii
from datetime import UTC, datetime
from typing import Annotated

import orjson
from fastapi import Query
from pydantic import AfterValidator

from holdfast.core.errors import InvalidInput

DEFAULT_LIMIT = 50
LimitQuery = Annotated[int, Query(ge=1, le=200)]
CursorQuery = Annotated[str | None, Query(max_length=300)]


def _text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("this is no text")
    return text


def _moment(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time without a zone is ambiguous: write it as 2026-11-21T12:00:00Z")
    if moment is not None and not storable(moment):
        raise ValueError("this is beyond the calendar")
    return moment


SymbolQuery = Annotated[str, Query(max_length=40), AfterValidator(_text)]
FromQuery = Annotated[datetime | None, Query(alias="from"), AfterValidator(_moment)]
ToQuery = Annotated[datetime | None, Query(alias="to"), AfterValidator(_moment)]


def encode_cursor(at: datetime, row_id: object) -> str:
    """The cursor behind the row that happened ``at`` and is called ``row_id``."""
    return base64.urlsafe_b64encode(orjson.dumps([at.isoformat(), str(row_id)])).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """The inverse of ``encode_cursor``.

    Raises:
        InvalidInput: not one of our cursors.
    """
    if not cursor:
        return None
    try:
        at, row_id = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        moment = datetime.fromisoformat(at)
    except (ValueError, TypeError, binascii.Error) as error:
        raise _unreadable() from error
    if moment.tzinfo is None or not storable(moment) or not isinstance(row_id, str) or "\x00" in row_id:
        raise _unreadable()
    return moment, row_id


def storable(moment: datetime) -> bool:
    """Whether PostgreSQL can be asked about it: not if it falls out of the calendar when moved to UTC."""
    try:
        moment.astimezone(UTC)
    except OverflowError:
        return False
    return True


def _unreadable() -> InvalidInput:
    return InvalidInput("This page cursor cannot be read.", advice="Start again from the first page.")
