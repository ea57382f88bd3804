"""The poller against the simulated Marketaux: within the quota, nothing twice, the token nowhere."""

import asyncio
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import structlog
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from sqlalchemy import func, select
from tests.news.conftest import Clock

from holdfast.news import live, repository
from holdfast.news.marketaux import NAME, Marketaux, MarketauxError
from holdfast.news.models import NewsArticle, NewsMention, NewsSource
from holdfast.news.schemas import FeedState
from holdfast.news.tasks import poll
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, RunAgainIn, Work
from holdfast.platform.telemetry import clean_text
from holdfast.sim.world import WORLD

SECRET = "s3cret-of-the-operator"
QUARTER = timedelta(minutes=15)


async def polled(work: Work) -> float:
    with pytest.raises((RunAgainIn, RetryAt)) as again:
        await poll(work)
    return float(again.value.seconds)


async def stored(work: Work) -> list[NewsArticle]:
    async with work.database.transaction() as session:
        return list(await session.scalars(select(NewsArticle).order_by(NewsArticle.known_at)))


async def source(work: Work) -> NewsSource:
    async with work.database.transaction() as session:
        return await session.get_one(NewsSource, NAME)


async def test_without_coins_no_call_is_spent(work: Work) -> None:
    with pytest.raises(RetryAt, match="coins"):
        await poll(work)
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(NewsSource)) == 0


@pytest.mark.usefixtures("known_coins")
async def test_a_poll_keeps_what_is_new_and_when_it_became_known(work: Work, clock: Clock) -> None:
    assert await polled(work) == QUARTER.total_seconds()
    first = await stored(work)
    mains = [one for one in first if one.similar_to is None]
    assert len(mains) == 3
    assert all(one.known_at == clock.now() >= one.published_at for one in first)
    clock.advance(timedelta(hours=1))
    await polled(work)
    again = {one.id: one for one in await stored(work)}
    assert len(again) > len(first)
    assert all(again[one.id].known_at == one.known_at for one in first)
    async with work.database.transaction() as session:
        assert await session.scalar(select(func.count()).select_from(NewsMention)) > 0


@pytest.mark.usefixtures("known_coins")
async def test_calls_keep_their_distance_whatever_is_restarted(work: Work, clock: Clock) -> None:
    await polled(work)
    clock.advance(timedelta(minutes=5))
    assert await polled(work) == 600
    assert (await source(work)).calls == 1
    clock.advance(timedelta(minutes=10))
    assert await polled(work) == QUARTER.total_seconds()
    assert (await source(work)).calls == 2


@pytest.mark.usefixtures("known_coins")
async def test_a_whole_day_stays_within_the_free_quota(work: Work, clock: Clock) -> None:
    clock.advance(timedelta(hours=11, minutes=25, seconds=38.7))
    for _ in range(96):
        await polled(work)
        clock.advance(QUARTER)
    assert (await source(work)).problem == ""
    rows = await stored(work)
    assert len({one.id for one in rows}) == len(rows)
    assert len(rows) > 150


async def test_our_own_count_ends_the_day(database: Database) -> None:
    async def turn(now: datetime) -> timedelta | None:
        async with database.transaction() as session:
            return await repository.take_turn(
                session, NAME, now=now, interval=timedelta(minutes=1), per_day=2
            )

    start = datetime(2026, 11, 20, 22, tzinfo=UTC)
    midnight = datetime(2026, 11, 21, tzinfo=UTC)
    assert [await turn(start + timedelta(minutes=minute)) for minute in (0, 1)] == [None, None]
    assert await turn(start + timedelta(minutes=2)) == midnight - start - timedelta(minutes=2)
    assert await turn(midnight - timedelta(seconds=1)) == timedelta(seconds=1)
    assert await turn(midnight) is None


async def test_two_workers_do_not_take_one_turn_twice(database: Database, clock: Clock) -> None:
    async def turn() -> timedelta | None:
        async with database.transaction() as session:
            return await repository.take_turn(session, NAME, now=clock.now(), interval=QUARTER, per_day=9)

    turns = await asyncio.gather(*(turn() for _ in range(4)))
    assert sorted(one is None for one in turns) == [False, False, False, True]


@pytest.mark.usefixtures("known_coins")
async def test_after_402_there_is_silence_until_midnight(work: Work, clock: Clock, sim: TestServer) -> None:
    token = work.settings.news_token
    spender = Marketaux(work.settings.news_url, token)
    for _ in range(100):
        clock.advance(timedelta(seconds=2))
        await spender.latest()
    await spender.close()
    wait = await polled(work)
    row = await source(work)
    assert row.problem == FeedState.QUOTA
    assert (clock.now() + timedelta(seconds=wait)).strftime("%H:%M:%S") == "00:00:00"
    clock.advance(timedelta(seconds=wait - 60))
    assert await polled(work) == pytest.approx(60)
    assert (await source(work)).calls == row.calls
    clock.advance(timedelta(seconds=60))
    await polled(work)
    assert (await source(work)).problem == ""


