"""Checking a connection in the worker: every answer a venue can give, and what the user then sees."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from redis.asyncio import Redis
from sqlalchemy import delete, select, text
from tests.accounts.conftest import ManualClock
from tests.accounts.test_keycheck import CROSS, GOOD

from holdfast.accounts import connections, tasks
from holdfast.accounts.doors import doors_of, open_door
from holdfast.accounts.models import Connection, User
from holdfast.accounts.schemas import NewKey
from holdfast.accounts.vault import Vault, VaultBroken, VenueCredentials
from holdfast.core.errors import Conflict, NotFound
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.models import Job
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.venues import registry
from holdfast.venues.protocol import (
    AccountInfo,
    KeyInfo,
    KeyRefused,
    RateLimited,
    Rejected,
    Unreachable,
    VenueError,
    VenuePosition,
)

ZERO = Decimal(0)


def position(symbol: str, *, hedge_mode: bool = False) -> VenuePosition:
    return VenuePosition(symbol, ZERO, ZERO, Decimal(1), ZERO, Decimal(1), None, hedge_mode)


@dataclass
class ScriptedVenue:
    """Answers what the test says, in the words of the venue port."""

    key: KeyInfo = GOOD
    account: AccountInfo = CROSS
    held: list[VenuePosition] = field(default_factory=list)
    error: VenueError | None = None
    closed: bool = False
    built_with: list[tuple[Any, ...]] = field(default_factory=list)

    async def key_info(self) -> KeyInfo:
        if self.error:
            raise self.error
        return self.key

    async def account_info(self) -> AccountInfo:
        return self.account

    async def position_of(self, symbol: str) -> VenuePosition:
        return position(symbol)

    async def positions(self) -> list[VenuePosition]:
        return self.held

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch) -> ScriptedVenue:
    scripted = ScriptedVenue()

    def build(*arguments: Any, **_: Any) -> ScriptedVenue:
        scripted.built_with.append(arguments)
        return scripted

    monkeypatch.setattr(registry, "trading_venue", build)
    return scripted


@pytest.fixture
def work(database: Database, redis: Redis, settings: Settings, clock: ManualClock) -> Work:
    lease = Lease(1, connections.CHECK_JOB, "", 1, 1, clock.now())
    return Work(lease, database, redis, settings, clock, {})


Adder = Callable[..., Awaitable[Connection]]


@pytest.fixture
def add(database: Database, settings: Settings, clock: ManualClock) -> Adder:
    """Writes a connection as the API does; a new user each time unless one is given."""

    async def added(user_id: UUID | None = None, label: str = "Main") -> Connection:
        vault = Vault.from_directory(settings.secrets_dir)
        credentials = VenueCredentials("abcdefgh12345678XY", "secretsecretsecret")
        async with database.transaction() as session:
            user = await session.get(User, user_id) if user_id else None
            if user is None:
                user = User(id=uuid4(), email=None, password_hash=None, is_demo=False, created_at=clock.now())
                session.add(user)
                await session.flush()
            return await connections.add_connection(
                session, user, vault, credentials, label=label, environment="live", now=clock.now()
            )

    return added


async def check(work: Work, connection: Connection, *, attempts: int = 1) -> Exception | None:
    """Run the handler once; what it raised to be run again."""
    lease = replace(work.lease, subject=str(connection.id), attempts=attempts)
    try:
        await tasks.HANDLERS["accounts.check_connection"](replace(work, lease=lease))
    except (RetryAt, RunAgainIn) as again:
        return again
    return None


async def stored(work: Work, connection: Connection) -> Connection:
    async with work.database.transaction() as session:
        return (await session.scalars(select(Connection).where(Connection.id == connection.id))).one()


async def open_jobs(work: Work, kind: str) -> list[str]:
    async with work.database.transaction() as session:
        return list(
            await session.scalars(select(Job.subject).where(Job.kind == kind, Job.finished_at.is_(None)))
        )


async def test_a_good_key_becomes_active_and_is_reconciled(
    work: Work, venue: ScriptedVenue, add: Adder, clock: ManualClock
) -> None:
    connection = await add()
    again = await check(work, connection)
    assert isinstance(again, RunAgainIn)
    assert again.seconds == timedelta(days=1).total_seconds()
    row = await stored(work, connection)
    assert (row.state, row.state_reason, row.venue_uid) == ("active", "", GOOD.uid)
    assert row.checked_at == clock.now()
    assert {finding["level"] for finding in row.checks} == {"ok"}
    assert await open_jobs(work, "execution.reconcile") == [str(connection.id)]
    assert venue.built_with[0][:4] == ("bybit", "live", "abcdefgh12345678XY", "secretsecretsecret")


async def test_a_read_only_key_watches_and_is_reconciled(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    venue.key = replace(GOOD, read_only=True)
    connection = await add()
    await check(work, connection)
    assert (await stored(work, connection)).state == "watch_only"
    assert await open_jobs(work, "execution.reconcile") == [str(connection.id)]


async def test_a_key_that_can_withdraw_is_refused_with_the_reason(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    venue.key = replace(GOOD, permissions=GOOD.permissions | {"Wallet": ["Withdraw"]})
    connection = await add()
    await check(work, connection)
    row = await stored(work, connection)
    assert row.state == "refused"
    assert "Withdraw" in row.state_reason
    assert any(finding["level"] == "refused" and finding["advice"] for finding in row.checks)
    assert await open_jobs(work, "execution.reconcile") == []


async def test_a_key_that_got_worse_stops_trading_at_the_next_check(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    connection = await add()
    await check(work, connection)
    async with work.database.transaction() as session:
        await connections.tradable_connection(session, connection.user_id, connection.id)
    venue.key = replace(GOOD, permissions=GOOD.permissions | {"Wallet": ["AccountTransfer"]})
    await check(work, connection)
    async with work.database.transaction() as session:
        with pytest.raises(Conflict, match="AccountTransfer"):
            await connections.tradable_connection(session, connection.user_id, connection.id)


async def test_positions_stay_watched_when_their_key_may_not_trade_any_more(
    work: Work, venue: ScriptedVenue, add: Adder, clock: ManualClock
) -> None:
    connection = await add()
    await check(work, connection)
    async with work.database.transaction() as session:
        (await session.get_one(Connection, connection.id)).begun_at = clock.now()
    venue.key = replace(GOOD, permissions=GOOD.permissions | {"ContractTrade": ["Position"]})
    await check(work, connection)
    row = await stored(work, connection)
    assert (row.state, "Order" in row.state_reason) == ("watch_only", True)
    assert await open_jobs(work, "execution.reconcile") == [str(connection.id)]


async def test_only_a_verdict_that_is_news_asks_for_a_reconciliation(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    """A refused request of a reconciliation asks for a check: each would call for the other for ever."""
    connection = await add()
    await check(work, connection)
    async with work.database.transaction() as session:
        await session.execute(delete(Job))
    await check(work, connection)
    assert await open_jobs(work, "execution.reconcile") == []
    venue.key = replace(GOOD, read_only=True)
    await check(work, connection)
    assert await open_jobs(work, "execution.reconcile") == [str(connection.id)]


async def test_a_key_that_does_not_work_is_refused_with_advice(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    for code in ("10003", "10004", "10005", "10010", "33004", "9"):
        venue.error = KeyRefused("Bybit does not know this API key.", code=code)
        connection = await add()
        assert isinstance(await check(work, connection), RunAgainIn)
        row = await stored(work, connection)
        assert (row.state, row.state_reason) == ("refused", "Bybit does not know this API key.")
        assert row.checks[0]["advice"]


async def test_a_key_of_another_environment_is_explained(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    venue.error = KeyRefused("API key is invalid.", code="10003")
    connection = await add()
    await check(work, connection)
    assert "environment" in (await stored(work, connection)).checks[0]["advice"]


async def test_a_key_that_worked_and_stops_working_is_failing_and_tried_again(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    connection = await add()
    await check(work, connection)
    venue.error = KeyRefused("The API key has expired.", code="33004")
    again = await check(work, connection)
    assert isinstance(again, RunAgainIn)
    assert again.seconds == timedelta(hours=1).total_seconds()
    assert (await stored(work, connection)).state == "failing"
    assert venue.closed, "a key that does not work is forgotten"
    venue.error = None
    await check(work, connection)
    assert (await stored(work, connection)).state == "active"


async def test_a_venue_that_says_no_is_no_silence(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    venue.error = Rejected("This needs a Unified Trading Account.", code="10028")
    connection = await add()
    await check(work, connection)
    row = await stored(work, connection)
    assert (row.state, row.state_reason) == ("refused", "This needs a Unified Trading Account.")


async def test_silence_changes_no_state_and_is_shown(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    connection = await add()
    for before in ("checking", "active", "watch_only", "failing"):
        async with work.database.transaction() as session:
            await session.execute(text("UPDATE connections SET state = :state"), {"state": before})
        venue.error = Unreachable("Bybit gave no clear answer.")
        assert isinstance(await check(work, connection), RetryAt)
        row = await stored(work, connection)
        assert row.state == before
        assert "Bybit gave no clear answer." in row.state_reason
        venue.error = None
        await check(work, connection)
        row = await stored(work, connection)
        assert (row.state, row.state_reason) == ("active", "")


async def test_retries_back_off_and_respect_the_venues_moment(
    work: Work, venue: ScriptedVenue, add: Adder, clock: ManualClock
) -> None:
    connection = await add()
    venue.error = Unreachable("silence")
    waits = [await check(work, connection, attempts=n) for n in (1, 2, 3, 50)]
    assert [again.seconds for again in waits if isinstance(again, RetryAt)] == [5, 10, 20, 300]
    venue.error = RateLimited("slow down", until=clock.now() + timedelta(minutes=10))
    again = await check(work, connection, attempts=1)
    assert isinstance(again, RetryAt)
    assert again.seconds == 600


async def test_hedge_mode_is_shown(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    venue.held = [position("ETHUSDT", hedge_mode=True), position("SOLUSDT")]
    connection = await add()
    await check(work, connection)
    warnings = [f["message"] for f in (await stored(work, connection)).checks if f["level"] == "warning"]
    assert len(warnings) == 1
    assert "ETHUSDT" in warnings[0]
    assert "SOLUSDT" not in warnings[0]


async def test_one_venue_account_trades_through_one_connection(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    first = await add()
    await check(work, first)
    second, stranger = await add(first.user_id, "Again"), await add()
    for twin in (second, stranger):
        await check(work, twin)
        assert (await stored(work, twin)).state == "refused"
    assert "“Main”" in (await stored(work, second)).state_reason
    assert "Main" not in (await stored(work, stranger)).state_reason, "another user's label is not told"
    await check(work, first)
    assert (await stored(work, first)).state == "active"
    async with work.database.transaction() as session:
        owner = await session.get_one(User, first.user_id)
        await connections.disconnect(session, owner, first.id, _nothing_open, now=work.clock.now())
    await check(work, second)
    assert (await stored(work, second)).state == "active"


async def test_a_connection_that_has_traded_keeps_its_account_while_its_key_fails(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    first = await add()
    await check(work, first)
    venue.error = KeyRefused("The key was deleted.", code="10003")
    await check(work, first)
    venue.error = None
    second = await add(first.user_id, "Again")
    await check(work, second)
    row = await stored(work, second)
    assert (row.state, "“Main”" in row.state_reason) == ("refused", True)
    await check(work, first)
    assert (await stored(work, first)).state == "active"


async def test_a_connection_keeps_to_its_venue_account(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    connection = await add()
    await check(work, connection)
    venue.key = replace(GOOD, uid="999")
    await check(work, connection)
    row = await stored(work, connection)
    assert (row.state, row.venue_uid) == ("refused", GOOD.uid)
    assert "another Bybit account" in row.state_reason
    venue.key = GOOD
    await check(work, connection)
    assert (await stored(work, connection)).state == "active"


async def test_a_refused_key_binds_no_account(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    venue.key = replace(GOOD, permissions={"Wallet": ["Withdraw"]})
    connection = await add()
    await check(work, connection)
    venue.key = replace(GOOD, uid="999")
    await check(work, connection)
    assert ((await stored(work, connection)).state, (await stored(work, connection)).venue_uid) == (
        "active",
        "999",
    )


@pytest.mark.parametrize("error", [None, KeyRefused("no"), Unreachable("silence")])
async def test_findings_about_a_replaced_key_are_not_written_to_the_new_one(
    work: Work,
    venue: ScriptedVenue,
    add: Adder,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    error: VenueError | None,
) -> None:
    connection = await add()

    async def replaced_meanwhile() -> KeyInfo:
        async with work.database.transaction() as session:
            owner = await session.get_one(User, connection.user_id)
            new_key = NewKey(api_key="nextkey12345678", api_secret="nextsecret123456")
            vault = Vault.from_directory(settings.secrets_dir)
            await connections.replace_key(session, owner, connection.id, new_key, vault, now=work.clock.now())
        if error:
            raise error
        return GOOD

    monkeypatch.setattr(venue, "key_info", replaced_meanwhile)
    assert isinstance(await check(work, connection), RetryAt)
    row = await stored(work, connection)
    assert (row.state, row.state_reason, row.checked_at) == ("checking", "", None)


async def test_a_deleted_connection_is_left_alone_and_its_key_forgotten(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    connection = await add()
    await open_door(work, connection.id)
    async with work.database.transaction() as session:
        owner = await session.get_one(User, connection.user_id)
        await connections.disconnect(session, owner, connection.id, _nothing_open, now=work.clock.now())
    assert await check(work, connection) is None
    assert venue.closed
    with pytest.raises(NotFound):
        await open_door(work, connection.id)
    assert (await stored(work, connection)).state == "deleted"


async def test_the_door_is_built_once_and_anew_for_another_key(
    work: Work, venue: ScriptedVenue, add: Adder, settings: Settings
) -> None:
    connection = await add()
    assert await open_door(work, connection.id) is await open_door(work, connection.id)
    assert len(venue.built_with) == 1
    other = VenueCredentials("otherkey12345678", "othersecret12345")
    sealed = Vault.from_directory(settings.secrets_dir).seal(
        other, connection_id=connection.id, user_id=connection.user_id
    )
    async with work.database.transaction() as session:
        await session.execute(text("UPDATE connections SET sealed = :sealed"), {"sealed": sealed})
    await open_door(work, connection.id)
    assert venue.built_with[1][2:4] == ("otherkey12345678", "othersecret12345")
    assert venue.closed


async def test_all_keys_of_a_process_count_against_its_one_address(
    work: Work, venue: ScriptedVenue, add: Adder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without Redis each budget counts alone: one for every key would be as many times too much."""
    budgets = []

    def build(*_: Any, budget: Any, **__: Any) -> ScriptedVenue:
        budgets.append(budget)
        return venue

    monkeypatch.setattr(registry, "trading_venue", build)
    for connection in (await add(), await add()):
        await open_door(work, connection.id)
    assert len(budgets) == 2
    assert budgets[0] is budgets[1]


