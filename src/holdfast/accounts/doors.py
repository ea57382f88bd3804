"""From a connection to the venue behind it. Worker processes only: here the vault is opened."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from holdfast.accounts import repository
from holdfast.accounts.models import Connection
from holdfast.accounts.vault import OpenVault, VenueCredentials
from holdfast.core.errors import NotFound
from holdfast.platform.tasks import Work
from holdfast.venues import registry
from holdfast.venues.bybit.budget import Budget
from holdfast.venues.protocol import AccountStream, TradingVenue

_SERVICE: Final = "accounts.doors"
FORGET_AFTER: Final = timedelta(hours=1)
"""A client nobody asked for in so long is dropped: its connection may be deleted, its key destroyed."""


@dataclass(slots=True)
class _Door:
    digest: bytes
    venue: TradingVenue
    asked_at: datetime


@dataclass(slots=True)
class Doors:
    """The opened vault of this process, and one venue client per connection. They share one rate budget: all
    leave by one address, and without Redis only this process counts them."""

    vault: OpenVault
    _open: dict[UUID, _Door] = field(default_factory=dict)
    _budgets: dict[str, Budget] = field(default_factory=dict)

    async def venue(self, connection: Connection, work: Work) -> TradingVenue:
        """The client for this connection, made anew when the sealed key has changed."""
        if connection.sealed is None:
            raise _gone()
        digest, now = hashlib.sha256(connection.sealed).digest(), work.clock.now()
        self._forget_unused(now)
        known = self._open.get(connection.id)
        if known and known.digest == digest:
            known.asked_at = now
            return known.venue
        credentials = self._credentials(connection)
        if connection.venue not in self._budgets:
            self._budgets[connection.venue] = registry.shared_budget(
                connection.venue, work.redis, work.clock, work.settings.home
            )
        venue = registry.trading_venue(
            connection.venue,
            connection.environment,
            credentials.api_key,
            credentials.api_secret,
            work.settings,
            budget=self._budgets[connection.venue],
            clock=work.clock,
        )
        self._open[connection.id] = _Door(digest, venue, now)
        if known:
            await known.venue.close()
        return venue

    async def stream(self, connection: Connection, work: Work) -> AccountStream:
        """A new stream of what happens on this connection's account."""
        venue = await self.venue(connection, work)
        credentials = self._credentials(connection)
        return registry.account_stream(
            connection.venue,
            connection.environment,
            credentials.api_key,
            credentials.api_secret,
            work.settings,
            venue_time=venue.server_time,
        )

    def _credentials(self, connection: Connection) -> VenueCredentials:
        if connection.sealed is None:
            raise _gone()
        return self.vault.open(connection.sealed, connection_id=connection.id, user_id=connection.user_id)

    async def shut(self, connection_id: UUID) -> None:
        """Forget the key of a connection."""
        known = self._open.pop(connection_id, None)
        if known:
            await known.venue.close()

    def _forget_unused(self, now: datetime) -> None:
        """Without closing: whoever still holds the client, as a stream does, goes on using it."""
        self._open = {key: door for key, door in self._open.items() if now - door.asked_at <= FORGET_AFTER}

    async def close(self) -> None:
        """Forget every key; for the end of the process."""
        for connection_id in list(self._open):
            await self.shut(connection_id)


def doors_of(work: Work) -> Doors:
    """This process's doors, opened at the first use.

    Raises:
        VaultBroken: the private key is not on this machine.
    """
    if _SERVICE not in work.services:
        work.services[_SERVICE] = Doors(OpenVault.from_directory(work.settings.secrets_dir))
    return cast(Doors, work.services[_SERVICE])


async def open_door(work: Work, connection_id: UUID) -> TradingVenue:
    """The venue behind a connection, with its key. Whether the connection may *trade* is not judged here: its
    state says that.

    Raises:
        NotFound: there is no such connection (any more).
        VaultBroken: the sealed key cannot be opened, or belongs to another connection.
        InvalidInput: this installation does not serve the connection's environment.
        KeyRefused: what was sealed cannot be a key.
    """
    return await doors_of(work).venue(await _living(work, connection_id), work)


async def open_stream(work: Work, connection_id: UUID) -> AccountStream:
    """What the venue pushes about a connection's account. Raises as ``open_door``."""
    return await doors_of(work).stream(await _living(work, connection_id), work)


async def _living(work: Work, connection_id: UUID) -> Connection:
    async with work.database.transaction() as session:
        connection = await repository.living_connection(session, connection_id)
    if connection is None:
        await doors_of(work).shut(connection_id)
        raise _gone()
    return connection


def _gone() -> NotFound:
    return NotFound("This connection was deleted.", advice="Connect the venue again.")
