"""Rate limits with Redis, without Redis, and over HTTP."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from httpx2 import AsyncClient
from redis.asyncio import Redis
from tests.accounts.conftest import EMAIL, PASSWORD, ManualClock, sign_up_and_in

from holdfast.accounts import limits
from holdfast.accounts.limits import LOCAL_KEYS, Limiter, Rate, network_of
from holdfast.core.errors import TooManyRequests

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RATE = Rate("test", 5, timedelta(minutes=1))
DEAD_REDIS = "redis://127.0.0.1:1/0"


async def allowed(limiter: Limiter, subject: str = "a", *, now: datetime = NOW) -> int:
    """How many attempts pass before the first refusal."""
    for passed in range(100):
        try:
            await limiter.require((RATE, subject), now=now)
        except TooManyRequests:
            return passed
    return 100


async def test_the_burst_passes_and_then_one_per_interval(redis: Redis) -> None:
    limiter = Limiter(redis)
    assert await allowed(limiter) == 5
    assert await allowed(limiter, "b") == 5, "subjects are counted apart"
    assert await allowed(limiter, now=NOW + timedelta(seconds=11)) == 0
    assert await allowed(limiter, now=NOW + timedelta(seconds=12)) == 1
    assert await allowed(limiter, now=NOW + timedelta(hours=1)) == 5


async def test_processes_share_the_limit_through_redis(redis: Redis) -> None:
    assert await allowed(Limiter(redis)) == 5
    assert await allowed(Limiter(redis)) == 0


async def test_losing_redis_never_means_no_limit() -> None:
    dead = Redis.from_url(DEAD_REDIS)
    limiter = Limiter(dead)
    assert await allowed(limiter) == 5
    await limiter.forgive((RATE, "a"))
    assert await allowed(limiter) == 5
    await dead.aclose()


async def test_losing_redis_halfway_gives_no_second_burst(redis: Redis) -> None:
    limiter = Limiter(redis)
    for _ in range(4):
        await limiter.require((RATE, "a"), now=NOW)
    await redis.flushall()
    assert await allowed(limiter) == 1


async def test_a_refusal_says_when_and_counts_nothing(redis: Redis) -> None:
    limiter = Limiter(redis)
    await allowed(limiter)
    with pytest.raises(TooManyRequests) as refusal:
        await limiter.require((RATE, "fresh"), (RATE, "a"), now=NOW)
    assert refusal.value.extra == {"retry_after": 12}
    assert "12 seconds" in refusal.value.advice
    assert await allowed(limiter, "fresh") == 5


async def test_what_costs_more_takes_more_and_nothing_asks_only_for_debts(redis: Redis) -> None:
    limiter = Limiter(redis)
    await limiter.require((RATE, "a", 0), now=NOW)
    await limiter.require((RATE, "a", 3), now=NOW)
    with pytest.raises(TooManyRequests):
        await limiter.require((RATE, "a", 3), now=NOW)
    assert await allowed(limiter) == 2, "a refusal took nothing"
    await limiter.require((RATE, "a", 0), now=NOW)
    assert await redis.keys("*")


@pytest.mark.parametrize("away", [False, True])
async def test_what_was_done_is_owed_and_then_refused_until_it_is_made_up_for(
    redis: Redis, away: bool
) -> None:
    limiter = Limiter(Redis.from_url(DEAD_REDIS) if away else redis)
    for _ in range(8):
        await limiter.owe((RATE, "a"), now=NOW)
    with pytest.raises(TooManyRequests) as refusal:
        await limiter.require((RATE, "a", 0), now=NOW, refusal="Too much.")
    assert (refusal.value.detail, refusal.value.extra) == ("Too much.", {"retry_after": 36})
    await limiter.require((RATE, "a", 0), now=NOW + timedelta(seconds=36))
    if not away:
        with pytest.raises(TooManyRequests):
            await Limiter(redis).require((RATE, "a", 0), now=NOW)


async def test_who_asks_often_waits_for_a_lost_redis_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    limiter, asked = Limiter(Redis.from_url(DEAD_REDIS)), 0

    async def refuse(**_: object) -> int:
        nonlocal asked
        asked += 1
        raise ConnectionError

    monkeypatch.setattr(limiter, "_script", refuse)
    for _ in range(4):
        await limiter.require((RATE, "a"), now=NOW)
    assert asked == 1
    await limiter.require((RATE, "b"), now=NOW + limits.ALONE_FOR)
    assert asked == 2


async def test_redis_holds_no_addresses(redis: Redis) -> None:
    await Limiter(redis).require((RATE, EMAIL), now=NOW)
    assert all(b"ada" not in key for key in await redis.keys("*"))
    assert all([await redis.pttl(key) > 0 for key in await redis.keys("limit:*")])


async def test_the_local_memory_is_bounded_and_keeps_the_hottest() -> None:
    limiter = Limiter(Redis.from_url(DEAD_REDIS))
    moment = int(NOW.timestamp() * 1000)
    for _ in range(5):
        assert limiter._local_wait([(RATE, "attacker")], moment) == 0
    for n in range(LOCAL_KEYS + 10):
        limiter._local_wait([(RATE, f"noise {n}")], moment)
    assert len(limiter._arrivals) <= LOCAL_KEYS
    assert limiter._local_wait([(RATE, "attacker")], moment) > 0


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("testclient", "testclient"),
        ("", ""),
    ],
)
def test_ipv6_is_counted_by_network(ip: str, network: str) -> None:
    assert network_of(ip) == network


async def test_guessing_a_password_is_stopped_and_the_owner_elsewhere_is_not(
    browser: Callable[..., AsyncClient], clock: ManualClock
) -> None:
    owner, attacker = browser(), browser(ip="203.0.113.9")
    await sign_up_and_in(owner)
    guess = {"email": EMAIL, "password": "not the password"}
    answers = [await attacker.post("/api/auth/sign-in", json=guess) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[-1].json()["retry_after"] == 90
    assert answers[-1].headers["retry-after"] == "90"
    right = {"email": EMAIL, "password": PASSWORD}
    assert (await attacker.post("/api/auth/sign-in", json=right)).status_code == 429
    assert (await owner.post("/api/auth/sign-in", json=right)).status_code == 200
    clock.forward(seconds=90)
    assert (await attacker.post("/api/auth/sign-in", json=guess)).status_code == 401


async def test_unknown_addresses_are_limited_in_the_same_way(browser: Callable[..., AsyncClient]) -> None:
    attacker = browser(ip="203.0.113.9")
    guess = {"email": "nobody@example.com", "password": "not the password"}
    answers = [await attacker.post("/api/auth/sign-in", json=guess) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]


async def test_a_success_clears_the_count(client: AsyncClient) -> None:
    await sign_up_and_in(client)
    for _ in range(3):
        for _ in range(9):
            wrong = {"email": EMAIL, "password": "not the password"}
            assert (await client.post("/api/auth/sign-in", json=wrong)).status_code == 401
        right = {"email": EMAIL, "password": PASSWORD}
        assert (await client.post("/api/auth/sign-in", json=right)).status_code == 200


@pytest.mark.parametrize(
    ("path", "burst"),
    [("sign-up", limits.SIGN_UP_ADDRESS.burst), ("refresh", limits.REFRESH_TOKEN.burst)],
)
async def test_sign_up_and_refresh_are_limited(client: AsyncClient, path: str, burst: int) -> None:
    body = {"email": EMAIL, "password": PASSWORD}
    cookie = {"Cookie": "hf_refresh=nonsense"}
    statuses = [
        (await client.post(f"/api/auth/{path}", json=body, headers=cookie)).status_code
        for _ in range(burst + 1)
    ]
    assert statuses[-1] == 429
    assert 429 not in statuses[:-1]
