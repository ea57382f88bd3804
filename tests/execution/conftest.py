"""A user with a connection, a plan of three legs, and a worker at a scripted venue."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis
from tests.execution.scripted_venue import ScriptedVenue, TestClock

from holdfast.accounts.models import Connection, User
from holdfast.core.instruments import Side
from holdfast.execution import executor as executor_module
from holdfast.execution import service
from holdfast.execution.executor import Executor
from holdfast.execution.models import Execution
from holdfast.execution.schemas import NewExecution
from holdfast.market.models import InstrumentRow
from holdfast.market.quotes import LiveQuote
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import RetryAt, Work
from holdfast.portfolio.models import Plan
from holdfast.portfolio.schemas import PlanLeg, PlanTotals, PlanView, TacticView

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LEGS = (("BTCUSDT", Side.BUY, "1.6"), ("ETHUSDT", Side.SELL, "0.8"), ("XRPUSDT", Side.SELL, "0.4"))


def quote_of(symbol: str) -> LiveQuote:
    price = Decimal(100)
    return LiveQuote(symbol, price, price, price, price, price, price, Decimal(1), Decimal(0), NOW)


@dataclass
class Desk:
    """One user at one scripted venue, and what a test does with them."""

    database: Database
    venue: ScriptedVenue
    clock: TestClock
    work: Work
    user_id: UUID
    connection_id: UUID
    fence: int = 0

    async def plan(
        self,
        *,
        kind: str = "open",
        sleeve_id: UUID | None = None,
        legs: Any = LEGS,
        skip: bool = False,
        **more: Any,
    ) -> Plan:
        now = self.clock.now()
        made = plan_row(self.user_id, self.connection_id, kind, sleeve_id, legs, now, skip=skip, **more)
        async with self.database.transaction() as session:
            session.add(made)
        return made

    async def confirm(self, plan: Plan, *, quote_of: service.QuoteOf = quote_of) -> UUID:
        async with self.database.transaction() as session:
            view = await service.start(
                session,
                self.user_id,
                NewExecution(plan_id=plan.id, digest=plan.digest),
                settings=self.work.settings,
                quote_of=quote_of,
                now=self.clock.now(),
            )
        return view.id

    async def run(self, execution_id: UUID, *, rounds: int = 30) -> Execution:
        """What a worker does, taken up again as often as it asks for it."""
        for _ in range(rounds):
            self.fence += 1
            lease = replace(self.work.lease, subject=str(execution_id), fence=self.fence)
            try:
                await Executor(replace(self.work, lease=lease), execution_id, pause=self.clock.sleep).run()
            except RetryAt as later:
                await self.clock.sleep(later.seconds)
            else:
                break
        return await self.execution(execution_id)

    async def execution(self, execution_id: UUID) -> Execution:
        async with self.database.sessions() as session:
            return await session.get_one(Execution, execution_id)


def plan_row(
    user_id, connection_id, kind, sleeve_id, legs, now, *, skip=False, tactic=None, held=None, slices=1
) -> Plan:
    """``held``: by symbol, what a position that is rebalanced has; its legs that shrink it are reducing."""
    plan_id = uuid4()
    shown = PlanView(
        id=plan_id,
        kind=kind,
        digest="d",
        connection_id=connection_id,
        position_id=sleeve_id,
        index_id="btc-d",
        index_name="Bitcoin dominance",
        index_version="1",
        direction="long",
        size=Decimal(300),
        level=60.0,
        legs=[
            _leg(*leg, action="skip" if skip and n == len(legs) - 1 else "trade", held=held, slices=slices)
            for n, leg in enumerate(legs)
        ]
        + [
            _leg(symbol, Side.BUY, "0", action="skip", held=held, slices=1)
            for symbol in sorted((held or {}).keys() - {leg[0] for leg in legs})
        ],
        totals=PlanTotals(
            gross=Decimal(270),
            net=Decimal(30),
            margin_needed=Decimal(272),
            available=None,
            available_as_of=None,
            fees=Decimal("0.15"),
            slippage=Decimal(0),
            left_out=Decimal(0),
            tracking_error=0.0,
        ),
        tactic=tactic or TacticView(),
        allowance=0.005,
        warnings=[],
        executable=True,
        blocked_reason="",
        created_at=now,
        expires_at=now + timedelta(seconds=30),
    )
    return Plan(
        id=plan_id,
        user_id=user_id,
        connection_id=connection_id,
        sleeve_id=sleeve_id,
        kind=kind,
        index_id="btc-d",
        direction="long",
        size=Decimal(300),
        digest="d",
        body=shown.model_dump(mode="json"),
        created_at=now,
        expires_at=now + timedelta(seconds=30),
    )


def _leg(symbol: str, side: Side, quantity: str, *, action: str, held: Any, slices: int) -> PlanLeg:
    limit = Decimal("100.5") if side is Side.BUY else Decimal("99.5")
    amount = Decimal(quantity)
    return PlanLeg(
        symbol=symbol,
        asset_id=symbol[:3].lower(),
        name=symbol[:3],
        ticker=symbol[:3],
        action=action,
        side=side,
        weight=0.5,
        target_notional=amount * 100,
        quantity=amount,
        expected_price=Decimal(100),
        limit_price=limit,
        notional=amount * 100,
        fee=Decimal("0.05"),
        slippage=Decimal(0),
        residual_notional=Decimal(0),
        note="",
        slices=slices,
        held_quantity=None if held is None else held.get(symbol, Decimal(0)),
        reduces=held is not None and held.get(symbol, Decimal(0)) * side.sign <= -amount,
    )


def opposite(legs=LEGS):
    return tuple((symbol, side.opposite, quantity) for symbol, side, quantity in legs)


@pytest.fixture
def desk_clock() -> TestClock:
    return TestClock(NOW)


@pytest.fixture
async def desk(
    database: Database,
    redis: Redis,
    settings: Settings,
    desk_clock: TestClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    venue = ScriptedVenue(desk_clock)
    user_id, connection_id = uuid4(), uuid4()
    async with database.transaction() as session:
        session.add(User(id=user_id, is_demo=True, created_at=NOW))
        await session.flush()
        session.add(connection_row(connection_id, user_id))
        session.add_all(instrument_row(symbol) for symbol, _, _ in LEGS)
    lease = Lease(1, "execution.run", "", 0, 1, NOW)
    work = Work(lease, database, redis, settings, desk_clock, {}, pause=desk_clock.sleep)

    async def door(*_: object) -> ScriptedVenue:
        return venue

    monkeypatch.setattr(executor_module, "open_door", door)
    return Desk(database, venue, desk_clock, work, user_id, connection_id)


def connection_row(connection_id: UUID, user_id: UUID) -> Connection:
    return Connection(
        id=connection_id,
        user_id=user_id,
        venue="bybit",
        environment="simulated",
        label="Test",
        sealed=b"x",
        key_hint="abcd",
        state="active",
        created_at=NOW,
        checks=[],
    )


def instrument_row(symbol: str) -> InstrumentRow:
    step = Decimal("0.1")
    return InstrumentRow(
        venue="bybit",
        symbol=symbol,
        kind="linear",
        base=symbol[:3],
        quote="USDT",
        tick=step,
        lot=step,
        min_quantity=step,
        min_notional=Decimal(5),
        max_market_quantity=Decimal(10**6),
        max_limit_quantity=Decimal(10**6),
        status="trading",
        delivery_at=None,
        funding_interval_minutes=480,
        multiplier=1,
        seen_at=NOW,
    )
