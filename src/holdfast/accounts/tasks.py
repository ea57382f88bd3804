"""Background work: find out what a connected key may do, at connection and every day."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import orjson
import structlog
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts import repository
from holdfast.accounts.connections import CHECK_JOB
from holdfast.accounts.doors import doors_of, open_door
from holdfast.accounts.keycheck import Finding, KeyState, Level, Verdict, judge_key
from holdfast.accounts.models import Connection
from holdfast.accounts.schemas import ConnectionView
from holdfast.accounts.vault import VaultBroken
from holdfast.core.errors import InvalidInput, NotFound
from holdfast.platform import jobs
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work
from holdfast.venues.protocol import KeyInfo, KeyRefused, RateLimited, Rejected, TradingVenue, VenueError

log = structlog.get_logger(__name__)

RECONCILE_JOB: Final = "execution.reconcile"
DAY_SECONDS: Final = 86_400.0
HOUR_SECONDS: Final = 3_600.0
START_SPACING: Final = timedelta(milliseconds=100)
FIRST_RETRY_SECONDS: Final = 5.0
LONGEST_RETRY_SECONDS: Final = 300.0
PROBE_SYMBOL: Final = "BTCUSDT"
"""Its position row, there even when flat, shows the account's setting for USDT contracts."""

Broken = KeyRefused | Rejected | VaultBroken | InvalidInput

UNKNOWN_KEY: Final = "10003"
SIMULATION_FORGOT: Final = Finding(
    "key",
    Level.REFUSED,
    "The simulated market was started anew and does not know this account any more.",
    "Sign out and try the demo again: you get a fresh account.",
)
KEY_REFUSED_ADVICE: Final = {
    UNKNOWN_KEY: "Keys of the live exchange, testnet and demo trading are different: check that the "
    "environment you chose is the one the key was made in, and that the key still exists.",
    "10004": "Delete this connection and connect again, copying key and secret of the same pair.",
    "10005": "Give the key its permissions at Bybit, then check it again.",
    "10010": "Add the address of this server to the key at Bybit, then check it again.",
    "33004": "Create a new key at Bybit and connect again.",
}


async def check_connection(work: Work) -> None:
    """Judge the key of one connection and write down what was found.

    Raises:
        RetryAt: the venue does not answer; the state stays as it was.
        RunAgainIn: the next regular check.
        VaultBroken: this machine has no vault key, which says nothing about the connection.
    """
    connection_id = UUID(work.lease.subject)
    doors = doors_of(work)
    async with work.database.transaction() as session:
        subject = await repository.living_connection(session, connection_id)
    if subject is None:
        return await doors.shut(connection_id)
    try:
        venue = await open_door(work, connection_id)
        key = await venue.key_info()
        account = await venue.account_info()
        hedged = await _hedged_symbols(venue)
    except NotFound:
        return None
    except (KeyRefused, Rejected, VaultBroken, InvalidInput) as error:
        await _note_broken(work, subject, error)
    except VenueError as error:
        await _note_silence(work, subject, error)
    else:
        has_books = subject.begun_at is not None
        verdict = judge_key(key, account, hedged_symbols=hedged, has_books=has_books, now=work.clock.now())
        await _note_verdict(work, subject, key, verdict)


HANDLERS: Final[dict[str, Handler]] = {CHECK_JOB: check_connection}


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    """At start every key in use is checked, one after another."""
    for place, connection_id in enumerate(await repository.connections_in_use(session)):
        await jobs.enqueue(
            session, CHECK_JOB, str(connection_id), now=now, run_at=now + place * START_SPACING
        )


async def _hedged_symbols(venue: TradingVenue) -> list[str]:
    rows = [await venue.position_of(PROBE_SYMBOL), *await venue.positions()]
    return sorted({row.symbol for row in rows if row.hedge_mode})


async def _locked(session: AsyncSession, subject: Connection) -> Connection | None:
    """The row to write the findings to; ``None`` once deleted.

    Raises:
        RetryAt: the key was replaced meanwhile, so the findings are about another one.
    """
    connection = await repository.living_connection(session, subject.id, lock=True)
    if connection is not None and connection.sealed != subject.sealed:
        raise RetryAt(0, "the key was replaced while it was checked")
    return connection


