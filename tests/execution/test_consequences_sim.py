"""The same consequences at the simulated venue, over its real protocol, and the books against its truth."""

import asyncio
from collections import defaultdict
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
from sqlalchemy import func, select
from tests.portfolio.simulated import House, house, simulator

from holdfast.accounts import tasks as accounts_tasks
from holdfast.accounts.models import Connection
from holdfast.execution import tasks
from holdfast.execution.incidents import incidents
from holdfast.execution.incidents.schemas import IncidentView
from holdfast.execution.models import Execution
from holdfast.market.tasks import refresh_instruments
from holdfast.platform.models import Job
from holdfast.platform.tasks import RunAgainIn
from holdfast.portfolio.booking import holdings
from holdfast.portfolio.models import Posting, Sleeve
from holdfast.venues.protocol import Unreachable

__all__ = ["house", "simulator"]

pytestmark = pytest.mark.timeout(180)


async def control(house: House, path: str, **body: Any) -> Any:
    url = f"{house.work.settings.sim_url}/_sim/{path}"
    async with aiohttp.ClientSession() as client, client.post(url, json=body) as answer:
        found = await answer.json()
        assert answer.status == 200, found
        return found


async def operate(house: House, operation: str, **body: Any) -> None:
    await control(house, f"accounts/{house.uid}/{operation}", **body)


async def opened(house: House, size: str = "3000") -> Execution:
    execution = await house.execute(await house.preview("btc-d", size))
    assert execution.state == "complete", execution.reason
    return execution


async def told(house: House, kind: str = "") -> list[IncidentView]:
    async with house.work.database.sessions() as session:
        found = await incidents.page(
            session, house.user_id, only_open=False, position=None, before=None, limit=200
        )
    return [view for view in found if kind in ("", view.kind)]


async def sizes(house: House) -> dict[str, Decimal]:
    return {p["symbol"]: Decimal(p["size"]) for p in (await house.truth())["positions"]}


async def books(house: House) -> dict[str, Decimal]:
    async with house.work.database.sessions() as session:
        held = await holdings(session, house.connection_id)
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for (_, symbol), quantity in held.items():
        sums[symbol] += quantity
    return {symbol: quantity for symbol, quantity in sums.items() if quantity}


async def state_of(house: House, execution: Execution) -> str:
    async with house.work.database.sessions() as session:
        return (await session.get_one(Sleeve, execution.sleeve_id)).state


async def test_a_deleveraged_leg(house: House) -> None:
    execution = await opened(house)
    await operate(house, "adl", symbol="BTCUSDT", share="0.5")
    assert await house.reconcile() == []
    assert await books(house) == await sizes(house)
    (adl,) = await told(house, "adl")
    assert (adl.position_id, adl.severity, adl.symbol) == (execution.sleeve_id, "alarm", "BTCUSDT")
    closing = await house.execute(await house.preview_close(execution.sleeve_id))
    assert closing.state == "complete", closing.reason
    assert await house.reconcile() == []
    assert await sizes(house) == {}
    assert (await told(house, "adl"))[0].settled_at is not None


async def test_a_liquidation_of_everything_closes_the_position_and_blocks_openings(house: House) -> None:
    execution = await opened(house)
    await operate(house, "liquidate")
    assert await house.reconcile() == []
    assert await books(house) == await sizes(house) == {}
    assert await state_of(house, execution) == "closed"
    found = await told(house, "liquidation")
    assert len(found) == 11
    assert all(view.blocks == "opening" and view.settled_at is None for view in found)
    refused = await house.execute(await house.preview("btc-d", "3000"))
    assert refused.state == "unwound"
    assert "liquidated" in refused.reason
    assert await sizes(house) == {}


