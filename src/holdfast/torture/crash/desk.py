"""A user at the simulator: accounts, prices, plans, trades by hand, and a position opened in peace."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import aiohttp
from sqlalchemy import select, text

from holdfast.accounts.connections import add_connection
from holdfast.accounts.models import User
from holdfast.accounts.vault import Vault, VenueCredentials
from holdfast.core.instruments import Side
from holdfast.execution.reconciliation.reconcile import reconcile_connection
from holdfast.market.quotes import LAST_KEY, encode
from holdfast.platform.clock import SystemClock
from holdfast.platform.database import Database
from holdfast.platform.jobs import Lease
from holdfast.platform.models import Job
from holdfast.platform.redis_client import open_redis
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Work
from holdfast.portfolio.models import Plan
from holdfast.portfolio.schemas import (
    PlanLeg,
    PlanView,
    PreviewOpen,
    TacticView,
)
from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.snapshot import SavedAccount, restored
from holdfast.torture.crash.installation import Installation
from holdfast.torture.crash.scenarios import Leg, Scenario
from holdfast.venues import registry
from holdfast.venues.protocol import OrderRequest, TradingVenue

TEMPLATE_LIFE = timedelta(seconds=8)
"""How long a previewed plan serves as the pattern of others: prices hardly move meanwhile."""
PRICES_LIFE = timedelta(seconds=2)
POLL_EVERY = timedelta(minutes=5)
INDEX = "btc-d"
ALLOWANCE = Decimal("0.005")


class Desk:
    """Everything a scene is made of."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._clock = SystemClock()
        self._vault = Vault.from_directory(settings.secrets_dir)
        self._keys: dict[UUID, VenueCredentials] = {}
        self._priced_at = datetime.min.replace(tzinfo=UTC)

    async def open(self) -> None:
        """Read the market and choose the members of the indices, as a first start does."""
        self.database = Database(self._settings.database_url, pool_size=3)
        redis = open_redis(self._settings.redis_url)
        lease = Lease(0, "", "", 0, 1, self._clock.now())
        self._work = Work(lease, self.database, redis, self._settings, self._clock, {})
        self._http = aiohttp.ClientSession(base_url=self._settings.sim_url)
        self._house = Installation(**Installation.parts(self._work))
        self._quotes, self._instruments = self._house.quotes, self._house.world.instruments
        await self._poll()
        self._pattern: PlanView | None = None
        self._pattern_user, self._pattern_connection, _ = await self._account(Scenario("", "", "open"))
        await self._reconcile(self._pattern_connection)

    async def _poll(self) -> None:
        await self._house.poll()
        self._polled_at = self._clock.now()

    async def close(self) -> None:
        await self._http.close()
        await self._work.redis.aclose()
        await self.database.close()

    async def _wait(self, hours: int, *, uid: str) -> None:
        """Let time pass at the venue until it has paid funding; what was read before grows old."""
        (await self._http.post("/_sim/clock", json={"advance_ms": hours * 3_600_000})).raise_for_status()
        while not any(line.type == "SETTLEMENT" for line in (await self.account(uid)).log):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        self._pattern = None
        self._priced_at = self._polled_at = datetime.min.replace(tzinfo=UTC)

    async def fault(self, rules: Any) -> None:
        """Replace the simulator's fault rules."""
        answer = await self._http.post("/_sim/faults", json={"rules": [dict(rule) for rule in rules]})
        answer.raise_for_status()

    async def account(self, uid: str) -> Account:
        """The account as the venue has it."""
        async with self._http.get(f"/_sim/accounts/{uid}") as answer:
            answer.raise_for_status()
            return restored(SavedAccount.model_validate_json(await answer.read()))

    async def _job(self, kind: str, subject: UUID) -> int:
        async with self.database.sessions() as session:
            found = await session.scalar(
                select(Job.id).where(Job.kind == kind, Job.subject == str(subject)).order_by(Job.id.desc())
            )
        assert found is not None
        return found

    # --- accounts ----------------------------------------------------------------------------------------

    async def _account(self, scenario: Scenario) -> tuple[UUID, UUID, str]:
        wanted = {
            "balances": {"USDT": "25000"},
            "ips": ["127.0.0.1"],
            "behaviour": dict(scenario.behaviour),
            "positions": [{"symbol": s, "size": q} for s, q in scenario.holding.items()],
        }
        async with self._http.post("/_sim/accounts", json=wanted) as answer:
            answer.raise_for_status()
            account = await answer.json()
        now = self._clock.now()
        user = User(id=uuid4(), is_demo=True, created_at=now)
        key = VenueCredentials(account["api_key"], account["api_secret"])
        async with self.database.transaction() as session:
            session.add(user)
            await session.flush()
            connection = await add_connection(
                session,
                user,
                self._vault,
                key,
                label="Crash",
                environment="simulated",
                now=now,
            )
            if scenario.job != "check":
                connection.state, connection.venue_uid = "active", account["uid"]
                await session.execute(text("DELETE FROM jobs WHERE subject = :s"), {"s": str(connection.id)})
        self._keys[connection.id] = key
        return user.id, connection.id, account["uid"]

    @asynccontextmanager
    async def _door(self, connection_id: UUID) -> AsyncIterator[TradingVenue]:
        """The venue in the user's own hands."""
        key = self._keys[connection_id]
        budget = registry.shared_budget("bybit", self._work.redis, self._clock, self._settings.home)
        door = registry.trading_venue(
            "bybit",
            "simulated",
            key.api_key,
            key.api_secret,
            self._settings,
            budget=budget,
            clock=self._clock,
        )
        try:
            yield door
        finally:
            await door.close()

    async def _reconcile(self, connection_id: UUID) -> None:
        async with self._door(connection_id) as door:
            await reconcile_connection(self._work, door, connection_id)

    async def _trade_by_hand(self, connection_id: UUID, scenario: Scenario) -> None:
        """What the user does in the venue's own app."""
        async with self._door(connection_id) as door:
            for number, (symbol, signed) in enumerate(scenario.trades.items()):
                side = Side.of(Decimal(signed))
                limit = self._limit(symbol, side)
                quantity = abs(Decimal(signed))
                order = OrderRequest(f"own-{number}", symbol, side, quantity, limit, reduce_only=False)
                (placed,) = await door.place([order])
                if placed.error:
                    raise placed.error

    # --- plans -------------------------------------------------------------------------------------------

    async def _plan(self, user_id: UUID, connection_id: UUID, scenario: Scenario) -> PlanView:
        """A preview of this user's, made from the pattern of a real one: other legs, otherwise the same."""
        pattern = await self._fresh_pattern()
        now = self._clock.now()
        shown = pattern.model_copy(
            update={
                "id": uuid4(),
                "connection_id": connection_id,
                "legs": [
                    self._leg(pattern.legs[0], leg, scenario.tactic.get("slices", 1)) for leg in scenario.legs
                ],
                "tactic": TacticView.model_validate(scenario.tactic),
                "created_at": now,
                "expires_at": now + timedelta(seconds=30),
            }
        )
        row = Plan(
            id=shown.id,
            user_id=user_id,
            connection_id=connection_id,
            kind=shown.kind,
            index_id=shown.index_id,
            direction=shown.direction,
            size=shown.size,
            digest=shown.digest,
            body=shown.model_dump(mode="json"),
            created_at=now,
            expires_at=shown.expires_at,
        )
        async with self.database.transaction() as session:
            session.add(row)
        return shown

    async def _fresh_pattern(self) -> PlanView:
        now = self._clock.now()
        if now - self._polled_at > POLL_EVERY:
            await self._poll()
        if self._pattern is None or now - self._pattern.created_at > TEMPLATE_LIFE:
            await self._read_prices()
            wanted = PreviewOpen(
                connection_id=self._pattern_connection, index_id=INDEX, direction="long", size=Decimal(2000)
            )
            self._pattern = await self._house.preview_for(self._pattern_user, wanted)
        return self._pattern

    async def _read_prices(self) -> None:
        """What the feed does all the time: prices into memory, and into Redis for the others."""
        now = self._clock.now()
        if now - self._priced_at < PRICES_LIFE:
            return
        self._priced_at = now
        await self._house.read_prices()
        told: dict[Any, Any] = {quote.symbol: json.dumps(encode(quote)) for quote in self._quotes.all()}
        await self._work.redis.hset(LAST_KEY, mapping=told)

    def _leg(self, pattern: PlanLeg, leg: Leg, slices: int) -> PlanLeg:
        instrument = self._instruments.get(leg.symbol)
        quote = self._quotes.get(leg.symbol)
        assert instrument is not None
        assert quote is not None
        side = Side(leg.side)
        price = quote.ask if side is Side.BUY else quote.bid
        quantity = instrument.lot if leg.tiny else instrument.lot * instrument.floor_lots(leg.usdt / price)
        return pattern.model_copy(
            update={
                "symbol": leg.symbol,
                "side": side,
                "action": "trade",
                "quantity": quantity,
                "expected_price": price,
                "limit_price": self._limit(leg.symbol, side),
                "notional": quantity * price,
                "slices": slices,
            }
        )

    def _limit(self, symbol: str, side: Side) -> Decimal:
        instrument, quote = self._instruments.get(symbol), self._quotes.get(symbol)
        assert instrument is not None
        assert quote is not None
        best = quote.ask if side is Side.BUY else quote.bid
        return instrument.price(instrument.ticks_not_worse(side, best * (1 + side.sign * ALLOWANCE)))

    async def _confirm(self, user_id: UUID, shown: PlanView) -> UUID:
        await self._read_prices()
        return await self._house.confirm(user_id, shown)

    async def _carry_out(self, execution_id: UUID) -> UUID:
        """Open a position in peace. Returns its id."""
        execution = await self._house.carry_out(execution_id)
        assert execution.state == "complete", execution.reason
        async with self.database.transaction() as session:
            await session.execute(
                text("UPDATE jobs SET finished_at = now() WHERE subject = :id"), {"id": str(execution_id)}
            )
        return execution.sleeve_id
