"""What was traded for an index that has left the catalogue is shown like everything else."""

import httpx2
import pytest
from sqlalchemy import update
from tests.app.test_strangers import access
from tests.execution.conftest import Desk, desk, desk_clock
from tests.execution.test_executor import opened

from holdfast.platform.settings import Settings
from holdfast.portfolio.models import Sleeve

__all__ = ["desk", "desk_clock"]


@pytest.fixture
async def owner(desk: Desk, settings: Settings) -> dict[str, str]:
    return await access(desk.database, settings, desk.user_id)


async def test_every_view_of_it_answers(
    client: httpx2.AsyncClient, desk: Desk, owner: dict[str, str]
) -> None:
    execution = await opened(desk)
    async with desk.database.transaction() as session:
        await session.execute(update(Sleeve).values(index_id="gone-d"))
    order = (await client.get("/api/orders", headers=owner)).json()["items"][0]
    assert order["index_name"] == "gone-d"
    for path in (
        f"orders/{order['id']}",
        "orders.csv",
        "executions",
        f"executions/{execution.id}",
        "positions",
        f"positions/{execution.sleeve_id}",
        "overview",
        "fills",
        "fills.csv",
        "payments",
        "incidents",
    ):
        answer = await client.get(f"/api/{path}", headers=owner)
        assert answer.status_code == 200, (path, answer.text)
