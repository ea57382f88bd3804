"""The stream over real sockets: a real uvicorn, real Redis, real PostgreSQL, many clients, and bad ones."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import orjson
import pytest
import uvicorn
from fastapi import FastAPI
from pydantic import RootModel
from tests.app.pages import Page, page, token_for
from tests.indices.builders import quote
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from holdfast.accounts.models import SignIn, User
from holdfast.app import clients
from holdfast.app import hub as hubs
from holdfast.app import stream as streams
from holdfast.app.clients import Channel
from holdfast.app.hub import Hub
from holdfast.app.wire import Frame, StreamProtocol
from holdfast.core.errors import InvalidInput, TooManyRequests
from holdfast.indices.board import IndexBoard
from holdfast.market import quotes
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import QuoteBoard
from holdfast.platform.background import cancel
from holdfast.platform.clock import SystemClock

CLOCK = SystemClock()


class State(RootModel[dict[str, object]]):
    """Whatever a test wants to be told."""


class Things:
    """A private topic whose keys belong to one user each."""

    def __init__(self):
        self.owner = {}
        self.state = {}
        self.asked = 0
        self.questions = []

    async def may_hear(self, session, user_id, key):
        return self.owner.get(key) == user_id

    async def snapshot(self, session, user_id, key):
        self.asked += 1
        return State(self.state.get(key, {"n": 0}))

    async def snapshots(self, session, users):
        self.questions.append(list(users))
        return {one: State(self.state.get(one, {"n": 0})) for one in users}


@pytest.fixture
def things():
    return Things()


@pytest.fixture(params=["wire"])
async def server(request, settings, database, redis, things):
    """The address of a running API that has only the stream; by default served as the real one is."""

    app = FastAPI()
    state = app.state
    state.settings, state.database, state.redis, state.clock = settings, database, redis, CLOCK
    state.quotes = QuoteBoard()
    state.quotes.put(replace(quote("BTCUSDT", 100), at=CLOCK.now()))
    state.hub = Hub(database, redis, CLOCK)
    streams.register_public(state.hub, IndexBoard(state.quotes, InstrumentBook()), state.quotes, CLOCK)
    state.hub.register("thing", things.may_hear, things.snapshot)
    state.hub.register("polled", things.may_hear, things.snapshot, every=0.1)
    state.hub.register("seldom", things.may_hear, things.snapshot, every=3600.0)
    state.hub.register_for_users("mine", things.snapshots, every=0.1)
    app.include_router(streams.router)
    running = uvicorn.Server(
        uvicorn.Config(
            app,
            port=0,
            log_level="error",
            lifespan="off",
            ws=StreamProtocol if request.param == "wire" else "auto",
            ws_per_message_deflate=False,
            ws_max_size=65536,
        )
    )
    hub = asyncio.create_task(state.hub.run())
    task = asyncio.create_task(running.serve())
    while not running.started or not await redis.pubsub_numpat():
        await asyncio.sleep(0.01)
    port = running.servers[0].sockets[0].getsockname()[1]
    state.url = f"ws://127.0.0.1:{port}/api/stream"
    yield state
    running.should_exit = True
    running.force_exit = True
    await task
    await cancel([hub])


@pytest.fixture
async def user(database):
    async with database.transaction() as session:
        found = User(id=uuid4(), email=None, password_hash=None, is_demo=True, created_at=CLOCK.now())
        session.add(found)
    return found


async def publish_user(redis, user_id, topic, data):
    await redis.publish(f"user:{user_id}", orjson.dumps({"topic": topic, "data": data}))


async def test_public_topics_need_no_sign_in_and_start_with_a_snapshot(server):
    async with page(server) as visitor:
        await visitor.subscribed("indices", "index:btc-d", "quotes:BTCUSDT")
        await visitor.hears(lambda m: m.get("topic") == "quotes:BTCUSDT")
        (levels,) = visitor.data("indices")
        assert [tick["index_id"] for tick in levels] == ["btc-d", "eth-d", "eth-btc", "top-10"]
        assert visitor.data("index:btc-d")[0]["index_id"] == "btc-d"
        first = visitor.data("quotes:BTCUSDT")[0]
        assert first["bid"] == "100"
        assert isinstance(first["at"], int)


@pytest.mark.parametrize("server", ["wire", "any"], indirect=True)
async def test_updates_follow_and_only_where_subscribed(server, redis):
    async with page(server) as visitor:
        await visitor.subscribed("index:btc-d", "quotes:BTCUSDT")
        tick = {"index_id": "btc-d", "level": 61.5, "members": {}}
        await redis.publish("levels", orjson.dumps([tick, tick | {"index_id": "eth-d"}]))
        update = quotes.encode(quote("BTCUSDT", 101))
        await redis.publish("quotes", orjson.dumps({"BTCUSDT": update, "ETHUSDT": update}))
        await visitor.hears(lambda m: m.get("topic") == "index:btc-d" and m["data"]["level"] == 61.5)
        await visitor.hears(lambda m: m.get("topic") == "quotes:BTCUSDT" and m["data"]["bid"] == "101")
        assert {m["topic"] for m in visitor.heard if "topic" in m} == {"index:btc-d", "quotes:BTCUSDT"}
        await visitor.say(op="unsubscribe", topics=["index:btc-d"])
        await visitor.say(op="ping")
        await visitor.hears(lambda m: m == {"op": "pong"})
        before = len(visitor.data("index:btc-d"))
        await redis.publish("levels", orjson.dumps([tick]))
        await asyncio.sleep(0.6)
        assert len(visitor.data("index:btc-d")) == before


async def test_updates_are_conflated_to_one_a_tick_and_the_last_one_arrives(server, redis):
    async with page(server) as visitor:
        await visitor.subscribed("index:btc-d")
        ticks = server.hub._ticks
        before = ticks.now
        for n in range(100):
            await redis.publish("levels", orjson.dumps([{"index_id": "btc-d", "level": n, "members": {}}]))
            await asyncio.sleep(0.01)
        await visitor.hears(lambda m: m.get("topic") == "index:btc-d" and m["data"]["level"] == 99)
        assert len(visitor.data("index:btc-d")) <= ticks.now - before + 3


async def test_private_topics_are_heard_by_their_owner_only(server, redis, database, user, things):
    other = User(id=uuid4(), email=None, password_hash=None, is_demo=True, created_at=CLOCK.now())
    async with database.transaction() as session:
        session.add(other)
    things.owner["1"] = user.id
    things.state["1"] = {"n": 1}
    mine, _ = await token_for(server, user)
    theirs, _ = await token_for(server, other)
    async with page(server, mine) as owner, page(server, theirs) as stranger, page(server) as visitor:
        await owner.subscribed("thing:1")
        await owner.hears(lambda m: m.get("topic") == "thing:1" and m["data"] == {"n": 1})
        for nosy in (stranger, visitor):
            await nosy.say(op="subscribe", topics=["thing:1"])
            refused = await nosy.hears(lambda m: m.get("op") == "error")
            assert "'thing:1'" in refused["detail"]
            assert "topic" not in refused, "a page would take it for data"
            assert refused["about"] == "thing:1"
            assert "retry_after" not in refused, "asking again is of no use"
        assert "There is no topic" in (await stranger.hears(lambda m: m.get("op") == "error"))["detail"]
        await publish_user(redis, user.id, "thing:1", {"n": 2})
        await owner.hears(lambda m: m.get("topic") == "thing:1" and m["data"] == {"n": 2})
        await publish_user(redis, other.id, "thing:1", {"n": 666})
        await asyncio.sleep(0.6)
        assert owner.data("thing:1")[-1] == {"n": 2}
        assert stranger.data("thing:1") == visitor.data("thing:1") == []


async def test_a_user_with_two_pages_is_told_twice(server, redis, user, things):
    things.owner["1"] = user.id
    token, _ = await token_for(server, user)
    async with page(server, token) as one, page(server, token) as two:
        for opened in (one, two):
            await opened.subscribed("thing:1")
        await publish_user(redis, user.id, "thing:1", {"n": 9})
        for opened in (one, two):
            await opened.hears(lambda m: m.get("topic") == "thing:1" and m["data"] == {"n": 9})


async def test_polled_topics_are_asked_for_and_told_when_they_change(server, redis, user, things):
    things.owner["1"] = user.id
    token, _ = await token_for(server, user)
    async with page(server, token) as owner:
        await owner.subscribed("polled:1")
        await owner.hears(lambda m: m.get("topic") == "polled:1")
        things.state["1"] = {"n": 5}
        await owner.hears(lambda m: m.get("topic") == "polled:1" and m["data"] == {"n": 5})
        await asyncio.sleep(1.0)
        assert len(owner.data("polled:1")) <= 3, "what has not changed is not told again"
    async with asyncio.timeout(30):
        asked = -1
        while things.asked != asked:  # once nobody listens, nobody asks
            asked = things.asked
            await asyncio.sleep(0.5)


async def test_many_users_are_one_question_and_each_hears_their_own(server, redis, database, things):
    users = [User(id=uuid4(), is_demo=True, created_at=CLOCK.now()) for _ in range(30)]
    async with database.transaction() as session:
        session.add_all(users)
    hub = server.hub
    listeners = {one.id: hub.welcome(None) for one in users}
    for user_id, listener in listeners.items():
        listener.user_id = user_id
        assert await hub.subscribe(listener, "mine") is None
    things.questions.clear()
    things.state[users[3].id] = {"n": 3}
    async with asyncio.timeout(30):
        while b'"n":3' not in b"".join(frame.wire for frame in listeners[users[3].id].pending.values()):
            await asyncio.sleep(0.01)
    assert {len(question) for question in things.questions} == {30}
    told = [listener.pending["mine"].text for listener in listeners.values()]
    assert sum('"n":3' in text for text in told) == 1
    for listener in listeners.values():
        hub.leave(listener)
    assert not hub._heard["mine"], "nothing is kept of those who have left"


async def test_who_is_not_signed_in_hears_nothing_of_users(server):
    async with page(server) as visitor:
        await visitor.say(op="subscribe", topics=["mine"])
        assert "Sign in" in (await visitor.hears(lambda m: m.get("op") == "error"))["detail"]


@pytest.mark.parametrize(
    "error", [InvalidInput("These bars do not fit.", advice="Choose others."), KeyError(1)]
)
async def test_a_snapshot_that_cannot_be_had_costs_only_its_topic(server, error):
    async def anybody(*_):
        return True

    async def snapshot(*_):
        raise error

    server.hub.register("odd", anybody, snapshot, private=False)
    async with page(server) as visitor:
        await visitor.subscribed("index:btc-d")
        await visitor.say(op="subscribe", topics=["odd:1", "indices"])
        refused = await visitor.hears(lambda m: m.get("op") == "error")
        assert refused["about"] == "odd:1"
        assert refused["detail"].startswith("'odd:1' cannot be heard")
        assert ("retry_after" in refused) is isinstance(error, KeyError), "a fault of ours may pass"
        await visitor.hears(lambda m: m.get("op") == "subscribed" and m["topics"] == ["indices"])
        assert {channel.topic for channel in server.hub._audience} == {"index:btc-d", "indices"}
        assert visitor.socket.close_code is None


async def test_a_later_page_of_a_user_keeps_no_state_that_is_over(server, redis, user, things):
    """Between two looks the state changes, a second page begins with it, and it changes back."""
    things.owner["1"] = user.id
    things.state["1"] = {"n": 1}
    token, _ = await token_for(server, user)
    async with page(server, token) as one, page(server, token) as two:
        await one.subscribed("seldom:1")
        await one.hears(lambda m: m.get("topic") == "seldom:1")
        things.state["1"] = {"n": 2}
        await two.subscribed("seldom:1")
        await two.hears(lambda m: m.get("topic") == "seldom:1" and m["data"] == {"n": 2})
        await one.hears(lambda m: m.get("topic") == "seldom:1" and m["data"] == {"n": 2})
        things.state["1"] = {"n": 1}
        await publish_user(redis, user.id, "seldom", {"changed": True})
        async with asyncio.timeout(30):
            while two.data("seldom:1")[-1] != {"n": 1}:
                await asyncio.sleep(0.01)


async def test_bad_tokens_leave_the_public_topics(server, user):
    old, _ = await token_for(server, user, age=timedelta(hours=1))
    async with page(server) as visitor:
        for bad in (old, "nonsense", None, 5):
            await visitor.say(op="auth", token=bad)
        await visitor.say(op="subscribe", topics=["thing:1", "indices"])
        await visitor.hears(lambda m: m.get("topic") == "indices")
        errors = [m for m in visitor.heard if m.get("op") == "error"]
        assert [e.get("code") for e in errors[:4]] == ["not-signed-in"] * 4
        assert "Sign in" in errors[4]["detail"]
        assert (errors[4].get("code"), errors[4]["about"]) == (None, "thing:1")


async def test_a_token_is_answered_before_anything_is_told(server, user, things):
    """A page that asks in one breath knows as whom it listens before it hears the first topic."""
    things.owner["1"] = user.id
    good, _ = await token_for(server, user)
    for token, answer in ((good, "authenticated"), ("nonsense", "error")):
        async with page(server) as visitor:
            await visitor.say(op="auth", token=token)
            await visitor.say(op="subscribe", topics=["indices", "thing:1"])
            await visitor.hears(lambda m: m.get("topic") == "indices")
            told = [m for m in visitor.heard if m.get("op") != "beat"]
            assert [m.get("op") for m in told[:2]] == ["ready", answer]


async def test_a_refusal_says_of_what_and_when_it_may_be_asked_for_again(server, things):
    answers = iter([TooManyRequests("Too much.", advice="Try again in 7 seconds.", retry_after=7)])

    async def busy(*_):
        for refusal in answers:
            raise refusal
        return True

    server.hub.register("busy", busy, things.snapshot, private=False)
    async with page(server) as visitor:
        await visitor.say(op="subscribe", topics=["busy:1"])
        refused = await visitor.hears(lambda m: m.get("op") == "error")
        detail = "'busy:1' cannot be heard: Too much. Try again in 7 seconds."
        assert refused == {"op": "error", "about": "busy:1", "detail": detail, "retry_after": 7}
        await visitor.subscribed("busy:1")
        await visitor.hears(lambda m: m.get("topic") == "busy:1")


async def test_quotes_may_be_waited_for_until_the_first_are_read(server, redis):
    server.quotes._quotes.clear()
    async with page(server) as early:
        await early.subscribed("quotes:ETHUSDT")
        one = quotes.encode(replace(quote("ETHUSDT", 7), at=CLOCK.now()))
        await redis.hset(quotes.LAST_KEY, "ETHUSDT", orjson.dumps(one))
        await server.quotes.load(redis)
        told = await early.hears(lambda m: m.get("topic") == "quotes:ETHUSDT")
        assert told["data"]["bid"] == "7"
        await early.say(op="subscribe", topics=["quotes:NOSUCH"])
        refused = await early.hears(lambda m: m.get("op") == "error")
        assert refused["detail"] == "There is no topic 'quotes:NOSUCH'."


async def test_signing_out_ends_the_stream(server, user, monkeypatch):
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.2)
    token, sign_in_id = await token_for(server, user)
    async with page(server, token) as owner:
        await asyncio.sleep(0.5)
        assert owner.socket.close_code is None
        async with server.database.transaction() as session:
            (await session.get_one(SignIn, sign_in_id)).revoked_at = CLOCK.now()
        await asyncio.wait_for(owner.socket.wait_closed(), 30)
        assert owner.socket.close_code == streams.SIGNED_OUT


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '"x"',
        "{}",
        '{"op":"dance"}',
        '{"op":"subscribe","topics":5}',
        '{"op":"subscribe","topics":["nope"]}',
    ],
)
async def test_nonsense_gets_an_error_and_the_stream_goes_on(server, text):
    async with page(server) as visitor:
        await visitor.socket.send(text)
        assert (await visitor.hears(lambda m: m.get("op") == "error"))["detail"]
        await visitor.subscribed("indices")


async def test_binary_too_big_and_too_many_messages_end_it(server):
    async with page(server) as visitor:
        await visitor.socket.send("x" * (streams.MAX_MESSAGE + 1))
        await asyncio.wait_for(visitor.socket.wait_closed(), 30)
        assert visitor.socket.close_code == streams.TOO_BIG
    async with page(server) as visitor:
        with suppress(ConnectionClosed):
            for _ in range(streams.MAX_MESSAGES_A_SECOND * 100):  # in no second more than a slow machine can
                await visitor.say(op="ping")
        await asyncio.wait_for(visitor.socket.wait_closed(), 30)
        assert visitor.socket.close_code == streams.TOO_MANY
    async with page(server) as visitor:
        await visitor.socket.send(b"\x00")
        await asyncio.wait_for(visitor.socket.wait_closed(), 30)
        assert visitor.socket.close_code == streams.NOT_TEXT


async def test_there_is_a_limit_of_topics(server):
    for n in range(hubs.MAX_TOPICS + 1):
        server.quotes.put(replace(quote(f"C{n}USDT", 1), at=CLOCK.now()))
    async with page(server) as visitor:
        await visitor.say(op="subscribe", topics=[f"quotes:C{n}USDT" for n in range(hubs.MAX_TOPICS + 1)])
        error = await visitor.hears(lambda m: m.get("op") == "error")
        assert f"At most {hubs.MAX_TOPICS}" in error["detail"]


@pytest.fixture
def quick_heart(monkeypatch):
    monkeypatch.setattr(hubs, "BEAT_SECONDS", 0.2)


async def test_a_heartbeat_is_sent(quick_heart, server):
    async with page(server) as visitor:
        beat = await visitor.hears(lambda m: m.get("op") == "beat")
        assert isinstance(beat["at"], int)


async def test_silence_from_the_start_ends_it(server, monkeypatch):
    monkeypatch.setattr(streams, "FIRST_WORD_SECONDS", 0.2)
    async with page(server) as visitor:
        await asyncio.wait_for(visitor.socket.wait_closed(), 30)
        assert visitor.socket.close_code == streams.SILENT


async def test_after_redis_was_away_everything_is_read_again(server, redis, user, things):
    things.owner["1"] = user.id
    token, _ = await token_for(server, user)
    async with page(server, token) as owner:
        await owner.subscribed("thing:1")
        things.state["1"] = {"n": 77}
        await redis.client_kill_filter(_type="pubsub")
        await owner.hears(lambda m: m.get("topic") == "thing:1" and m["data"] == {"n": 77})


async def test_unreadable_messages_in_redis_hurt_nobody(server, redis):
    async with page(server) as visitor:
        await visitor.subscribed("index:btc-d")
        for channel, data in (
            ("levels", b"{"),
            ("levels", b"[{}]"),
            ("quotes", b"[]"),
            ("user:x", b"{}"),
            (f"user:{uuid4()}", b"[]"),
        ):
            await redis.publish(channel, data)
        await redis.publish("levels", orjson.dumps([{"index_id": "btc-d", "level": 5.5, "members": {}}]))
        await visitor.hears(lambda m: m.get("topic") == "index:btc-d" and m["data"]["level"] == 5.5)


async def test_a_stalled_client_delays_nobody_holds_little_and_is_let_go(server, monkeypatch):
    monkeypatch.setattr(streams, "SEND_SECONDS", 3600.0)
    monkeypatch.setattr(streams, "RECHECK_SECONDS", 0.2)
    monkeypatch.setattr(clients, "FLUSH_SECONDS", 0.05)
    hub = server.hub
    channel = Channel(None, "index:btc-d")

    def shout(n):
        padding = "x" * 300_000
        text = f'{{"topic":"index:btc-d","data":{{"n":{n},"padding":"{padding}"}}}}'
        hub.publish(channel, Frame.of(text))

    stalled = await connect(server.url, compression=None, max_queue=1, max_size=None)
    await stalled.send('{"op":"subscribe","topics":["index:btc-d"]}')
    async with connect(server.url, compression=None, max_size=None) as socket:
        healthy = Page(socket)
        await healthy.subscribed("index:btc-d")
        assert len(hub.clients) == 2
        for n in range(1, 31):
            shout(n)
            await healthy.hears(lambda m, n=n: m.get("topic") == "index:btc-d" and m["data"].get("n") == n)
            assert all(len(client.pending) <= 2 for client in hub.clients)
        assert [client.stalled_since is None for client in hub.clients].count(False) == 1
        monkeypatch.setattr(streams, "SEND_SECONDS", 0.5)
        async with asyncio.timeout(30):
            while len(hub.clients) > 1:
                await asyncio.sleep(0.05)
        await healthy.close()
    stalled.transport.abort()


async def test_many_clients_hear_the_same(server, redis):
    async with asyncio.TaskGroup() as group:
        sockets = [group.create_task(_quiet_page(server)) for _ in range(150)]
    pages = [task.result() for task in sockets]
    try:
        await redis.publish("levels", orjson.dumps([{"index_id": "btc-d", "level": 42.0, "members": {}}]))
        for opened in pages:
            await opened.hears(lambda m: m.get("topic") == "index:btc-d" and m["data"]["level"] == 42.0)
    finally:
        for opened in pages:
            await opened.close()
    async with asyncio.timeout(30):
        while server.hub.clients:
            await asyncio.sleep(0.05)
    assert not server.hub._audience, "nothing is kept of those who have left"


async def _quiet_page(server):
    opened = Page(await connect(server.url, compression=None))
    await opened.subscribed("index:btc-d")
    return opened


def test_a_channel_knows_its_kind_and_key():
    channel = Channel(UUID(int=1), "position:abc:d")
    assert (channel.kind, channel.key) == ("position", "abc:d")