async def _note_verdict(work: Work, subject: Connection, key: KeyInfo, verdict: Verdict) -> None:
    now = work.clock.now()
    async with work.database.transaction() as session:
        connection = await _locked(session, subject)
        if connection is None:
            return
        verdict = await _refuse_account(session, connection, key, verdict)
        is_news = connection.state != verdict.state
        connection.state, connection.state_reason = verdict.state, verdict.reason
        connection.checks = _as_json(verdict.findings)
        connection.key_expires_at = key.expires_at
        connection.checked_at = now
        if verdict.state is not KeyState.REFUSED:
            connection.venue_uid = key.uid
        if verdict.state is KeyState.ACTIVE:
            connection.could_trade_at = now
        if is_news and (verdict.state is not KeyState.REFUSED or connection.could_trade_at):
            await jobs.enqueue(session, RECONCILE_JOB, str(subject.id), now=now)
    await _publish(work, connection)
    log.info("connection checked", connection=str(subject.id), state=verdict.state, reason=verdict.reason)
    raise RunAgainIn(DAY_SECONDS)


async def _refuse_account(
    session: AsyncSession, connection: Connection, key: KeyInfo, verdict: Verdict
) -> Verdict:
    """Books belong to one venue account: its key may be replaced by another of its own only, and two
    connections trading on it would each take the other's positions for a stranger's."""
    if connection.venue_uid not in ("", key.uid):
        return _refused(
            verdict,
            "This key belongs to another Bybit account than the one connected here.",
            f"Use a key of account {connection.venue_uid}, or connect the other account anew.",
        )
    if verdict.state is not KeyState.ACTIVE:
        return verdict
    twin = await repository.trading_twin(session, connection, key.uid)
    if twin is None:
        return verdict
    known_as = f" as “{twin.label}”" if twin.user_id == connection.user_id else ""
    return _refused(
        verdict,
        f"This Bybit account is connected already{known_as}.",
        "Replace the other connection's key, or delete it first; or use a sub-account.",
    )


def _refused(verdict: Verdict, message: str, advice: str) -> Verdict:
    finding = Finding("account", Level.REFUSED, message, advice)
    return Verdict(KeyState.REFUSED, (finding, *verdict.findings))


async def _note_broken(work: Work, subject: Connection, error: Broken) -> None:
    """The key does not work. One that used to is ``failing`` and is tried again; a new one is refused."""
    finding = _broken(error, simulated=subject.environment == "simulated")
    async with work.database.transaction() as session:
        connection = await _locked(session, subject)
        if connection is None:
            return
        worked_before = connection.state in ("active", "watch_only", "failing")
        if worked_before and connection.state != "failing":
            await jobs.enqueue(session, RECONCILE_JOB, str(subject.id), now=work.clock.now())
        connection.state = "failing" if worked_before else "refused"
        connection.state_reason, connection.checks = finding.message, _as_json([finding])
        connection.checked_at = work.clock.now()
    await doors_of(work).shut(subject.id)
    await _publish(work, connection)
    log.warning("connection does not work", connection=str(subject.id), state=connection.state)
    raise RunAgainIn(HOUR_SECONDS if worked_before else DAY_SECONDS)


def _broken(error: Broken, *, simulated: bool) -> Finding:
    advice = error.advice if isinstance(error, InvalidInput) else ""
    if isinstance(error, KeyRefused):
        if simulated and error.code == UNKNOWN_KEY:
            return SIMULATION_FORGOT
        advice = KEY_REFUSED_ADVICE.get(error.code, "Correct the key at Bybit, then check it again.")
    return Finding("key", Level.REFUSED, str(error), advice)


async def _note_silence(work: Work, subject: Connection, error: VenueError) -> None:
    """Silence says nothing about the key: the state stays, the reason is shown, the venue is asked again."""
    async with work.database.transaction() as session:
        connection = await _locked(session, subject)
        if connection is None:
            return
        connection.state_reason = f"The last check could not be done: {error}"
    await _publish(work, connection)
    raise RetryAt(_retry_seconds(work, error), str(error))


def _retry_seconds(work: Work, error: VenueError) -> float:
    if isinstance(error, RateLimited):
        return max(1.0, (error.until - work.clock.now()) / timedelta(seconds=1))
    return min(FIRST_RETRY_SECONDS * 2.0 ** min(work.lease.attempts - 1, 10), LONGEST_RETRY_SECONDS)


def _as_json(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [asdict(each) for each in findings]


async def _publish(work: Work, connection: Connection) -> None:
    """Tell open pages. Best effort: they read the database when they reconnect."""
    view = ConnectionView.model_validate(connection).model_dump(mode="json")
    message = orjson.dumps({"topic": "connections", "data": view})
    try:
        await work.redis.publish(f"user:{connection.user_id}", message)
    except (RedisError, OSError) as error:
        log.warning("not published: Redis does not answer", error=type(error).__name__)
