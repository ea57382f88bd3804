"""Connecting a venue: seal the key, have it checked, let it go again."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts import repository
from holdfast.accounts.models import Connection, User
from holdfast.accounts.schemas import NewConnection, NewKey
from holdfast.accounts.tokens import Tokens
from holdfast.accounts.vault import Vault, VenueCredentials
from holdfast.core.errors import Conflict, InvalidInput, NotFound
from holdfast.core.identity import new_id
from holdfast.platform import jobs
from holdfast.platform.settings import Settings

CHECK_JOB: Final = "accounts.check_connection"
MAX_CONNECTIONS: Final = 20
_KEY: Final = re.compile(r"[A-Za-z0-9_-]{8,128}")
_SECRET: Final = re.compile(r"[A-Za-z0-9_-]{8,256}")

HoldingsGuard = Callable[[AsyncSession, UUID], Awaitable[int]]
"""How many positions are not over on a connection; answered by a floor above, wired by the app."""


class ConnectionIntent(BaseModel):
    """What makes two requests to connect the same request, without the secret itself."""

    venue: str
    environment: str
    label: str
    key_fingerprint: str

    @staticmethod
    def of(wanted: NewConnection, tokens: Tokens) -> "ConnectionIntent":
        pair = f"{wanted.api_key.get_secret_value()}\n{wanted.api_secret.get_secret_value()}"
        return ConnectionIntent(
            venue=wanted.venue,
            environment=wanted.environment,
            label=wanted.label,
            key_fingerprint=tokens.fingerprint(pair),
        )


async def connect(
    session: AsyncSession,
    user: User,
    wanted: NewConnection,
    vault: Vault,
    settings: Settings,
    *,
    now: datetime,
) -> Connection:
    """Seal the key and have it checked by a worker.

    Raises:
        InvalidInput: malformed key or secret, blank label, or an environment not served here.
        Conflict: the user has ``MAX_CONNECTIONS`` already.
    """
    _refuse_environment(wanted.environment, settings)
    credentials = _well_formed(wanted)
    label = wanted.label.strip()
    if not label or not label.isprintable():
        raise InvalidInput(
            "The label is blank or has characters that cannot be shown.",
            advice="Give the connection a name you will recognise.",
        )
    if await repository.connection_count(session, user.id) >= MAX_CONNECTIONS:
        raise Conflict(f"You have {MAX_CONNECTIONS} connections.", advice="Delete one you no longer need.")
    return await add_connection(
        session, user, vault, credentials, label=label, environment=wanted.environment, now=now
    )


async def add_connection(
    session: AsyncSession,
    user: User,
    vault: Vault,
    credentials: VenueCredentials,
    *,
    label: str,
    environment: Literal["live", "testnet", "demo", "simulated"],
    now: datetime,
) -> Connection:
    connection_id = new_id()
    connection = Connection(
        id=connection_id,
        user_id=user.id,
        venue="bybit",
        environment=environment,
        label=label,
        sealed=vault.seal(credentials, connection_id=connection_id, user_id=user.id),
        key_hint=_hint(credentials),
        state="checking",
        state_reason="",
        checks=[],
        venue_uid="",
        created_at=now,
    )
    session.add(connection)
    await session.flush()
    await jobs.enqueue(session, CHECK_JOB, str(connection_id), now=now)
    return connection


async def own_connection(session: AsyncSession, user: User, connection_id: UUID) -> Connection:
    """Raises ``NotFound`` also for somebody else's."""
    connection = await repository.connection_of(session, user.id, connection_id)
    return connection or _no_such_connection()


async def tradable_connection(session: AsyncSession, user_id: UUID, connection_id: UUID) -> Connection:
    """The user's connection, locked until the transaction ends, if it may trade now.

    Raises:
        NotFound: no such connection of this user.
        Conflict: its key is being checked, only watches, was refused, or does not work.
    """
    connection = await repository.connection_of(session, user_id, connection_id, lock=True)
    connection = connection or _no_such_connection()
    if connection.state != "active":
        reason = connection.state_reason or f"it is {connection.state.replace('_', ' ')}"
        raise Conflict(
            f"“{connection.label}” cannot trade: {reason}",
            advice="See the connection's checks, correct the key at the venue, and check it again.",
        )
    return connection


