"""What users keep of scripts: write, look, change, delete. A saved source never changes."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.repository import lock_user
from holdfast.core.errors import Conflict, NotFound
from holdfast.core.identity import new_id
from holdfast.scripts import repository
from holdfast.scripts.models import Script, ScriptVersion
from holdfast.scripts.running import sha256_of
from holdfast.scripts.schemas import (
    NewScript,
    ScriptChange,
    ScriptFindings,
    ScriptSaved,
    ScriptSummary,
    ScriptView,
    VersionSummary,
    VersionView,
)

MOST_SCRIPTS: Final = 100
MOST_VERSIONS: Final = 500
"""Of one script."""
MOST_BYTES: Final = 16 * 1024 * 1024
"""Of all sources of one user, in all versions."""
UNCHECKED: Final = ScriptFindings(state="unchecked")


@dataclass(frozen=True, slots=True)
class Looked:
    """What a check of a source told: all there is to know of it without running it again."""

    title: str = ""
    overlay: bool = False
    pane: str = ""
    inputs: list[Any] = field(default_factory=list)
    error: dict[str, Any] | None = None
    findings: ScriptFindings = field(default_factory=lambda: UNCHECKED)


# --- looking ------------------------------------------------------------------------------------------------


async def listed(session: AsyncSession, user_id: UUID) -> list[ScriptSummary]:
    """The one changed last comes first."""
    return [
        ScriptSummary.model_validate(_told(script, newest))
        for script, newest in await repository.scripts(session, user_id)
    ]


async def show(session: AsyncSession, user_id: UUID, script_id: UUID) -> ScriptView:
    """Raises ``NotFound``, also for somebody else's."""
    return await _view(session, await _owned(session, user_id, script_id))


async def show_version(session: AsyncSession, user_id: UUID, script_id: UUID, number: int) -> VersionView:
    """Raises ``NotFound``, also for somebody else's."""
    await _owned(session, user_id, script_id)
    row = await repository.version(session, script_id, number)
    if row is None:
        raise _no_version(number)
    return VersionView.model_validate({**_facts(row), "script_id": script_id, "number": number})


async def version_of(
    session: AsyncSession, user_id: UUID, script_id: UUID, number: int | None
) -> ScriptVersion:
    """The version called ``number``, which deleting the script leaves to those who refer to it; without one
    the newest of a script that is not deleted.

    Raises:
        NotFound: there is none, or it is somebody else's.
    """
    script = await repository.script(session, user_id, script_id, deleted=number is not None)
    if script is None:
        raise _no_script()
    wanted = script.version if number is None else number
    row = await repository.version(session, script_id, wanted)
    if row is None:
        raise _no_version(wanted)
    return row


# --- changing -----------------------------------------------------------------------------------------------


async def check_room(session: AsyncSession, user_id: UUID, size: int) -> None:
    """Whether this user may keep one more script of ``size`` bytes. Raises ``Conflict``."""
    kept = await repository.count(session, user_id)
    if kept >= MOST_SCRIPTS:
        raise Conflict(f"You keep {kept} scripts, which is the most.", advice="Delete one of them first.")
    await _check_bytes(session, user_id, size)


async def add(
    session: AsyncSession, user_id: UUID, wanted: NewScript, looked: Looked | None, *, now: datetime
) -> ScriptSaved:
    """Keep a script as its version 1; ``looked`` is ``None`` if it could not be tried. Raises ``Conflict``:
    there are too many."""
    await lock_user(session, user_id)
    await check_room(session, user_id, len(wanted.source.encode()))
    script = Script(id=new_id(), user_id=user_id, name=wanted.name, version=1, created_at=now, updated_at=now)
    session.add(script)
    await session.flush()
    newest = await _write(session, script, wanted.source, looked, now)
    return _saved(script, newest)


async def change(
    session: AsyncSession,
    user_id: UUID,
    script_id: UUID,
    wanted: ScriptChange,
    looked: Looked | None,
    *,
    now: datetime,
) -> ScriptSaved:
    """Give it another name, and a source that differs from the newest the next number. The same source again
    only gets findings it did not have; nothing else is written.

    Raises:
        NotFound: it is not this user's.
        Conflict: it was changed since it was read; ``current`` is the newer one. Or there is no more room.
    """
    await lock_user(session, user_id)
    script = await _owned(session, user_id, script_id, lock=True)
    await _check_base(session, script, wanted.version)
    newest = await session.get_one(ScriptVersion, (script.id, script.version))
    name = wanted.name or script.name
    if name != script.name or newest.source != wanted.source:
        script.name, script.updated_at = name, now
    if newest.source != wanted.source:
        if script.version >= MOST_VERSIONS:
            raise Conflict(
                f"This script has {script.version} versions, which is the most.",
                advice="Save it as a new script.",
            )
        await _check_bytes(session, user_id, len(wanted.source.encode()))
        script.version += 1
        newest = await _write(session, script, wanted.source, looked, now)
    elif looked and newest.causality is None:
        _note(newest, looked)
    await session.flush()
    return _saved(script, newest)


