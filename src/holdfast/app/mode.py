"""Which world a database belongs to: what the demo has stored is never taken for real, nor the other way."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.platform.database import Database
from holdfast.platform.models import Installation
from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Mode


async def keep(database_url: str, mode: Mode) -> None:
    """From the first start on a database is of one mode.

    Raises:
        CannotRun: it is of the other one.
    """
    async with _session(database_url) as session:
        await session.execute(insert(Installation).values(id=1, mode=mode).on_conflict_do_nothing())
        await session.commit()
        await _compare(session, mode)


async def require(database_url: str, mode: Mode) -> None:
    """As ``keep``, but nothing is written: a database may be of no mode yet.

    Raises:
        CannotRun: it is of the other one.
    """
    async with _session(database_url) as session:
        await _compare(session, mode)


async def _compare(session: AsyncSession, mode: Mode) -> None:
    kept = await session.scalar(select(Installation.mode))
    if kept not in (None, mode):
        raise CannotRun(
            f"This database belongs to {kept} mode, and nothing in it is of use in {mode} mode: set "
            f"HOLDFAST_MODE={kept}, or give {mode} mode a directory of its own (HOLDFAST_HOME=var/{mode}) or "
            "another DATABASE_URL."
        )


@asynccontextmanager
async def _session(database_url: str) -> AsyncIterator[AsyncSession]:
    """While PostgreSQL does not answer, or before its tables are made, there is nothing to compare with."""
    database = Database(database_url, pool_size=1)
    try:
        async with database.sessions() as session:
            yield session
    except (SQLAlchemyError, OSError):
        return
    finally:
        await database.close()
