"""The audit trail of an execution: what a person needs to understand afterwards what happened, and when.

Orders and their events are rows of their own and never lost. The trail holds what is around them: requests
to the venue, decisions, waits, workers. It is bounded, what repeats is folded into one row, and losing the
last notes in a crash changes nothing but what can be read later.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy import func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.time import Clock
from holdfast.execution.models import TrailRow
from holdfast.execution.schemas import TraceKind
from holdfast.execution.trail import words as trace_words
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease, LeaseLost
from holdfast.platform.tasks import RetryAt, Work
from holdfast.platform.telemetry import clean_text
from holdfast.venues.recording import Exchange, recording

log = structlog.get_logger(__name__)

MOST_ROWS: Final = 2_000
"""Rows kept per execution."""
MOST_SYMBOLS: Final = 25
"""Symbols named in one row."""
_LOOK_BACK: Final = 12
"""Rows of the holder before, among which a repetition is looked for."""


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
    trail = _current.get()
    if trail is None or trail.has_room():
        session.add(
            _row(execution_id, kind, title, at=at, order_id=order_id, symbol=symbol, took=took, **detail)
        )


def decided(act: str, symbols: Sequence[str], *, at: datetime) -> None:
    """What the executor does next. Asking is not told here: the requests are."""
    trail = _current.get()
    if trail is not None and act != "ask":
        title = trace_words.decision(act, symbols)
        repeats = {"again": True} if act == "wait" else {}
        trail.tell("decision", title, at=at, act=act, symbols=_few(symbols), **repeats)


def waits(seconds: float, reason: str, *, at: datetime) -> None:
    """The executor waits with the execution in hand."""
    trail = _current.get()
    if trail is not None:
        trail.tell("decision", f"Waits: {reason}", at=at, took=timedelta(seconds=seconds), again=True)


def checked(
    session: AsyncSession, execution_id: UUID, refusal: str, *, at: datetime, took: timedelta
) -> None:
    """What the last look before the first order came to."""
    found = f"Not started: {refusal}" if refusal else "Checked before the first order: all is well"
    note(session, execution_id, "decision", found, at=at, took=took)


async def flush(session: AsyncSession) -> None:
    """Write what was heard since the last time, in the caller's transaction; last thing before its end."""
    trail = _current.get()
    if trail is not None:
        await trail.write(session)


@asynccontextmanager
async def following(work: Work, execution_id: UUID) -> AsyncIterator[None]:
    """Keep the trail of everything done inside, from taking the job up to giving it back."""
    trail = Trail(execution_id, work.clock)
    trail.taken_up(work.lease)
    token = _current.set(trail)
    try:
        with recording(trail.heard):
            yield
    except RetryAt as later:
        trail.given_back(later.reason, again_in_s=round(later.seconds, 1))
        await trail.write_rest(work.database)
        raise
    except LeaseLost:
        trail.tell(
            "job", "Let go: another worker has taken over", at=work.clock.now(), fence=work.lease.fence
        )
        await trail.write_rest(work.database)
        raise
    except asyncio.CancelledError:
        trail.given_back("this worker stops.")
        await trail.write_rest(work.database)
        raise
    except Exception as error:
        trail.given_back(f"an accident on our side ({type(error).__name__}).")
        await trail.write_rest(work.database)
        raise
    else:
        await trail.write_rest(work.database)
    finally:
        _current.reset(token)