@pytest.mark.parametrize(
    ("fault", "state", "least"),
    [
        ("rate_limit", FeedState.UNREACHABLE, 60),
        ("maintenance", FeedState.UNREACHABLE, 60),
        ("error_500_after", FeedState.UNREACHABLE, 60),
        ("drop_request", FeedState.UNREACHABLE, 60),
        ("drop_answer", FeedState.UNREACHABLE, 60),
    ],
)
@pytest.mark.usefixtures("known_coins")
async def test_trouble_is_noted_and_passes(
    work: Work, clock: Clock, sim: TestServer, fault: str, state: FeedState, least: float
) -> None:
    sim.app[WORLD].faults.replace([{"where": "marketaux.news.all", "kind": fault, "count": 1}])
    wait = await polled(work)
    assert wait >= least
    assert (await source(work)).problem == state
    clock.advance(timedelta(seconds=wait))
    await polled(work)
    assert (await source(work)).problem == ""


@pytest.mark.usefixtures("known_coins")
async def test_a_refused_token_is_not_tried_again_soon(with_settings: Callable[..., Work]) -> None:
    work = with_settings(marketaux_token=SecretStr("bad"))
    assert await polled(work) == 3_600
    assert (await source(work)).problem == FeedState.TOKEN_REFUSED


@pytest.mark.usefixtures("known_coins")
async def test_without_a_token_nobody_is_asked(with_settings: Callable[..., Work]) -> None:
    work = with_settings(mode="live")
    work.settings.__dict__.pop("simulated", None)
    assert work.settings.news_token == ""
    await poll(work)
    assert await stored(work) == []


async def hostile(request: web.Request) -> web.Response:
    """Repeats the token wherever it can, as a careless service would."""
    token = request.query["api_token"]
    if request.path.startswith("/redirect"):
        raise web.HTTPFound(f"/else/v1/news/all?api_token={token}")
    if request.path.startswith("/large"):
        return web.Response(body=b"x" * 3_000_000)
    return web.json_response({"error": {"code": token, "message": token}}, status=403, reason=token)


@pytest.mark.parametrize("path", ["/echo", "/redirect", "/large", "/\x00bad"])
async def test_the_token_is_in_no_error_log_or_trace(path: str, caplog: pytest.LogCaptureFixture) -> None:
    app = web.Application()
    app.router.add_get("/{anything:.*}", hostile)
    server = TestServer(app)
    await server.start_server()
    client = Marketaux(str(server.make_url("/")).rstrip("/") + path, SECRET)
    with caplog.at_level(logging.DEBUG), structlog.testing.capture_logs() as logs:
        with pytest.raises(MarketauxError) as raised:
            await client.latest()
        await client.close()
    await server.close()
    ours = [record.getMessage() for record in caplog.records if record.name != "aiohttp.access"]
    told = "".join(traceback.format_exception(raised.value)) + repr(raised.value.__context__)
    assert SECRET not in told + repr(client) + str(ours) + str(logs)


def test_settings_and_logs_hide_the_token() -> None:
    settings = Settings(marketaux_token=SecretStr(SECRET))
    assert settings.news_token == SECRET
    assert SECRET not in repr(settings) + str(settings.model_dump())
    assert SECRET not in clean_text(f"GET https://api.marketaux.com/v1/news/all?api_token={SECRET}&page=1")


@pytest.mark.parametrize("body", [b"no json", b"[]", b'{"data": 5}', b"{}"])
async def test_an_answer_that_cannot_be_read_is_an_error(body: bytes) -> None:
    app = web.Application()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(body=body)

    app.router.add_get("/v1/news/all", answer)
    server = TestServer(app)
    await server.start_server()
    client = Marketaux(str(server.make_url("/")), SECRET)
    with pytest.raises(MarketauxError, match="cannot be read"):
        await client.latest()
    await client.close()
    await server.close()


@pytest.mark.usefixtures("known_coins")
async def test_what_is_new_is_announced_once_it_is_stored(work: Work, clock: Clock) -> None:
    async with work.redis.pubsub() as heard:
        await heard.subscribe(live.CHANNEL)
        await polled(work)
        async with asyncio.timeout(30):
            while (message := await heard.get_message(timeout=1)) is None or message["type"] != "message":
                continue
    assert await stored(work)
