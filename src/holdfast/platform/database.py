"""PostgreSQL is the truth: engine, sessions and the declarative base."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Final
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy import DateTime, MetaData, Numeric, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

LONGEST_SILENCE: Final = 15.0
"""Seconds a transaction may stand still in a process that takes a user's locks: a stop would wait for them
while that process is frozen or suspended."""

_NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Exact numbers, UTC moments and UUIDs by default."""

    metadata = MetaData(naming_convention=_NAMING)
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: DateTime(timezone=True),
        Decimal: Numeric(38, 18),
        UUID: Uuid(),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def _json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()


async def _connect(*arguments: Any, **options: Any) -> asyncpg.Connection:
    """A server that is starting up, shutting down or full refuses with an error of asyncpg's own, which
    SQLAlchemy passes on as it is: to everybody here it is an outage like any other.

    Raises:
        ConnectionError: PostgreSQL refuses.
    """
    try:
        return await asyncpg.connect(*arguments, **options)
    except asyncpg.PostgresError as error:
        raise ConnectionError(f"PostgreSQL refuses: {error}") from error


class Database:
    """One engine per process. ``listen_url`` is the same address for a raw asyncpg connection.

    Args:
        idle_seconds: PostgreSQL rolls a transaction back in which nothing was asked for so long, so that a
            process that froze in the middle of one does not hold its locks for ever. None: no bound.
    """

    def __init__(self, url: str, *, pool_size: int = 10, idle_seconds: float | None = None) -> None:
        bounds = {"idle_in_transaction_session_timeout": f"{idle_seconds * 1000:.0f}"} if idle_seconds else {}
        self.listen_url = f"postgresql://{_without_scheme(url)}"
        self.engine = create_async_engine(
            asyncpg_url(url),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"async_creator_fn": _connect, "server_settings": bounds},
            json_serializer=_json,
            json_deserializer=orjson.loads,
        )
        self.sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session that commits at the end, or rolls everything back on any exception."""
        async with self.sessions.begin() as session:
            yield session

    async def close(self) -> None:
        await self.engine.dispose()


def asyncpg_url(url: str) -> str:
    """``postgres://`` or ``postgresql://`` as SQLAlchemy wants it for asyncpg."""
    return f"postgresql+asyncpg://{_without_scheme(url)}"


def _without_scheme(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in ("postgres", "postgresql"):
        raise ValueError("DATABASE_URL must start with postgresql://")
    return rest