async def check_again(session: AsyncSession, user: User, connection_id: UUID, *, now: datetime) -> None:
    """A connection that trades, or did, goes on being watched while it is checked."""
    connection = await repository.connection_of(session, user.id, connection_id, lock=True)
    connection = connection or _no_such_connection()
    if connection.state == "refused":
        connection.state, connection.state_reason = "checking", ""
    await jobs.enqueue(session, CHECK_JOB, str(connection_id), now=now)


async def replace_key(
    session: AsyncSession, user: User, connection_id: UUID, wanted: NewKey, vault: Vault, *, now: datetime
) -> Connection:
    """Give a connection the next key of the same venue account, so that positions outlive their key.

    Nothing trades until a worker has judged the new key.

    Raises:
        NotFound: no such connection of this user.
        InvalidInput: malformed key or secret.
    """
    credentials = _well_formed(wanted)
    connection = await repository.connection_of(session, user.id, connection_id, lock=True)
    connection = connection or _no_such_connection()
    connection.sealed = vault.seal(credentials, connection_id=connection.id, user_id=user.id)
    connection.key_hint, connection.key_expires_at = _hint(credentials), None
    connection.state, connection.state_reason, connection.checks = "checking", "", []
    await jobs.enqueue(session, CHECK_JOB, str(connection_id), now=now)
    return connection


async def disconnect(
    session: AsyncSession, user: User, connection_id: UUID, holdings: HoldingsGuard, *, now: datetime
) -> None:
    """Destroy the secret and hide the connection; its history stays.

    Raises:
        NotFound: no such connection of this user.
        Conflict: positions are not over on it.
    """
    connection = await repository.connection_of(session, user.id, connection_id, lock=True)
    connection = connection or _no_such_connection()
    held = await holdings(session, connection_id)
    if held:
        positions = "1 position is" if held == 1 else f"{held} positions are"
        raise Conflict(
            f"{positions} still open on “{connection.label}”.",
            advice="Close them first: without the key Holdfast could not.",
        )
    connection.sealed = None
    connection.state, connection.state_reason = "deleted", ""
    connection.deleted_at = now


def _refuse_environment(environment: str, settings: Settings) -> None:
    if (environment == "simulated") == settings.simulated:
        return
    if settings.simulated:
        raise InvalidInput(
            "This is a demo: it trades on a simulated market only, and takes no real keys.",
            advice="To connect a real account, start Holdfast with HOLDFAST_MODE=live.",
        )
    raise InvalidInput(
        "There is no simulated market here.",
        advice="Choose live, testnet or demo, whichever the key is from.",
    )


def _well_formed(wanted: NewKey) -> VenueCredentials:
    key, secret = wanted.api_key.get_secret_value().strip(), wanted.api_secret.get_secret_value().strip()
    if not _KEY.fullmatch(key):
        raise InvalidInput(
            "This is not a Bybit API key.", advice="Copy it again from Bybit: letters and digits, no spaces."
        )
    if "BEGIN" in secret or not _SECRET.fullmatch(secret):
        raise InvalidInput(
            "This is not a Bybit API secret.",
            advice="Choose “System-generated API keys” at Bybit and copy the secret it shows once.",
        )
    if key == secret:
        raise InvalidInput(
            "Key and secret are the same.", advice="Copy the secret that Bybit shows beside the key."
        )
    return VenueCredentials(key, secret)


def _hint(credentials: VenueCredentials) -> str:
    return f"…{credentials.api_key[-4:]}"


def _no_such_connection() -> Connection:
    raise NotFound("You have no such connection.", advice="See the list of your connections.")
