"""Every query of the accounts room."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Row, and_, delete, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection, RefreshToken, SignIn, User


async def user_by_email(session: AsyncSession, email: str) -> User | None:
    found: User | None = await session.scalar(select(User).where(User.email == email))
    return found


async def lock_user(session: AsyncSession, user_id: UUID) -> None:
    """One at a time changes what this user keeps."""
    await session.execute(select(User.id).where(User.id == user_id).with_for_update(key_share=True))


async def add_user_unless_known(session: AsyncSession, user: User) -> None:
    """Write ``user``, or nothing if somebody has this address."""
    row = {column.key: getattr(user, column.key) for column in User.__table__.columns}
    await session.execute(insert(User).values(row).on_conflict_do_nothing(index_elements=[User.email]))


async def signed_in_user(session: AsyncSession, user_id: UUID, sign_in_id: UUID) -> User | None:
    """The user, if this sign-in is theirs and not revoked."""
    living = (SignIn.id == sign_in_id) & (SignIn.user_id == User.id) & SignIn.revoked_at.is_(None)
    found: User | None = await session.scalar(select(User).join(SignIn, living).where(User.id == user_id))
    return found


async def token_family(session: AsyncSession, token_hash: bytes) -> Row[tuple[SignIn, User]] | None:
    """The sign-in a refresh token belongs to, locked: rotations of one family happen one after another."""
    family = (
        select(SignIn, User)
        .join(RefreshToken, RefreshToken.sign_in_id == SignIn.id)
        .join(User, User.id == SignIn.user_id)
        .where(RefreshToken.token_hash == token_hash)
        .with_for_update(of=SignIn)
    )
    return (await session.execute(family)).one_or_none()


async def refresh_token(session: AsyncSession, token_hash: bytes) -> RefreshToken | None:
    return await session.get(RefreshToken, token_hash, populate_existing=True)


async def forget_expired_tokens(session: AsyncSession, sign_in_id: UUID, *, now: datetime) -> None:
    expired = (RefreshToken.sign_in_id == sign_in_id) & (RefreshToken.expires_at <= now)
    await session.execute(delete(RefreshToken).where(expired))


async def revoke_sign_in(session: AsyncSession, sign_in_id: UUID, *, reason: str, now: datetime) -> None:
    await _revoke(session, SignIn.id, sign_in_id, reason, now)


async def revoke_all_sign_ins(session: AsyncSession, user_id: UUID, *, reason: str, now: datetime) -> None:
    await _revoke(session, SignIn.user_id, user_id, reason, now)


async def _revoke(session: AsyncSession, column: object, value: UUID, reason: str, now: datetime) -> None:
    living = update(SignIn).where(column == value, SignIn.revoked_at.is_(None))  # type: ignore[arg-type]
    await session.execute(living.values(revoked_at=now, revoked_reason=reason))


async def living_sign_ins(session: AsyncSession, user_id: UUID, *, used_after: datetime) -> Sequence[SignIn]:
    living = (
        select(SignIn)
        .where(SignIn.user_id == user_id, SignIn.revoked_at.is_(None), SignIn.last_used_at > used_after)
        .order_by(SignIn.last_used_at.desc())
    )
    return (await session.scalars(living)).all()


async def connections_of(session: AsyncSession, *users: UUID) -> Sequence[Connection]:
    """Those of the users, oldest first."""
    mine = (
        select(Connection)
        .where(Connection.user_id.in_(users), Connection.deleted_at.is_(None))
        .order_by(Connection.created_at, Connection.id)
    )
    return (await session.scalars(mine)).all()


async def connection_of(
    session: AsyncSession, user_id: UUID, connection_id: UUID, *, lock: bool = False
) -> Connection | None:
    """The user's own connection that is not deleted; ``lock`` holds it until the transaction ends, but
    keeps nobody from writing rows that name it: whoever sends orders does so under the user's risk lock."""
    mine = select(Connection).where(
        Connection.id == connection_id, Connection.user_id == user_id, Connection.deleted_at.is_(None)
    )
    found: Connection | None = await session.scalar(mine.with_for_update(key_share=True) if lock else mine)
    return found


async def living_connection(
    session: AsyncSession, connection_id: UUID, *, lock: bool = False
) -> Connection | None:
    """Any user's connection that is not deleted: for background work only. ``lock`` as above."""
    living = select(Connection).where(Connection.id == connection_id, Connection.deleted_at.is_(None))
    held = living.with_for_update(key_share=True) if lock else living
    found: Connection | None = await session.scalar(held)
    return found


async def connection_count(session: AsyncSession, user_id: UUID) -> int:
    mine = select(func.count()).where(Connection.user_id == user_id, Connection.deleted_at.is_(None))
    return await session.scalar(mine) or 0


async def trading_twin(session: AsyncSession, connection: Connection, venue_uid: str) -> Connection | None:
    """Another connection that trades on the same account of the venue; for one that never could, also one
    that did and may again, because positions may stand in its books. Simulated accounts are handed out one by
    one, and a simulator that was started anew counts from the beginning: they have no twins.

    Takes a lock on that account until the transaction ends, so two checks cannot both find none.
    """
    if connection.environment == "simulated":
        return None
    name = f"venue account:{connection.venue}:{connection.environment}:{venue_uid}"
    await session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})
    trades = Connection.state == "active"
    if connection.could_trade_at is None:
        has_traded = Connection.could_trade_at.is_not(None)
        trades = or_(trades, and_(has_traded, Connection.state != "refused"))
    twin = select(Connection).where(
        Connection.id != connection.id,
        Connection.venue == connection.venue,
        Connection.environment == connection.environment,
        Connection.venue_uid == venue_uid,
        trades,
        Connection.deleted_at.is_(None),
    )
    found: Connection | None = await session.scalar(twin.limit(1))
    return found


async def connections_in_use(session: AsyncSession) -> Sequence[UUID]:
    """Those whose key should go on being checked."""
    states = ("checking", "active", "watch_only", "failing")
    in_use = select(Connection.id).where(Connection.deleted_at.is_(None), Connection.state.in_(states))
    return (await session.scalars(in_use)).all()