class Trail:
    """What one holder of an execution's job has to tell, until it is written."""

    def __init__(self, execution_id: UUID, clock: Clock) -> None:
        self._execution_id = execution_id
        self._clock = clock
        self._pending: list[TrailRow] = []
        self._recent: dict[tuple[Any, ...], TrailRow] = {}
        self._room: int | None = None

    def has_room(self) -> bool:
        """Whether another row may be added; takes its place."""
        if self._room is None:
            return True
        self._room -= 1
        return self._room >= 0

    def tell(self, kind: TraceKind, title: str, *, at: datetime, **detail: Any) -> None:
        self._pending.append(_row(self._execution_id, kind, title, at=at, **detail))

    def taken_up(self, lease: Lease) -> None:
        self.tell(
            "job",
            "Taken up by a worker",
            at=self._clock.now(),
            fence=lease.fence,
            attempt=lease.attempts,
            again=True,
        )

    def given_back(self, why: str, **detail: Any) -> None:
        self.tell("job", f"Given back: {why}", at=self._clock.now(), again=True, **detail)

    def heard(self, exchange: Exchange) -> None:
        """Hear of a request to the venue."""
        self._pending.append(_request_row(self._execution_id, exchange))

    async def write(self, session: AsyncSession) -> None:
        """Add what is pending to the caller's transaction."""
        if not self._pending:
            return
        if self._room is None:
            await self._look_back(session)
        pending, self._pending = self._pending, []
        repeated: dict[int, TrailRow] = {}
        for row in pending:
            known = self._folded_into(row)
            if known is None and self.has_room():
                session.add(row)
            elif known is not None and known.id is not None:
                repeated[known.id] = known
        if repeated:
            await session.execute(update(TrailRow), [_changed(row) for row in repeated.values()])

    async def write_rest(self, database: Database) -> None:
        """Write what is pending in a transaction of its own. What cannot be written is lost."""
        if not self._pending:
            return
        try:
            async with database.transaction() as session:
                await self.write(session)
        except (SQLAlchemyError, OSError) as error:
            log.warning("the end of a trail is lost", error=type(error).__name__)

    def _folded_into(self, row: TrailRow) -> TrailRow | None:
        """The row that ``row`` repeats, grown by it. What cannot repeat ends all repetitions."""
        key = _key(row)
        if key is None:
            self._recent.clear()
            return None
        known = self._recent.get(key)
        if known is None:
            self._recent[key] = row
            return None
        _absorb(known, row)
        return known

    async def _look_back(self, session: AsyncSession) -> None:
        """Go on where the holder before has stopped."""
        with session.no_autoflush:
            found = (
                await session.execute(
                    select(TrailRow, func.count().over())
                    .where(TrailRow.execution_id == self._execution_id)
                    .order_by(TrailRow.id.desc())
                    .limit(_LOOK_BACK)
                )
            ).all()
        self._room = MOST_ROWS - (found[0][1] if found else 0)
        for row, _ in found:
            key = _key(row)
            if key is None:
                break
            self._recent.setdefault(key, row)
        jobs = [row for row, _ in found if row.kind == "job"]
        if jobs and "fence" in jobs[0].detail and jobs[0].detail.get("again"):
            self._taken_over_from(jobs[0].detail["fence"])

    def _taken_over_from(self, fence: int) -> None:
        """The holder before has said that it took the job up, and nothing of how that ended."""
        for row in self._pending:
            if row.kind == "job" and row.detail.get("fence") != fence:
                row.title = "Taken over: the worker before fell silent"
                row.detail = {**row.detail, "fence_before": fence}
                return


_current: ContextVar[Trail | None] = ContextVar("holdfast_trail", default=None)


def _row(
    execution_id: UUID,
    kind: TraceKind,
    title: str,
    *,
    at: datetime,
    order_id: UUID | None = None,
    symbol: str = "",
    took: timedelta | None = None,
    **detail: Any,
) -> TrailRow:
    return TrailRow(
        execution_id=execution_id,
        order_id=order_id,
        kind=kind,
        title=clean_text(title),
        symbol=symbol,
        at=at,
        took_ms=None if took is None else round(took.total_seconds() * 1000),
        times=1,
        detail={
            name: clean_text(value) if isinstance(value, str) else value for name, value in detail.items()
        },
    )


def _request_row(execution_id: UUID, exchange: Exchange) -> TrailRow:
    """A request with its answer. Empty facts are left out."""
    facts: dict[str, Any] = {
        "method": exchange.method,
        "outcome": exchange.outcome,
        "writes": exchange.writes,
        "code": exchange.code,
        "text": exchange.text,
        "rows": exchange.rows,
        "attempt": exchange.attempt if exchange.attempt > 1 else None,
        "waited_ms": round(exchange.waited * 1000) or None,
        "orders": [_order(order) for order in exchange.orders],
        "symbols": [exchange.symbol] if exchange.symbol else [],
    }
    return _row(
        execution_id,
        "request",
        trace_words.request(exchange),
        at=exchange.at,
        symbol=exchange.symbol,
        took=timedelta(seconds=exchange.took),
        **{name: value for name, value in facts.items() if value not in (None, "", [], False)},
    )


def _order(order: Any) -> dict[str, Any]:
    named = {name: getattr(order, name) for name in order.__slots__}
    return {name: value for name, value in named.items() if value not in ("", False)}


def _key(row: TrailRow) -> tuple[Any, ...] | None:
    """Rows with the same key in a row are one, repeated. ``None``: this one stands alone."""
    detail = row.detail
    if row.kind == "request":
        orders = (
            tuple(order["client_id"] for order in detail.get("orders", ())) if detail.get("writes") else ()
        )
        if orders and detail["outcome"] == "ok":
            return None
        return ("request", detail["method"], detail["outcome"], detail.get("code"), orders)
    return (row.kind, row.title) if detail.get("again") else None


def _absorb(known: TrailRow, row: TrailRow) -> None:
    took = timedelta(milliseconds=row.took_ms or 0)
    known.times += row.times
    known.until = max(known.until or known.at, row.at + took)
    known.took_ms = max(known.took_ms or 0, row.took_ms or 0) if row.took_ms is not None else known.took_ms
    symbols = _few([*known.detail.get("symbols", ()), *row.detail.get("symbols", ())])
    merged = {**known.detail, **row.detail}
    merged.pop("orders", None)
    known.symbol = known.symbol if known.symbol == row.symbol else ""
    known.detail = merged | ({"symbols": symbols} if symbols else {})


def _changed(row: TrailRow) -> dict[str, Any]:
    names = ("id", "times", "until", "took_ms", "symbol", "detail")
    return {name: getattr(row, name) for name in names}


def _few(symbols: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(symbols))[:MOST_SYMBOLS]