async def check_change(session: AsyncSession, user_id: UUID, script_id: UUID, wanted: ScriptChange) -> bool:
    """Whether the source is one that was not tried yet. Raises as ``change`` does before it writes."""
    script = await _owned(session, user_id, script_id)
    await _check_base(session, script, wanted.version)
    newest = await session.get_one(ScriptVersion, (script.id, script.version))
    return newest.source != wanted.source or newest.causality is None


async def _check_base(session: AsyncSession, script: Script, base: int) -> None:
    """Raises ``Conflict``: ``base`` is not the newest version; ``current`` is."""
    if script.version == base:
        return
    newer = await _view(session, script)
    raise Conflict(
        f"Version {newer.version} of this script was saved elsewhere since version {base} was read.",
        advice=f"Take the newer one, or save yours over it with version {newer.version}.",
        current=newer.model_dump(mode="json"),
    )


async def remove(session: AsyncSession, user_id: UUID, script_id: UUID, *, now: datetime) -> None:
    """Delete it with all its versions. If something refers to one of them they stay, and only nobody finds
    the script any more.

    Raises:
        NotFound: it is not this user's.
    """
    script = await _owned(session, user_id, script_id, lock=True)
    if not await repository.forget(session, script_id):
        script.deleted_at = now


async def _owned(session: AsyncSession, user_id: UUID, script_id: UUID, *, lock: bool = False) -> Script:
    script = await repository.script(session, user_id, script_id, lock=lock)
    if script is None:
        raise _no_script()
    return script


async def _check_bytes(session: AsyncSession, user_id: UUID, size: int) -> None:
    if await repository.stored_bytes(session, user_id) + size <= MOST_BYTES:
        return
    await repository.forget_unneeded(session, user_id)
    if await repository.stored_bytes(session, user_id) + size > MOST_BYTES:
        raise Conflict(
            f"The versions of your scripts take {MOST_BYTES // 1024**2} MiB, which is the most.",
            advice="Delete scripts you do not need, and the back-tests and strategies that use them.",
        )


async def _write(
    session: AsyncSession, script: Script, source: str, looked: Looked | None, now: datetime
) -> ScriptVersion:
    row = ScriptVersion(
        script_id=script.id, number=script.version, source=source, sha256=sha256_of(source), created_at=now
    )
    _note(row, looked or Looked())
    session.add(row)
    await session.flush()
    return row


def _note(row: ScriptVersion, looked: Looked) -> None:
    row.title, row.overlay, row.pane = looked.title, looked.overlay, looked.pane
    row.inputs, row.error = looked.inputs, looked.error
    checked = looked.findings.state != "unchecked"
    row.causality = looked.findings.model_dump(mode="json") if checked else None


# --- telling ------------------------------------------------------------------------------------------------


async def _view(session: AsyncSession, script: Script) -> ScriptView:
    newest = await session.get_one(ScriptVersion, (script.id, script.version))
    every: Sequence[ScriptVersion] = await repository.versions(session, script.id)
    return ScriptView.model_validate(
        {
            **_told(script, newest),
            "pane": newest.pane,
            "source": newest.source,
            "sha256": newest.sha256,
            "versions": [VersionSummary.model_validate(row) for row in every],
        }
    )


def _saved(script: Script, newest: ScriptVersion) -> ScriptSaved:
    return ScriptSaved(
        id=script.id,
        name=script.name,
        version=script.version,
        sha256=newest.sha256,
        updated_at=script.updated_at,
    )


def _told(script: Script, newest: ScriptVersion) -> dict[str, Any]:
    return {
        "id": script.id,
        "name": script.name,
        "version": script.version,
        "title": newest.title,
        "overlay": newest.overlay,
        "inputs": newest.inputs,
        "error": newest.error,
        "findings": newest.causality or UNCHECKED,
        "created_at": script.created_at,
        "updated_at": script.updated_at,
    }


def _facts(row: ScriptVersion) -> dict[str, Any]:
    names = ("title", "sha256", "created_at", "source", "overlay", "pane", "inputs", "error")
    return {**{name: getattr(row, name) for name in names}, "findings": row.causality or UNCHECKED}


def _no_script() -> NotFound:
    return NotFound("There is no such script.", advice="GET /api/scripts lists yours.")


def _no_version(number: int) -> NotFound:
    return NotFound(f"This script has no version {number}.", advice="GET /api/scripts/{id} lists them.")