async def test_modes_and_leverage_changed_on_the_website_are_put_back_by_the_next_opening(
    house: House,
) -> None:
    await opened(house)
    await operate(house, "leverage", symbol="BTCUSDT", leverage="10")
    assert await house.reconcile() == []
    (leverage,) = await told(house, "leverage_changed")
    assert "10x" in leverage.title
    await opened(house)
    assert (await house.truth())["leverage"]["BTCUSDT"] == "1"
    assert await house.reconcile() == []
    assert (await told(house, "leverage_changed"))[0].settled_at is not None


async def test_a_flat_symbol_in_hedge_mode_is_put_back_before_an_opening(house: House) -> None:
    execution = await opened(house)
    assert (await house.execute(await house.preview_close(execution.sleeve_id))).state == "complete"
    await operate(house, "hedge-mode", symbol="BTCUSDT")
    await operate(house, "leverage", symbol="ETHUSDT", leverage="25")
    again = await opened(house)
    assert again.state == "complete"
    assert await books(house) == await sizes(house)


async def test_portfolio_margin_stops_openings_and_not_closings(house: House) -> None:
    execution = await opened(house)
    await operate(house, "margin-mode", mode="ISOLATED_MARGIN")
    await house.reconcile()
    assert [view.severity for view in await told(house, "margin_mode")] == ["warning"]
    await operate(house, "margin-mode", mode="REGULAR_MARGIN")
    await house.reconcile()
    assert [view.settled_at is not None for view in await told(house, "margin_mode")] == [True]
    closing = await house.execute(await house.preview_close(execution.sleeve_id))
    assert closing.state == "complete", closing.reason


async def test_debt_is_told_until_it_is_repaid(house: House) -> None:
    await operate(house, "transfer", amount="-25100", overdraw=True)
    assert await house.reconcile() == []
    (debt,) = await told(house, "borrowed")
    assert (debt.severity, debt.blocks, "100 USDT" in debt.text) == ("alarm", "opening", True)
    await operate(house, "transfer", amount="25100")
    assert await house.reconcile() == []
    assert (await told(house, "borrowed"))[0].settled_at is not None


async def test_a_history_read_through_a_bad_line_is_read_once(house: House) -> None:
    """Answers are lost, doubled, late and refused: whoever reads again books nothing twice."""
    await opened(house)
    await operate(house, "adl", symbol="ETHUSDT", share="0.3")
    await operate(house, "trade", symbol="XRPUSDT", side="Sell", qty="20")
    trouble = [
        {"where": "bybit.*", "kind": kind, "probability": 0.2, "seed": seed}
        for seed, kind in enumerate(("drop_answer", "drop_request", "error_500_after", "delay"))
    ]
    trouble[-1]["delay_ms"] = 200
    await control(house, "faults", rules=trouble)
    for _ in range(4):
        with suppress(Unreachable):
            await house.reconcile()
    await control(house, "faults", rules=[])
    assert await house.reconcile() == []
    assert await books(house) == await sizes(house)
    assert await paid(house, "fee") == await charged(house)
    assert len(await told(house, "adl")) == len(await told(house, "manual_trade")) == 1


async def test_trades_by_hand_are_adopted_with_their_consequence(house: House) -> None:
    execution = await opened(house)
    await operate(house, "trade", symbol="BTCUSDT", side="Sell", qty="0.003")
    await operate(house, "trade", symbol="XRPUSDT", side="Sell", qty="20")
    assert await house.reconcile() == []
    assert await books(house) == await sizes(house)
    found = {view.symbol: view for view in await told(house, "manual_trade")}
    assert (found["BTCUSDT"].position_id, found["BTCUSDT"].severity) == (execution.sleeve_id, "warning")
    assert (found["XRPUSDT"].position_id, found["XRPUSDT"].severity) == (None, "info")


