"""Opaque cursors: where the next page of a newest-first list begins."""

import base64
import binascii
from datetime import datetime
from typing import Annotated

import orjson
from fastapi import Query

from holdfast.core.errors import InvalidInput

DEFAULT_LIMIT = 50
LimitQuery = Annotated[int, Query(ge=1, le=200)]
CursorQuery = Annotated[str | None, Query(max_length=300)]


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
    if moment.tzinfo is None or not isinstance(row_id, str):
        raise _unreadable()
    return moment, row_id


def _unreadable() -> InvalidInput:
    return InvalidInput("This page cursor cannot be read.", advice="Start again from the first page.")
