"""The audit trail of an execution: what a person needs to understand afterwards what happened, and when.

Orders and their events are rows of their own and never lost. The trail holds what is around them. It is
bounded, and losing some of it changes nothing but what can be read later.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.execution.models import TrailRow
from holdfast.execution.schemas import TraceKind
from holdfast.platform.telemetry import clean_text

MOST_ROWS: Final = 1_000
"""Rows kept per execution."""


def note(
    session: AsyncSession,
    execution_id: UUID,
    kind: TraceKind,
    title: str,
    *,
    at: datetime,
    order_id: UUID | None = None,
    symbol: str = "",
    took: timedelta | None = None,
    **detail: Any,
) -> None:
    """Add one thing that happened, in the caller's transaction.

    ``title`` is a sentence for people, ``detail`` holds named facts; neither may hold a secret.
    """
    clean = {name: clean_text(value) if isinstance(value, str) else value for name, value in detail.items()}
    session.add(
        TrailRow(
            execution_id=execution_id,
            order_id=order_id,
            kind=kind,
            title=clean_text(title),
            symbol=symbol,
            at=at,
            took_ms=None if took is None else round(took.total_seconds() * 1000),
            times=1,
            detail=clean,
        )
    )
