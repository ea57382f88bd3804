"""What positions own, in a file beside the worker: all that closing them needs while PostgreSQL is away.

One file per connection, mode 0600, written after every execution and every reconciliation. The venue key is
in it only as it is in the database: sealed. What happened since it was written, the venue's own fills tell.
"""

import base64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
import structlog
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection
from holdfast.core.money import plain
from holdfast.execution.models import Execution
from holdfast.execution.risk.gate_books import OVER
from holdfast.execution.risk.stop_file import give_away, is_lost, write_durably
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio.booking import closable
from holdfast.portfolio.models import Fill, Sleeve

log = structlog.get_logger(__name__)

FORMAT: Final = 1
OVERLAP: Final = timedelta(minutes=10)
"""Fills this much older than what was read are named one by one: which of them are in the quantities."""


@dataclass(frozen=True, slots=True)
class Journal:
    """``owned``: signed quantities by position and symbol, less what was closed by hand. ``executions``: to
    which position an execution's orders belong. ``read_until``: how far the venue's fills are in ``owned``;
    those after ``read_until`` - ``OVERLAP`` that are in it are ``seen``."""

    connection_id: UUID
    user_id: UUID
    venue: str
    environment: str
    label: str
    sealed: bytes
    written_at: datetime
    read_until: datetime | None
    seen: frozenset[str]
    owned: Mapping[UUID, Mapping[str, Decimal]]
    executions: Mapping[UUID, UUID]


def directory(settings: Settings) -> Path:
    return settings.home / "journal"


def make_directory(settings: Settings) -> Path:
    """The directory, made if need be: by the superuser for the worker.

    Raises:
        OSError: it cannot be made, or what it was in is gone.
    """
    path = directory(settings)
    if not is_lost(settings):
        path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
        give_away(path)
    return path


def path_of(settings: Settings, connection_id: UUID) -> Path:
    return directory(settings) / f"{connection_id}.json"


async def keep(work: Work, connection_id: UUID) -> None:
    """Write the journal of one connection, or remove it once the connection is deleted. The caller holds the
    connection's lock. Trouble is logged: the old journal stays, and nothing else depends on it."""
    path = path_of(work.settings, connection_id)
    try:
        async with work.database.sessions() as session:
            await session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            journal = await _read_rows(session, connection_id, now=work.clock.now())
        if journal is None:
            path.unlink(missing_ok=True)
            return
        make_directory(work.settings)
        write_durably(path, encode(journal))
    except (SQLAlchemyError, OSError) as error:
        log.warning("the journal could not be written", connection=str(connection_id), error=repr(error))


def read_all(settings: Settings) -> tuple[list[Journal], list[str]]:
    """Every journal of this machine, and in words what could not be read."""
    journals, problems = [], []
    for path in sorted(directory(settings).glob("*.json")):
        try:
            journals.append(decode(path.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError, ArithmeticError) as error:
            problems.append(f"{path} cannot be read ({error!r}): close what this connection holds at Bybit.")
    return journals, problems


async def _read_rows(session: AsyncSession, connection_id: UUID, *, now: datetime) -> Journal | None:
    connection = await session.get(Connection, connection_id)
    if connection is None or connection.deleted_at or connection.sealed is None:
        return None
    sleeves = list(
        await session.scalars(
            select(Sleeve.id).where(Sleeve.connection_id == connection_id, Sleeve.state.not_in(OVER))
        )
    )
    owned = {sleeve_id: await closable(session, sleeve_id) for sleeve_id in sleeves}
    executions = await session.execute(
        select(Execution.id, Execution.sleeve_id).where(Execution.sleeve_id.in_(sleeves))
    )
    seen: frozenset[str] = frozenset()
    if connection.fills_since:
        recent = Fill.executed_at >= connection.fills_since - OVERLAP
        rows = await session.scalars(select(Fill.exec_id).where(Fill.connection_id == connection_id, recent))
        seen = frozenset(rows)
    return Journal(
        connection_id=connection.id,
        user_id=connection.user_id,
        venue=connection.venue,
        environment=connection.environment,
        label=connection.label,
        sealed=connection.sealed,
        written_at=now,
        read_until=connection.fills_since,
        seen=seen,
        owned=owned,
        executions=dict(executions.tuples().all()),
    )


def encode(journal: Journal) -> bytes:
    return orjson.dumps(
        {
            "format": FORMAT,
            "connection": str(journal.connection_id),
            "user": str(journal.user_id),
            "venue": journal.venue,
            "environment": journal.environment,
            "label": journal.label,
            "sealed": base64.b64encode(journal.sealed).decode(),
            "written_at": journal.written_at.isoformat(),
            "read_until": journal.read_until.isoformat() if journal.read_until else None,
            "seen": sorted(journal.seen),
            "owned": {
                str(owner): {symbol: plain(quantity) for symbol, quantity in sorted(held.items())}
                for owner, held in journal.owned.items()
            },
            "executions": {str(execution): str(owner) for execution, owner in journal.executions.items()},
        },
        option=orjson.OPT_INDENT_2,
    )


def decode(content: bytes) -> Journal:
    """The inverse of ``encode``. Raises ValueError, KeyError, TypeError or ArithmeticError on all else."""
    fields: dict[str, Any] = orjson.loads(content)
    if fields["format"] != FORMAT:
        raise ValueError(f"unknown format {fields['format']}")
    until = fields["read_until"]
    return Journal(
        connection_id=UUID(fields["connection"]),
        user_id=UUID(fields["user"]),
        venue=fields["venue"],
        environment=fields["environment"],
        label=fields["label"],
        sealed=base64.b64decode(fields["sealed"], validate=True),
        written_at=datetime.fromisoformat(fields["written_at"]),
        read_until=datetime.fromisoformat(until) if until else None,
        seen=frozenset(fields["seen"]),
        owned={
            UUID(owner): {symbol: Decimal(quantity) for symbol, quantity in held.items()}
            for owner, held in fields["owned"].items()
        },
        executions={UUID(execution): UUID(owner) for execution, owner in fields["executions"].items()},
    )
