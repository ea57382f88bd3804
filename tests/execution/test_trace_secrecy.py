"""A venue repeats key, secret and signature in everything it says; none of it is in any trail."""

import json
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select
from tests.accounts.test_secrecy import KEY, SECRET, everything_stored
from tests.app.test_strangers import owner
from tests.execution.conftest import Desk

from holdfast.accounts import doors
from holdfast.accounts.models import Connection
from holdfast.accounts.vault import Vault, VenueCredentials, ensure_key_pair
from holdfast.execution import asking, executor, preflight, tasks
from holdfast.execution.models import TrailRow
from holdfast.execution.risk import gate
from holdfast.platform.clock import SystemClock
from holdfast.platform.jobs import Lease
from holdfast.platform.tasks import RetryAt, Work
from holdfast.venues.protocol import TradingVenue

__all__ = ["owner"]


class EchoingVenue:
    """Lets everything pass up to the orders, and repeats what it was sent in all it says."""

    def __init__(self, *, refusing: int, status: int = 200) -> None:
        self.refusing = refusing
        self.status = status
        self.signatures: list[str] = []
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        self.signatures += [request.headers["X-BAPI-SIGN"]] if "X-BAPI-SIGN" in request.headers else []
        said = f"error sign! origin_string[{dict(request.headers)}] {SECRET}"
        ordering = request.path.startswith("/v5/order/create")
        now = SystemClock().now().timestamp()
        result: dict[str, Any] = {"said": said, "list": []}
        if request.path == "/v5/market/time":
            result = {"timeSecond": str(int(now)), "timeNano": str(int(now * 10**9))}
        if request.path == "/v5/account/wallet-balance":
            result["list"] = [{"totalAvailableBalance": "100000", "totalEquity": "100000", "said": said}]
        body = {
            "retCode": self.refusing if ordering else 0,
            "retMsg": said,
            "result": result,
            "retExtInfo": {"list": [{"code": said, "msg": said}]},
            "time": int(now * 1000),
        }
        return web.json_response(body, status=self.status if ordering else 200)


async def only_the_balance(_: Work, door: TradingVenue, *__: Any) -> str:
    """A preflight that this venue can pass."""
    await door.balance()
    return ""


async def no_refusals(*_: Any) -> dict[Any, str]:
    return {}


@pytest.fixture
def sealed(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A real key in a real box, opened through the real door."""
    monkeypatch.setattr(executor, "open_door", doors.open_door)
    monkeypatch.setattr(asking, "PATIENCE", timedelta(seconds=0.3))
    monkeypatch.setattr(preflight, "check", only_the_balance)
    monkeypatch.setattr(gate, "refusals", no_refusals)
    ensure_key_pair(desk.work.settings.secrets_dir)
    vault = Vault.from_directory(desk.work.settings.secrets_dir)
    credentials = VenueCredentials(KEY, SECRET)
    return vault.seal(credentials, connection_id=desk.connection_id, user_id=desk.user_id)


@pytest.mark.parametrize(
    ("refusing", "status"), [(10004, 200), (110007, 200), (99_999, 200), (10016, 200), (0, 502), (0, 200)]
)
async def test_no_secret_is_in_a_trail(
    client: httpx2.AsyncClient,
    desk: Desk,
    owner: dict[str, str],
    sealed: bytes,
    refusing: int,
    status: int,
) -> None:
    venue = EchoingVenue(refusing=refusing, status=status)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", venue.answer)
    server = TestServer(app)
    await server.start_server()
    settings = desk.work.settings.model_copy(update={"venue_url": str(server.make_url("")).rstrip("/")})
    clock = SystemClock()
    desk.clock.moment = clock.now()
    async with desk.database.transaction() as session:
        connection = await session.get_one(Connection, desk.connection_id)
        connection.sealed, connection.begun_at, connection.reconciled_at = sealed, clock.now(), clock.now()
    execution_id = await desk.confirm(await desk.plan())
    services: dict[str, Any] = {}
    for fence in (1, 2):
        lease = Lease(1, "execution.run", str(execution_id), fence, 1, clock.now())
        work = Work(lease, desk.database, desk.work.redis, settings, clock, services)
        try:
            await tasks.run_execution(work)
        except RetryAt:
            continue
    await doors.doors_of(work).close()
    await server.close()

    answer = await client.get(f"/api/executions/{execution_id}/trace", headers=owner)
    stored = b"\n".join((await everything_stored(desk.database)).values())
    assert "/v5/order/create" in venue.asked, "the orders must have reached the venue"
    assert len(venue.signatures) >= 4
    async with desk.database.sessions() as session:
        assert len(list(await session.scalars(select(TrailRow)))) >= 5
    assert any(item["kind"] == "request" for item in answer.json()["items"])
    for hidden in (KEY, SECRET, *venue.signatures):
        assert hidden not in answer.text
        assert hidden.encode() not in stored
    assert not re.search(r"\b[0-9a-f]{64}\b", json.dumps(answer.json()["items"]))
