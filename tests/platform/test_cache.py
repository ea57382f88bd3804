"""Answers are found again in memory and in Redis, and never after what they were made of has changed."""

import asyncio
import pickle
import sys
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import text
from tests.conftest import TestServer

from holdfast.platform import cache_redis
from holdfast.platform.cache import LARGEST, Cache, Key, Made, forget, touch
from holdfast.platform.cache_redis import PREFIX, RedisShelf
from holdfast.platform.database import Database

SECRET = b"of this installation"
KEY = Key("bars", ("binance:BTCUSDT", 500))
TAG = "series:binance:BTCUSDT"
LONG = 300.0
IMPATIENT = cache_redis.PATIENCE


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a Redis that is well may be slow."""
    monkeypatch.setattr(cache_redis, "PATIENCE", 30.0)


class Maker:
    """Counts how often it was asked; says what it is told to say."""

    def __init__(self, content: bytes = b"one", *, keep: bool = True) -> None:
        self.content, self.keep, self.calls = content, keep, 0

    async def __call__(self) -> Made:
        self.calls += 1
        return Made(self.content, self.keep)


@asynccontextmanager
async def opened(database: Database, redis_url: str | None, **options: object) -> AsyncIterator[Cache]:
    shelf = RedisShelf(redis_url, SECRET) if redis_url else None
    cache = Cache(database, shelf, **options)  # type: ignore[arg-type]
    await cache.open()
    yield cache
    await cache.close()


@pytest.fixture
async def cache(database: Database, redis_url: str) -> AsyncIterator[Cache]:
    async with opened(database, redis_url) as one:
        yield one


async def change(database: Database, *tags: str) -> None:
    async with database.transaction() as session:
        await touch(session, *tags)


# --- two levels ---------------------------------------------------------------------------------------------


async def test_the_second_time_it_is_found_in_memory(cache: Cache) -> None:
    make = Maker()
    first = await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    again = await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    assert (first, make.calls) == (again, 1)
    assert first.content == b"one"
    assert first.mark
    assert (cache.counts["bars"].made, cache.counts["bars"].memory) == (1, 1)


async def test_another_process_finds_it_in_redis(cache: Cache, database: Database, redis_url: str) -> None:
    await cache.get(KEY, Maker(b"one"), seconds=LONG, tags=(TAG,))
    other_make = Maker(b"two")
    async with opened(database, redis_url) as other:
        found = await other.get(KEY, other_make, seconds=LONG, tags=(TAG,))
        await other.get(KEY, other_make, seconds=LONG, tags=(TAG,))
        assert (found.content, other_make.calls) == (b"one", 0)
        assert (other.counts["bars"].redis, other.counts["bars"].memory) == (1, 1)


async def test_different_questions_have_different_answers(cache: Cache) -> None:
    keys = [
        Key("bars", ("a", 1)),
        Key("bars", ("a", "1")),
        Key("bars", ("a", None)),
        Key("bars", ("a,1",)),
        Key("values", ("a", 1)),
        Key("bars", ("a", 1), owner=uuid4()),
    ]
    for number, key in enumerate(keys):
        await cache.get(key, Maker(b"%d" % number), seconds=LONG)
    found = [(await cache.get(key, Maker(b"!"), seconds=LONG)).content for key in keys]
    assert found == [b"%d" % number for number in range(len(keys))]


async def test_nobody_finds_what_is_somebody_elses(cache: Cache, database: Database, redis_url: str) -> None:
    alice, eve = uuid4(), uuid4()

    async def ask(of: Cache, user: UUID | None, says: bytes) -> bytes:
        return (await of.get(Key("own", ("x",), owner=user), Maker(says), seconds=LONG)).content

    assert await ask(cache, alice, b"alice's") == b"alice's"
    async with opened(database, redis_url) as other:
        for where in (cache, other):
            assert await ask(where, eve, b"eve's") == b"eve's"
            assert await ask(where, None, b"public") == b"public"
            assert await ask(where, alice, b"never said") == b"alice's"


async def test_it_ends_with_its_time_in_both_levels(cache: Cache, redis: Redis) -> None:
    await cache.get(KEY, Maker(b"one"), seconds=LONG)
    [name] = [name async for name in redis.scan_iter(PREFIX + "*")]
    assert 0.9 * LONG - 5 <= await redis.ttl(name) <= LONG
    make = Maker(b"short")
    brief = Key("brief", ())
    await cache.get(brief, make, seconds=0.05)
    async with asyncio.timeout(30):
        while make.calls < 2:
            await asyncio.sleep(0.02)
            await cache.get(brief, make, seconds=0.05)


async def test_what_was_kept_together_does_not_end_together(
    database: Database, redis_url: str, redis: Redis
) -> None:
    draws = iter((0.0, 1.0))
    async with opened(database, redis_url, jitter=lambda: next(draws)) as cache:
        await cache.get(Key("a", ()), Maker(), seconds=LONG)
        await cache.get(Key("b", ()), Maker(), seconds=LONG)
    left = [await redis.ttl(name) async for name in redis.scan_iter(PREFIX + "*")]
    assert max(left) - min(left) >= 0.05 * LONG


async def test_what_is_not_to_be_kept_or_too_large_is_not(cache: Cache, redis: Redis) -> None:
    for make in (Maker(b"fleeting", keep=False), Maker(b"x" * (LARGEST + 1))):
        key = Key("bars", (make.content[:1].decode(),))
        answers = [await cache.get(key, make, seconds=LONG) for _ in range(2)]
        assert make.calls == 2
        assert not any(answer.kept for answer in answers)
    assert [name async for name in redis.scan_iter("*")] == []


async def test_a_process_puts_no_more_into_redis_than_its_allowance(
    database: Database, redis_url: str, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_redis, "ALLOWANCE", 2_500)
    async with opened(database, redis_url) as cache:
        for number in range(10):
            await cache.get(Key("bars", (number,)), Maker(b"x" * 1_000), seconds=LONG)
    assert len([name async for name in redis.scan_iter(PREFIX + "*")]) == 2


async def test_another_version_of_the_program_does_not_understand_it(
    cache: Cache, database: Database, redis_url: str
) -> None:
    await cache.get(KEY, Maker(b"old"), seconds=LONG)
    async with opened(database, redis_url, version="2") as newer:
        assert (await newer.get(KEY, Maker(b"new"), seconds=LONG)).content == b"new"


# --- tags ---------------------------------------------------------------------------------------------------


async def test_after_a_touch_nothing_older_is_found_anywhere(
    cache: Cache, database: Database, redis_url: str
) -> None:
    async with opened(database, redis_url) as other:
        for where in (cache, other):
            await where.get(KEY, Maker(b"old"), seconds=LONG, tags=(TAG, "listings"))
        for tag in (TAG, "listings"):
            await change(database, tag)
            says = b"after " + tag.encode()
            assert (await other.get(KEY, Maker(says), seconds=LONG, tags=(TAG, "listings"))).content == says
            assert (await cache.get(KEY, Maker(b"!"), seconds=LONG, tags=(TAG, "listings"))).content == says


async def test_other_tags_leave_it_alone(cache: Cache, database: Database) -> None:
    make = Maker()
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    await change(database, "series:binance:ETHUSDT", "news")
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    assert make.calls == 1


async def test_what_is_rolled_back_changed_nothing(cache: Cache, database: Database) -> None:
    make = Maker()
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    session = database.sessions()
    await touch(session, TAG)
    await session.close()
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    assert make.calls == 1


async def test_what_was_kept_before_a_tag_had_a_stamp_is_not_found_once_it_has_none_again(
    cache: Cache, database: Database, redis_url: str
) -> None:
    """A removed stamp leaves what was there before the first one: nothing. That must be a new nothing."""
    async with opened(database, redis_url) as other:
        for says in (b"never touched", b"removed once", b"removed twice"):
            for where in (cache, other):
                answer = await where.get(KEY, Maker(says), seconds=LONG, tags=(TAG, "listings"))
                assert answer.content == says
            await change(database, TAG)
            async with database.transaction() as session:
                await forget(session, TAG)


async def test_a_removed_stamp_is_gone_and_others_stay(cache: Cache, database: Database) -> None:
    make = Maker()
    await change(database, TAG, "news")
    await cache.get(KEY, make, seconds=LONG, tags=("news",))
    async with database.transaction() as session:
        await forget(session, TAG)
        left = set(await session.scalars(text("SELECT tag FROM cache_tags")))
    assert TAG not in left
    await cache.get(KEY, make, seconds=LONG, tags=("news",))
    assert make.calls == 1


async def test_a_removal_that_is_rolled_back_changed_nothing(cache: Cache, database: Database) -> None:
    make = Maker()
    await change(database, TAG)
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    session = database.sessions()
    await forget(session, TAG)
    await session.close()
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    assert make.calls == 1


async def test_what_was_read_before_a_write_and_is_finished_after_it_is_never_found(
    cache: Cache, database: Database, redis_url: str
) -> None:
    """The race in which deleting by tag loses: reading, a write and the deletion, keeping what was read."""
    reading, written = asyncio.Event(), asyncio.Event()

    async def slow() -> Made:
        reading.set()
        await written.wait()
        return Made(b"read before the write")

    asked_before = asyncio.create_task(cache.get(KEY, slow, seconds=LONG, tags=(TAG,)))
    await reading.wait()
    await change(database, TAG)
    written.set()
    await asked_before
    async with opened(database, redis_url) as other:
        for where in (cache, other):
            answer = await where.get(KEY, Maker(b"new"), seconds=LONG, tags=(TAG,))
            assert answer.content == b"new"


async def test_who_asks_after_a_write_does_not_join_who_asked_before(
    cache: Cache, database: Database
) -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> Made:
        begun.set()
        await go.wait()
        return Made(b"old")

    before = asyncio.create_task(cache.get(KEY, slow, seconds=LONG, tags=(TAG,)))
    await begun.wait()
    await change(database, TAG)
    after = await cache.get(KEY, Maker(b"new"), seconds=LONG, tags=(TAG,))
    go.set()
    assert ((await before).content, after.content) == (b"old", b"new")


async def test_a_reader_never_sees_older_than_the_last_write_that_ended(
    database: Database, redis_url: str
) -> None:
    """Three processes' caches and a writer that counts up and now and then removes the stamp, each as fast as
    they can."""
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE number (value int)"))
        await session.execute(text("INSERT INTO number VALUES (0)"))
    committed, done = 0, False

    async def read() -> Made:
        async with database.transaction() as session:
            return Made(b"%d" % (await session.execute(text("SELECT value FROM number"))).scalar_one())

    async def write() -> None:
        nonlocal committed, done
        for value in range(1, 60):
            async with database.transaction() as session:
                await session.execute(text("UPDATE number SET value = :value"), {"value": value})
                await (touch if value % 4 else forget)(session, TAG)
            committed = value
            await asyncio.sleep(0.005)
        while min(looks[each] for each in watching) < 10:
            await asyncio.sleep(0.005)
        done = True

    looks: Counter[Cache] = Counter()

    async def watch(cache: Cache) -> None:
        while not done:
            least = committed
            answer = await cache.get(KEY, read, seconds=LONG, tags=(TAG,))
            assert int(answer.content) >= least
            looks[cache] += 1

    async with (
        opened(database, redis_url) as one,
        opened(database, redis_url) as two,
        opened(database, None) as three,
    ):
        watching = (one, two, three)
        await asyncio.gather(write(), *map(watch, watching))
        found = sum(each.counts["bars"].memory for each in (one, two, three))
        assert found > 0, "the cache was never asked for anything it had"


ELSEWHERE = """
    import asyncio, sys
    from holdfast.platform import cache_redis
    from holdfast.platform.cache import Cache, Key, Made, touch
    from holdfast.platform.cache_redis import RedisShelf
    from holdfast.platform.database import Database

    async def main(database_url, redis_url, secret):
        cache_redis.PATIENCE = 30.0
        database = Database(database_url, pool_size=2)
        cache = Cache(database, RedisShelf(redis_url, secret.encode()))
        key = Key("bars", ("binance:BTCUSDT", 500))

        async def make():
            return Made(b"made elsewhere")

        for command in sys.stdin:
            if command.strip() == "touch":
                async with database.transaction() as session:
                    await touch(session, "series:binance:BTCUSDT")
                print("touched", flush=True)
            else:
                got = await cache.get(key, make, seconds=300, tags=("series:binance:BTCUSDT",))
                print(got.content.decode(), flush=True)
        await cache.close()
        await database.close()

    asyncio.run(main(*sys.argv[1:]))
