"""Who is looking at a chart."""

from uuid import UUID

from starlette.requests import HTTPConnection

from holdfast.accounts.access import current_caller, user_from_token
from holdfast.core.errors import NotSignedIn
from holdfast.platform.web import database_of


async def viewer(connection: HTTPConnection) -> UUID | None:
    """The user whose access token came along; nobody if it is not valid any more."""
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return None
    try:
        async with database_of(connection).transaction() as session:
            return (await user_from_token(connection, session, token.strip())).user.id
    except NotSignedIn:
        return None


async def remember_user(connection: HTTPConnection) -> None:
    """For rooms below the accounts: who is asking, as ``state.user_id``; 401 if nobody is signed in.

    Looked up in a transaction of its own: an upload may take half an hour, and must not hold a connection to
    the database for so long.
    """
    async with database_of(connection).transaction() as session:
        connection.state.user_id = (await current_caller(connection, session)).user.id