async def test_a_delisting_is_announced_and_then_booked(house: House) -> None:
    execution = await opened(house)
    await control(house, "market", op="delist", symbol="XRPUSDT", in_ms=86_400_000 * 3)
    with pytest.raises(RunAgainIn):
        await refresh_instruments(house.work)
    await house.reconcile()
    (announced,) = await told(house, "delisting_announced")
    assert (announced.symbol, announced.severity) == ("XRPUSDT", "warning")
    before = await books(house)
    await control(house, "market", op="delist", symbol="XRPUSDT", in_ms=0)
    async with asyncio.timeout(30):
        while "XRPUSDT" in await sizes(house):
            await control(house, "clock", advance_ms=1000)
            await asyncio.sleep(0.1)
    assert await house.reconcile() == []
    assert await books(house) == await sizes(house) == {s: q for s, q in before.items() if s != "XRPUSDT"}
    (delivered,) = await told(house, "delivery")
    assert (delivered.position_id, delivered.symbol) == (execution.sleeve_id, "XRPUSDT")
    assert (await told(house, "delisting_announced"))[0].settled_at is not None
    assert await state_of(house, execution) == "active"


async def test_fees_funding_and_cash_are_the_venues_to_the_last_digit(house: House) -> None:
    """Per symbol what the venue charged and paid; and once all is closed, the whole change of the wallet."""
    execution = await opened(house)
    await operate(house, "trade", symbol="BTCUSDT", side="Sell", qty="0.003")
    await operate(house, "adl", symbol="ETHUSDT", share="0.3")
    await control(house, "funding")
    await control(house, "clock", advance_ms=1000)
    assert await house.reconcile() == []
    assert await paid(house, "fee") == await charged(house)
    assert await paid(house, "funding") == await received(house)
    closing = await house.execute(await house.preview_close(execution.sleeve_id))
    assert closing.state == "complete", closing.reason
    for symbol, size in (await sizes(house)).items():
        side = "Sell" if size > 0 else "Buy"
        await operate(house, "trade", symbol=symbol, side=side, qty=f"{abs(size):f}")
    assert await house.reconcile() == []
    assert await sizes(house) == await books(house) == {}
    assert await paid(house, "fee") == await charged(house)
    assert await cash(house) == Decimal((await house.truth())["balances"]["USDT"]) - 25_000


async def paid(house: House, kind: str) -> dict[str, Decimal]:
    query = (
        select(Posting.symbol, func.sum(Posting.amount))
        .where(Posting.connection_id == house.connection_id, Posting.kind == kind)
        .group_by(Posting.symbol)
    )
    async with house.work.database.sessions() as session:
        return {symbol: total for symbol, total in await session.execute(query) if total}


async def cash(house: House) -> Decimal:
    query = select(func.sum(Posting.amount)).where(
        Posting.connection_id == house.connection_id, Posting.asset == "USDT"
    )
    async with house.work.database.sessions() as session:
        return await session.scalar(query) or Decimal(0)


async def charged(house: House) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for fill in (await house.truth())["fills"]:
        sums[fill["symbol"]] -= Decimal(fill["fee"])
    return {symbol: total for symbol, total in sums.items() if total}


async def received(house: House) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for payment in (await house.truth())["funding"]:
        sums[payment["symbol"]] += Decimal(payment["amount"])
    assert sums, "somebody paid something"
    return {symbol: total for symbol, total in sums.items() if total}


# --- keys ------------------------------------------------------------------------------------------------


class Doors:
    """The house's one door, as the check uses it."""

    async def shut(self, _: object) -> None:
        return