"""


async def test_tags_hold_across_processes(
    cache: Cache, database_url: str, database: Database, redis_url: str, tmp_path: Path
) -> None:
    program = tmp_path / "elsewhere.py"
    program.write_text(textwrap.dedent(ELSEWHERE))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(program), database_url, redis_url, SECRET.decode(),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout

    async def say(command: str) -> str:
        process.stdin.write(f"{command}\n".encode())  # type: ignore[union-attr]
        return (await process.stdout.readline()).decode().strip()  # type: ignore[union-attr]

    async def here(says: bytes) -> bytes:
        return (await cache.get(KEY, Maker(says), seconds=LONG, tags=(TAG,))).content

    try:
        async with asyncio.timeout(60):
            assert await here(b"made here") == b"made here"
            assert await say("get") == "made here"
            assert await say("touch") == "touched"
            assert await here(b"made anew") == b"made anew"
            assert await say("get") == "made anew"
            await change(database, TAG)
            assert await say("get") == "made elsewhere"
            assert await here(b"!") == b"made elsewhere"
    finally:
        process.stdin.close()
        await process.wait()


# --- together -----------------------------------------------------------------------------------------------


async def test_all_who_ask_meanwhile_share_one_making_and_one_look_at_the_stamps(
    database: Database, redis_url: str
) -> None:
    make, go = Maker(), asyncio.Event()

    async def slow() -> Made:
        made = await make()
        await go.wait()
        return made

    async with opened(database, redis_url) as cache:
        asked = [asyncio.create_task(cache.get(KEY, slow, seconds=LONG, tags=(TAG,))) for _ in range(200)]
        async with asyncio.timeout(30):
            while cache.counts["bars"].shared < 199:
                await asyncio.sleep(0.01)
        go.set()
        answers = await asyncio.gather(*asked)
    assert make.calls == 1
    assert {answer.content for answer in answers} == {b"one"}


async def test_who_gives_up_waiting_takes_nothing_from_the_others(cache: Cache) -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def slow() -> Made:
        begun.set()
        await go.wait()
        return Made(b"one")

    first = asyncio.create_task(cache.get(KEY, slow, seconds=LONG))
    await begun.wait()
    second = asyncio.create_task(cache.get(KEY, slow, seconds=LONG))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go.set()
    assert (await second).content == b"one"


async def test_a_failure_is_told_to_all_and_kept_for_nobody(cache: Cache) -> None:
    async def broken() -> Made:
        await asyncio.sleep(0)
        raise LookupError("no such series")

    told = await asyncio.gather(
        *(cache.get(KEY, broken, seconds=LONG) for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in told] == [LookupError] * 3
    assert (await cache.get(KEY, Maker(), seconds=LONG)).content == b"one"


# --- Redis is no friend -------------------------------------------------------------------------------------


class _Bomb:
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return exec, ("import pathlib; pathlib.Path('/tmp/holdfast-was-here').touch()",)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(pickle.dumps(_Bomb()), id="pickle"),
        pytest.param(b"bytes:" + pickle.dumps(_Bomb()), id="pickle as bytes"),
        pytest.param(b"sum:0_" + pickle.dumps(_Bomb()), id="signed with a sum"),
        pytest.param(b"bytes:" + b"\0" * 16 + b"forged", id="forged mark"),
        pytest.param(b"bytes:short", id="too short"),
        pytest.param(b"bytes:", id="empty"),
        pytest.param(b"12345", id="digits"),
        pytest.param(b"json:{}", id="another type"),
    ],
)
async def test_what_others_write_into_redis_is_neither_run_nor_believed(
    database: Database, redis_url: str, redis: Redis, forged: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise AssertionError("something was unpickled")

    monkeypatch.setattr(pickle, "loads", explode)
    async with opened(database, redis_url) as one:
        await one.get(KEY, Maker(b"one"), seconds=LONG)
    [name] = [name async for name in redis.scan_iter(PREFIX + "*")]
    await redis.set(name, forged, ex=100)
    async with opened(database, redis_url) as other:
        assert (await other.get(KEY, Maker(b"two"), seconds=LONG)).content == b"two"
        assert not other.without_redis


async def test_an_answer_under_another_name_is_not_believed(
    database: Database, redis_url: str, redis: Redis
) -> None:
    """Who may write into Redis could copy one user's answer to where another one looks."""
    async with opened(database, redis_url) as one:
        await one.get(Key("own", (), owner=uuid4()), Maker(b"alice's"), seconds=LONG)
        [alices] = [name async for name in redis.scan_iter(PREFIX + "*")]
        eve = Key("own", (), owner=uuid4())
        await one.get(eve, Maker(b"eve's"), seconds=LONG)
    [eves] = [name async for name in redis.scan_iter(PREFIX + "*") if name != alices]
    await redis.set(eves, await redis.get(alices), ex=100)
    async with opened(database, redis_url) as other:
        assert (await other.get(eve, Maker(b"made anew"), seconds=LONG)).content == b"made anew"


