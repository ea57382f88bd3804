"""What anybody may ask of PostgreSQL without an account has an end, and is nobody else's trouble."""

from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from redis.asyncio import Redis

from holdfast.accounts.limits import Limiter, Rate
from holdfast.app import moderation
from holdfast.platform.clock import SystemClock

HERE, ELSEWHERE = "127.0.0.1", "198.51.100.7"


async def use_up(redis: Redis, rate: Rate, network: str) -> None:
    """For as long as a test may take."""
    await Limiter(redis).owe((rate, network, 2 * rate.burst), now=SystemClock().now())


@pytest.mark.parametrize(
    ("rate", "path"),
    [
        (moderation.NEWS, "/api/news"),
        (moderation.NEWS, "/api/news?before=x"),
        (moderation.NEWS, "/api/news/marks?series=bybit:BTCUSDT&from=0&until=60"),
        (moderation.NEWS, f"/api/news/{UUID(int=1)}"),
        (moderation.STATUS, "/api/status"),
    ],
)
async def test_one_network_reads_no_more_than_its_share(
    app: FastAPI, client: httpx2.AsyncClient, redis: Redis, rate: Rate, path: str
) -> None:
    assert (await client.get(path)).status_code != 429
    await use_up(redis, rate, HERE)
    refused = await client.get(path, headers={"Authorization": "Bearer forged.token.x"})
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 61
    transport = httpx2.ASGITransport(app, client=(ELSEWHERE, 5000))
    async with httpx2.AsyncClient(transport=transport, base_url="http://holdfast.test") as other:
        assert (await other.get(path)).status_code != 429


async def test_whoever_looks_after_the_process_is_never_refused(
    client: httpx2.AsyncClient, redis: Redis
) -> None:
    await use_up(redis, moderation.STATUS, HERE)
    assert (await client.get("/api/health/live")).status_code == 200
    assert (await client.get("/api/health/ready")).status_code in (200, 503)
