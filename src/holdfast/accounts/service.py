"""Signing up, in and out."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts import repository
from holdfast.accounts.models import RefreshToken, SignIn, User
from holdfast.accounts.passwords import Passwords, refuse_weak
from holdfast.accounts.schemas import Credentials, NewAccount
from holdfast.accounts.tokens import Tokens, new_refresh_token, token_hash
from holdfast.core.errors import NotSignedIn
from holdfast.core.identity import new_id
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

TWO_TABS_GRACE: Final = timedelta(seconds=10)
"""How long a used refresh token still answers with its one successor."""

WRONG_CREDENTIALS: Final = "The address or the password is wrong."


@dataclass(frozen=True, slots=True)
class Device:
    user_agent: str
    ip: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A living sign-in: ``refresh_token`` goes into the cookie and nowhere else."""

    user: User
    sign_in_id: UUID
    refresh_token: str


def normal_email(email: str) -> str:
    return email.strip().lower()


async def sign_up(database: Database, passwords: Passwords, account: NewAccount, *, now: datetime) -> None:
    """Make the account, or do the same work and change nothing if the address is known.

    Raises:
        InvalidInput: the password is weak.
    """
    email, password = normal_email(account.email), account.password.get_secret_value()
    refuse_weak(password, email)
    user = User(
        id=new_id(), email=email, password_hash=await passwords.hash(password), is_demo=False, created_at=now
    )
    async with database.transaction() as session:
        await repository.add_user_unless_known(session, user)


async def verified_user(database: Database, passwords: Passwords, credentials: Credentials) -> User:
    """Raises ``NotSignedIn``, in the same words and about the same time, whatever was wrong."""
    async with database.transaction() as session:
        user = await repository.user_by_email(session, normal_email(credentials.email))
    password = credentials.password.get_secret_value()
    if not await passwords.verify(user.password_hash if user else None, password) or user is None:
        raise NotSignedIn(WRONG_CREDENTIALS, advice="Check both and try again.")
    return user


async def strengthen_hash(session: AsyncSession, passwords: Passwords, user: User, password: str) -> None:
    """Hash again with today's parameters, now that the password is at hand."""
    if user.password_hash and passwords.outdated(user.password_hash):
        user.password_hash = await passwords.hash(password)
        await session.merge(user)


async def begin_sign_in(
    session: AsyncSession, user: User, device: Device, settings: Settings, *, now: datetime
) -> Issued:
    """Start a new family of refresh tokens."""
    sign_in = SignIn(
        id=new_id(),
        user_id=user.id,
        user_agent=device.user_agent,
        ip=device.ip,
        created_at=now,
        last_used_at=now,
        revoked_at=None,
        revoked_reason="",
    )
    session.add(sign_in)
    await session.flush()
    token = new_refresh_token()
    session.add(_token_row(token, sign_in.id, settings, now))
    return Issued(user, sign_in.id, token)


async def rotate(
    session: AsyncSession, tokens: Tokens, presented: str, settings: Settings, *, now: datetime
) -> Issued | None:
    """Exchange a refresh token for its successor; ``None`` when it is not (or no longer) good.

    A used token presented again revokes its family, because somebody else has a copy. One exception: within
    ``TWO_TABS_GRACE`` and while the successor is unused, the answer is that same successor. Two racing tabs
    thus end with one cookie, and a thief who races gains no branch of their own: whoever uses the shared
    successor second is caught.
    """
    family = await repository.token_family(session, token_hash(presented))
    if family is None or family.SignIn.revoked_at is not None:
        return None
    row = await repository.refresh_token(session, token_hash(presented))
    if row is None or row.expires_at <= now:
        return None
    successor = tokens.successor(presented)
    if row.used_at is None:
        row.used_at = now
        family.SignIn.last_used_at = now
        session.add(_token_row(successor, row.sign_in_id, settings, now))
        await repository.forget_expired_tokens(session, row.sign_in_id, now=now)
    elif not await _repeats_a_race(session, row, successor, now):
        await repository.revoke_sign_in(session, row.sign_in_id, reason="refresh token used twice", now=now)
        return None
    return Issued(family.User, row.sign_in_id, successor)


async def _repeats_a_race(session: AsyncSession, row: RefreshToken, successor: str, now: datetime) -> bool:
    next_row = await repository.refresh_token(session, token_hash(successor))
    recent = row.used_at is not None and now - row.used_at <= TWO_TABS_GRACE
    return recent and next_row is not None and next_row.used_at is None


async def sign_out(session: AsyncSession, presented: str, *, now: datetime) -> None:
    """End the sign-in behind a refresh token; a token nobody knows is no error."""
    family = await repository.token_family(session, token_hash(presented))
    if family is not None:
        await repository.revoke_sign_in(session, family.SignIn.id, reason="signed out", now=now)


def _token_row(token: str, sign_in_id: UUID, settings: Settings, now: datetime) -> RefreshToken:
    return RefreshToken(
        token_hash=token_hash(token),
        sign_in_id=sign_in_id,
        issued_at=now,
        expires_at=now + timedelta(days=settings.refresh_token_days),
        used_at=None,
    )