async def asks(cache: Cache, database: Database) -> None:
    """Finds, makes and forgets as it should, whatever Redis does; in a bounded time."""
    async with asyncio.timeout(30):
        key = Key("bars", (uuid4().hex,))
        make = Maker(b"old")
        for _ in range(3):
            assert (await cache.get(key, make, seconds=LONG, tags=(TAG,))).content == b"old"
        assert make.calls == 1
        await change(database, TAG)
        assert (await cache.get(key, Maker(b"new"), seconds=LONG, tags=(TAG,))).content == b"new"


async def gives_up_on_redis(cache: Cache) -> None:
    """It is left alone for a while at a time, and then tried again in vain."""
    async with asyncio.timeout(30):
        while not cache.without_redis:
            await cache.get(Key("bars", (uuid4().hex,)), Maker(), seconds=LONG)


async def test_redis_killed_and_back_again(
    database: Database, redis_server: TestServer, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.platform import embedded
    from holdfast.platform.processes import start

    monkeypatch.setattr(cache_redis, "REST_SECONDS", 0.2)
    place = redis_server.server.place
    server = embedded.Redis(place, "secret", durable=False)
    port = embedded.free_port()
    program, url = server.program(port), server.url(port)
    log = (place.home / "redis-cache-test.log").open("wb")
    process = start(program, output=log)
    try:
        async with opened(database, url) as cache, opened(database, url) as other:
            await until(lambda: pings(url))
            await cache.get(KEY, Maker(b"before"), seconds=LONG, tags=(TAG,))
            await asks(cache, database)
            process.kill()
            process.wait()
            await asks(cache, database)
            await gives_up_on_redis(cache)
            await change(database, TAG)  # a write that Redis never hears of
            process = start(program, output=log)
            await until(lambda: pings(url))
            answer = await other.get(KEY, Maker(b"after"), seconds=LONG, tags=(TAG,))
            assert answer.content == b"after"
            async with asyncio.timeout(30):
                while cache.without_redis:
                    await asyncio.sleep(0.05)
            again = Key("bars", ("again",))
            await cache.get(again, Maker(b"shared again"), seconds=LONG)
            found = await other.get(again, Maker(b"!"), seconds=LONG)
            assert found.content == b"shared again"
    finally:
        process.kill()
        process.wait()
        log.close()


async def test_redis_that_takes_connections_and_never_answers(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_redis, "PATIENCE", IMPATIENT)

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with opened(database, f"redis://127.0.0.1:{port}/0") as cache:
        await asks(cache, database)
        await gives_up_on_redis(cache)
        many = [cache.get(Key("bars", (number,)), Maker(), seconds=LONG) for number in range(100)]
        async with asyncio.timeout(30):
            await asyncio.gather(*many)
    server.close()


async def test_no_redis_at_all(database: Database) -> None:
    async with opened(database, None) as cache:
        await asks(cache, database)
    async with opened(database, "redis://127.0.0.1:1/0") as cache:
        await asks(cache, database)


async def test_where_stamps_cannot_be_read_nothing_kept_is_shown(cache: Cache, database: Database) -> None:
    await cache.get(KEY, Maker(b"old"), seconds=LONG, tags=(TAG,))
    async with database.transaction() as session:
        await session.execute(text("ALTER TABLE cache_tags RENAME TO cache_tags_away"))
    try:
        answer = await cache.get(KEY, Maker(b"made"), seconds=LONG, tags=(TAG,))
        assert (answer.content, answer.kept) == (b"made", False)
    finally:
        async with database.transaction() as session:
            await session.execute(text("ALTER TABLE cache_tags_away RENAME TO cache_tags"))


async def test_a_restart_of_postgresql_is_not_even_noticed(cache: Cache, database: Database) -> None:
    make = Maker(b"one")
    await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    async with database.transaction() as session:
        await session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    answer = await cache.get(KEY, make, seconds=LONG, tags=(TAG,))
    assert (answer.kept, make.calls) == (True, 1)


async def pings(url: str) -> bool:
    client = Redis.from_url(url)
    try:
        return bool(await client.ping())
    except Exception:
        return False
    finally:
        await client.aclose()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await true():
            await asyncio.sleep(0.05)
