"""Brings the database's tables to this version. Safe to run from several machines at once."""

import asyncio
from pathlib import Path
from typing import Any, Final

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import holdfast.platform
from holdfast.app.metadata import metadata
from holdfast.platform.database import Database

SCRIPTS: Final = Path(holdfast.platform.__file__).parent / "migrations"
_LOCK: Final = 4202607


async def migrate(database_url: str) -> None:
    """Apply what is missing, in one transaction per migration, under a lock."""
    await _with_connection(database_url, _upgrade)


async def differences(database_url: str) -> list[Any]:
    """What the tables and the models disagree about; empty if nothing."""
    found: list[Any] = await _with_connection(database_url, _compare)
    return found


async def write_migration(database_url: str, message: str) -> None:
    """Write a new migration from how the models differ from this (migrated) database."""
    number = f"{len(list((SCRIPTS / 'versions').glob('*.py'))) + 1:04}"
    await _with_connection(
        database_url,
        lambda connection: command.revision(_config(connection), message, autogenerate=True, rev_id=number),
    )


async def _with_connection(database_url: str, work: Any) -> Any:
    database = Database(database_url, pool_size=1)
    try:
        async with database.engine.connect() as connection:
            result = await connection.run_sync(work)
            await connection.commit()
            return result
    finally:
        await database.close()


def _upgrade(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
    connection.commit()
    try:
        command.upgrade(_config(connection), "head")
    finally:
        connection.rollback()
        connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})


def _compare(connection: Connection) -> list[Any]:
    found: list[Any] = compare_metadata(
        MigrationContext.configure(connection, opts={"compare_type": True}), metadata
    )
    return found


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    config.attributes.update(connection=connection, metadata=metadata)
    return config


def run(database_url: str) -> None:
    asyncio.run(migrate(database_url))
