"""Who is asking."""

from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import HTTPConnection

from holdfast.accounts import repository
from holdfast.accounts.models import User
from holdfast.accounts.tools import tools_of
from holdfast.core.errors import NotSignedIn
from holdfast.platform.web import SessionDep, now_of


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user, and the sign-in they came by."""

    user: User
    sign_in_id: UUID


async def user_from_token(connection: HTTPConnection, session: AsyncSession, token: str) -> Caller:
    """Whom an access token speaks for; ``connection`` is the request or the WebSocket it came with.

    The sign-in is looked up every time, so signing out takes effect at once.

    Raises:
        NotSignedIn: wrong, expired or revoked.
    """
    claims = tools_of(connection).tokens.read_access(token, now=now_of(connection))
    user = await repository.signed_in_user(session, claims.user_id, claims.sign_in_id)
    if user is None:
        raise NotSignedIn("This sign-in has ended.", advice="Sign in again.")
    return Caller(user, claims.sign_in_id)


async def current_caller(connection: HTTPConnection, session: SessionDep) -> Caller:
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NotSignedIn("This request carries no access token.", advice="Sign in first.")
    return await user_from_token(connection, session, token.strip())


CallerDep = Annotated[Caller, Depends(current_caller)]


async def current_user(caller: CallerDep) -> User:
    return caller.user


UserDep = Annotated[User, Depends(current_user)]
"""The signed-in user; 401 otherwise."""