@pytest.fixture
async def keyed(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    async def door(*_: object) -> Any:
        return house.door

    for module in (tasks, accounts_tasks):
        monkeypatch.setattr(module, "open_door", door)
    monkeypatch.setattr(accounts_tasks, "doors_of", lambda _: Doors())
    await checked(house)
    assert (await connection(house)).state == "active"
    return house


async def connection(house: House) -> Connection:
    async with house.work.database.sessions() as session:
        return await session.get_one(Connection, house.connection_id)


async def waiting(house: House) -> set[str]:
    async with house.work.database.sessions() as session:
        rows = await session.scalars(select(Job).where(Job.finished_at.is_(None)))
        return {job.kind for job in rows if job.subject == str(house.connection_id)}


async def checked(house: House) -> None:
    """The daily look at the key, and the reconciliation it asks for."""
    await work(house, accounts_tasks.check_connection)
    await reviewed(house)


async def reviewed(house: House) -> None:
    await work(house, tasks.reconcile)


async def work(house: House, handler: Any) -> None:
    lease = replace(house.work.lease, subject=str(house.connection_id))
    try:
        await handler(replace(house.work, lease=lease))
    except RunAgainIn:
        return


@pytest.mark.parametrize(
    ("change", "kind", "says"),
    [
        ({"revoked": True}, "key_refused", "does not work"),
        ({"expired": True}, "key_refused", "does not work"),
        ({"ips": ["10.1.2.3"]}, "key_refused", "does not work"),
        ({"read_only": True}, "account_downgraded", "cannot trade"),
        ({"permissions": {"ContractTrade": ["Order"]}}, "account_downgraded", "cannot trade"),
    ],
)
async def test_a_key_that_got_worse(keyed: House, change: dict[str, Any], kind: str, says: str) -> None:
    execution = await opened(keyed)
    await operate(keyed, "key", **change)
    await checked(keyed)
    (found,) = await told(keyed, kind)
    assert (found.severity, found.blocks, says in found.title) == ("alarm", "trading", True)
    assert (await connection(keyed)).state != "active"
    good = {"revoked": False, "read_only": False, "ips": [], "expires": "2100-01-01T00:00:00Z"}
    permissions = {"ContractTrade": ["Order", "Position"]}
    await operate(keyed, "key", **good, permissions=permissions)
    await checked(keyed)
    assert (await connection(keyed)).state == "active"
    assert (await told(keyed, kind))[0].settled_at is not None
    closing = await keyed.execute(await keyed.preview_close(execution.sleeve_id))
    assert closing.state == "complete", closing.reason


async def test_a_revoked_key_is_found_by_the_reconciliation_and_asks_for_one_check(keyed: House) -> None:
    await operate(keyed, "key", revoked=True)
    await finish_jobs(keyed)
    await reviewed(keyed)
    assert await waiting(keyed) == {"accounts.check_connection"}
    await work(keyed, accounts_tasks.check_connection)
    assert (await connection(keyed)).state == "failing"
    await finish_jobs(keyed)
    await reviewed(keyed)
    assert await waiting(keyed) == set(), "it is known, and tried again by the check in its own time"
    await operate(keyed, "key", revoked=False)
    await reviewed(keyed)
    assert await waiting(keyed) == {"accounts.check_connection"}, "it answers again: look at once"


async def finish_jobs(house: House) -> None:
    async with house.work.database.transaction() as session:
        for job in await session.scalars(select(Job)):
            job.finished_at = house.work.clock.now()


@pytest.mark.parametrize(("days", "severity"), [(10, "warning"), (2, "alarm")])
async def test_a_key_that_is_about_to_expire(keyed: House, days: int, severity: str) -> None:
    until = keyed.work.clock.now() + timedelta(days=days, hours=1)
    await operate(keyed, "key", expires=until.isoformat())
    await checked(keyed)
    (found,) = await told(keyed, "key_expiring")
    assert (found.severity, f"{days} days" in found.title, found.blocks) == (severity, True, "")
    await operate(keyed, "key", expires="2100-01-01T00:00:00Z")
    await checked(keyed)
    assert (await told(keyed, "key_expiring"))[0].settled_at is not None


async def test_an_account_that_is_no_longer_unified(keyed: House) -> None:
    await operate(keyed, "account-mode", unified_status=1)
    await finish_jobs(keyed)
    await reviewed(keyed)
    assert await waiting(keyed) == {"accounts.check_connection"}
    await checked(keyed)
    (found,) = await told(keyed, "account_downgraded")
    assert "Unified Trading Account" in found.text