async def test_keys_that_nobody_asks_for_are_forgotten(
    work: Work, venue: ScriptedVenue, add: Adder, clock: ManualClock
) -> None:
    unused, used = await add(), await add()
    await open_door(work, unused.id)
    for _ in range(3):
        await open_door(work, used.id)
        clock.forward(minutes=21)
    await open_door(work, used.id)
    assert list(doors_of(work)._open) == [used.id]
    assert len(venue.built_with) == 2


async def test_a_machine_without_the_vault_key_blames_no_connection(
    work: Work, venue: ScriptedVenue, add: Adder, settings: Settings
) -> None:
    connection = await add()
    (settings.secrets_dir / "vault.key").unlink()
    with pytest.raises(VaultBroken):
        await check(work, connection)
    assert (await stored(work, connection)).state == "checking"


async def test_a_box_moved_into_another_row_is_refused(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    victim, attacker = await add(), await add()
    async with work.database.transaction() as session:
        await session.execute(
            text("UPDATE connections SET sealed = :sealed WHERE id = :id"),
            {"sealed": victim.sealed, "id": attacker.id},
        )
    with pytest.raises(VaultBroken):
        await open_door(work, attacker.id)
    await check(work, attacker)
    assert (await stored(work, attacker)).state == "refused"
    assert venue.built_with == []


async def test_open_pages_hear_of_the_verdict(
    work: Work, venue: ScriptedVenue, add: Adder, redis: Redis
) -> None:
    connection = await add()
    async with listening(redis, f"user:{connection.user_id}") as next_message:
        await check(work, connection)
        message = orjson.loads(await next_message())
    assert message["topic"] == "connections"
    assert (message["data"]["id"], message["data"]["state"]) == (str(connection.id), "active")


async def test_without_redis_the_check_is_done_all_the_same(
    work: Work, venue: ScriptedVenue, add: Adder
) -> None:
    connection = await add()
    dead = Redis.from_url("redis://127.0.0.1:1/0")
    await check(replace(work, redis=dead), connection)
    await dead.aclose()
    assert (await stored(work, connection)).state == "active"


async def test_at_start_every_key_in_use_is_checked(work: Work, venue: ScriptedVenue, add: Adder) -> None:
    used, refused = await add(), await add()
    async with work.database.transaction() as session:
        await session.execute(text("UPDATE jobs SET finished_at = now()"))
        await session.execute(
            text("UPDATE connections SET state = 'refused' WHERE id = :id"), {"id": refused.id}
        )
        await tasks.ensure_jobs(session, work.clock.now())
        await tasks.ensure_jobs(session, work.clock.now())
    assert await open_jobs(work, connections.CHECK_JOB) == [str(used.id)]


async def _nothing_open(*_: object) -> int:
    return 0


@asynccontextmanager
async def listening(redis: Redis, channel: str) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """Subscribed inside the block; the value waits for the next message."""

    async def next_message() -> bytes:
        message = await pubsub.get_message(timeout=30)
        assert message is not None, "nothing was published"
        data: bytes = message["data"]
        return data

    async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(channel)
        await pubsub.get_message(timeout=30)
        yield next_message
