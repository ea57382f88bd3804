"""The users of a run: they open, rebalance, close and flatten baskets, and trade by hand beside them."""

import asyncio
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from holdfast.accounts.models import Connection, User
from holdfast.accounts.vault import VenueCredentials
from holdfast.core.errors import HoldfastError
from holdfast.core.identity import new_id
from holdfast.core.money import plain
from holdfast.core.targets import Target, TargetSet
from holdfast.core.time import to_ms
from holdfast.execution import service
from holdfast.execution.risk import flatten, stops
from holdfast.execution.risk.models import RiskLimit, RiskMark
from holdfast.execution.risk.schemas import NewFlatten, NewStop
from holdfast.execution.schemas import NewExecution
from holdfast.indices.board import IndexBoard
from holdfast.indices.schemas import MinimumSize
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote
from holdfast.platform.jobs import enqueue
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.previews import World, make_preview
from holdfast.portfolio.schemas import PlanView, PreviewRequest
from holdfast.sim.bybit.account import Account
from holdfast.torture.house import ADDRESS, House
from holdfast.torture.loop import inside
from holdfast.torture.market import SYMBOLS
from holdfast.venues.bybit.pybit_client import PybitClient

ELSEWHERE: Final = "10.9.9.9"
"""The address of the users' own browsers."""
INDICES: Final = ("btc-d", "eth-d", "eth-btc", "top-10")
SIZES: Final = ("250", "600", "900", "4000", "15000")
LAGS_MS: Final = (0, 0, 40, 900)
"""How late an account's orders and fills are told when they are asked for."""
LIMITED: Final = 0.35
"""The part of users who have limits of their own."""
FALLEN: Final = 0.08
"""The part of users whose account is further below its peak than they allow: they open nothing."""
STUBBORN: Final = 0.15
"""The part of users who do little but try to rebalance what they have just stopped."""
_PREVIEW: Final[TypeAdapter[Any]] = TypeAdapter(PreviewRequest)


class SeededIndices:
    """In the place of ``indices.board.IndexBoard``: a few members each, weights that drift."""

    def __init__(self, house: House) -> None:
        self._house = house
        dice = random.Random(f"{house.seed}:indices")  # noqa: S311  not a secret
        self._members = {}
        for index_id in INDICES:
            others = dice.sample(SYMBOLS[1:], dice.randint(1, 3))
            self._members[index_id] = ["BTCUSDT", *others]
        self._caps = {symbol: dice.uniform(0.2, 2) for symbol in SYMBOLS}
        self._growth = {symbol: dice.uniform(-0.02, 0.02) for symbol in SYMBOLS}

    def targets(self, index_id: str, now: datetime) -> TargetSet:
        members = self._members[index_id]
        caps = {
            s: max(self._caps[s] * (1 + self._growth[s] * self._house.loop.time()), 0.01) for s in members
        }
        total = sum(caps.values())
        weights = {symbol: cap / total for symbol, cap in caps.items()}
        if index_id != "top-10":
            first = members[0]
            weights = {s: (1.0 if s == first else 0.0) - weight for s, weight in weights.items()}
        targets = tuple(
            Target(symbol.lower(), symbol, weight, float(self._house.market.last_price("linear", symbol)))
            for symbol, weight in weights.items()
        )
        return TargetSet(index_id, "1", now, 50.0, targets)

    def minimum(self, _index_id: str) -> MinimumSize | None:
        return None

    def asset(self, asset_id: str) -> tuple[str, str]:
        return asset_id, asset_id.upper()

    def level(self, index_id: str, now: datetime) -> Any:
        return self.targets(index_id, now)


@dataclass
class Person:
    """A user with one venue account. ``opening`` is what the account held before it was connected."""

    house: House
    number: int
    dice: random.Random
    account: Account
    user_id: UUID
    connection_id: UUID
    world: World
    opening: dict[str, Decimal]
    browser: PybitClient
    browser_threads: Any
    started: list[UUID] = field(default_factory=list)
    fallen: bool = False
    stubborn: bool = False
    told_stopped: dict[UUID, datetime] = field(default_factory=dict)
    """The stops that were confirmed to the user, and when."""

    async def live(self, until: float) -> None:
        """One thing after another, until the storm is over."""
        loop = self.house.loop
        pause, act = self.dice.uniform(0.2, 2), self.open
        while loop.time() + pause < until:
            await asyncio.sleep(pause)
            pauses = (0.3, 1) if self.stubborn else (0.3, 3, 5, 9)
            pause = self.dice.choice(pauses) * self.dice.uniform(0.5, 1.5)
            try:
                await act()
            except HoldfastError as error:
                self.house.note("refused", f"{self.number} {error.detail[:80]}")
                self.house.tally.add("requests refused")
            except (SQLAlchemyError, OSError):
                self.house.tally.add("requests lost")
            act = self._something

    async def _something(self) -> None:
        """Mostly with positions that stand; now and then with any, which may be refused."""
        sleeves, standing = await self.sleeves(), await self.sleeves("active", "needs_attention")
        if self.stubborn and standing:
            await self.stop(self.dice.choice((None, standing[0])), then_rebalance=standing[0])
            return
        choice, mine = self.dice.random(), self.dice.choice(standing or sleeves or [None])
        if (choice < 0.2 and len(sleeves) < 3) or mine is None:
            await self.open()
        elif choice < 0.45:
            await self.close(mine)
        elif choice < 0.75:
            await self.rebalance(mine)
        elif choice < 0.85:
            await self.trade_by_hand()
        elif choice < 0.9:
            await self.flatten(self.dice.choice((None, *sleeves)))
        elif choice < 0.95:
            await self.stop(self.dice.choice((None, *sleeves)))
        else:
            await self.look()

    async def sleeves(self, *states: str) -> list[UUID]:
        """Positions in these states; if none are named, those that are not over."""
        wanted = Sleeve.state.in_(states) if states else Sleeve.state.not_in(("closed", "unwound"))
        async with self.house.database.sessions() as session:
            query = select(Sleeve.id).where(Sleeve.connection_id == self.connection_id, wanted)
            return list(await session.scalars(query.order_by(Sleeve.created_at, Sleeve.id)))

    async def open(self) -> None:
        index_id = self.dice.choice(INDICES)
        await self._carry_out(
            kind="open",
            connection_id=self.connection_id,
            index_id=index_id,
            direction="long" if index_id == "top-10" else self.dice.choice(("long", "short")),
            size=self.dice.choice(SIZES),
        )

    async def close(self, sleeve_id: UUID) -> None:
        await self._carry_out(kind="close", position_id=sleeve_id)

    async def rebalance(self, sleeve_id: UUID) -> None:
        await self._carry_out(kind="rebalance", position_id=sleeve_id)

    async def flatten(self, sleeve_id: UUID | None) -> None:
        """The kill switch: close everything, or one position."""
        scope = "position" if sleeve_id else "user"
        async with self.house.database.transaction() as session:
            begun = await flatten.start(
                session,
                self.user_id,
                NewFlatten(scope=scope, position_id=sleeve_id),
                by="user",
                now=self.house.clock.now(),
            )
        if begun.stop_id:
            self.told_stopped.setdefault(begun.stop_id, self.house.clock.now())
        self.house.tally.add("flattened")

    async def stop(self, sleeve_id: UUID | None, *, then_rebalance: UUID | None = None) -> None:
        """Nothing new from here on, whatever is asked for then; lifted a little later."""
        wanted = NewStop(scope="position" if sleeve_id else "user", position_id=sleeve_id)
        now = self.house.clock.now()
        async with self.house.database.transaction() as session:
            made = await stops.stop(session, self.user_id, wanted, by="user", now=now)
        self.told_stopped[made.id] = self.house.clock.now()
        self.house.tally.add("stopped")
        if then_rebalance:
            await self._try_to_rebalance(then_rebalance)
        await asyncio.sleep(self.dice.uniform(1, 3 if then_rebalance else 12))
        async with self.house.database.transaction() as session:
            await stops.lift(session, self.user_id, made.id, by="user", now=self.house.clock.now())

    async def _try_to_rebalance(self, sleeve_id: UUID) -> None:
        try:
            await self.rebalance(sleeve_id)
            self.house.tally.add("rebalances under a stop")
        except (HoldfastError, SQLAlchemyError, OSError):
            self.house.tally.add("requests refused")

    async def look(self) -> None:
        """Opening the page asks for a reconciliation."""
        async with self.house.database.transaction() as session:
            await enqueue(session, "execution.reconcile", str(self.connection_id), now=self.house.clock.now())

    async def _carry_out(self, **wanted: Any) -> None:
        house = self.house
        plan = await self._preview(wanted)
        if not plan.executable:
            house.note("blocked", f"{self.number} {plan.blocked_reason[:80]}")
            house.tally.add("plans blocked")
            return
        await asyncio.sleep(self.dice.uniform(0.1, 3))
        clicks = 2 if self.dice.random() < 0.1 else 1
        answers = await asyncio.gather(*(self._confirm(plan) for _ in range(clicks)), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(
                answer, (HoldfastError, SQLAlchemyError, OSError)
            ):
                raise answer
        house.tally.add(f"{plan.kind} confirmed")

    async def _preview(self, wanted: dict[str, Any]) -> PlanView:
        house = self.house
        async with house.database.sessions() as session:
            await self.world.instruments.refresh(session)
        return await make_preview(
            house.database,
            self.user_id,
            _PREVIEW.validate_python(wanted | self._tactic()),
            world=self.world,
            settings=house.settings,
            now=house.clock.now(),
        )

    def _tactic(self) -> dict[str, Any]:
        passive = {"kind": "passive", "deadline_seconds": self.dice.choice((5, 20))}
        slices, seconds = self.dice.choice((2, 4)), self.dice.choice((10, 30))
        twap = {"kind": "twap", "slices": slices, "seconds": seconds}
        at_once = {"kind": "limit_ioc"}
        return {"tactic": self.dice.choice((at_once, at_once, {"kind": "market"}, passive, twap))}

    async def _confirm(self, plan: PlanView) -> None:
        async with self.house.database.transaction() as session:
            view = await service.start(
                session,
                self.user_id,
                NewExecution(plan_id=plan.id, digest=plan.digest),
                quote_of=self.quote_of,
                settings=self.house.settings,
                now=self.house.clock.now(),
            )
        self.started.append(view.id)

    def quote_of(self, symbol: str) -> LiveQuote | None:
        market = self.house.market
        book, last = market.book("linear", symbol, 1), market.last_price("linear", symbol)
        return LiveQuote(
            symbol, book.bids[0][0], book.asks[0][0], last, last, last, last, Decimal(1_000_000), Decimal(0),
            self.house.clock.now(),
        )  # fmt: skip

    # --- beside Holdfast ---------------------------------------------------------------------------------

    async def trade_by_hand(self) -> None:
        """An order of the user's own, from a browser: it follows no rule of ours."""
        market, symbol = self.house.market, self.dice.choice(SYMBOLS[:8])
        held = [s for (s, _), position in self.account.positions.items() if position.quantity]
        if held and self.dice.random() < 0.6:
            symbol = self.dice.choice(sorted(held))
        one, price = market.instruments["linear", symbol], market.last_price("linear", symbol)
        lots = max(int(Decimal(self.dice.choice((20, 200, 2000))) / price / one.lot), 1)
        order = {
            "category": "linear",
            "symbol": symbol,
            "side": self.dice.choice(("Buy", "Sell")),
            "orderType": "Market",
            "qty": plain(lots * one.lot),
        }
        if self.dice.random() < 0.3:
            away = Decimal("0.998") if order["side"] == "Buy" else Decimal("1.002")
            order |= {"orderType": "Limit", "price": plain(int(price * away / one.tick) * one.tick)}
        await self.ask_venue("place_order", **order)
        self.house.tally.add("trades by hand")

    async def set_leverage(self, symbol: str, leverage: str) -> None:
        await self.ask_venue(
            "set_leverage", category="linear", symbol=symbol, buyLeverage=leverage, sellLeverage=leverage
        )

    async def switch_to_hedge_mode(self, symbol: str) -> None:
        await self.ask_venue("switch_position_mode", category="linear", symbol=symbol, mode=3)

    async def switch_back(self, symbol: str) -> None:
        await self.ask_venue("switch_position_mode", category="linear", symbol=symbol, mode=0)

    async def ask_venue(self, method: str, **query: Any) -> Any:
        """The venue's answer to the user's own request; a refusal is the user's business."""
        call = self.browser_threads.submit(lambda: getattr(self.browser, method)(**query))
        try:
            answer = await asyncio.wrap_future(call)
        except Exception as error:
            self.house.note("by hand", f"{self.number} {method} {type(error).__name__}")
            return None
        self.house.note("by hand", f"{self.number} {method} {query}")
        return answer


async def move_in(house: House, number: int) -> Person:
    """A new user with a funded account, perhaps with positions of their own, and a connection to check."""
    dice = random.Random(f"{house.seed}:person:{number}")  # noqa: S311  not a secret
    held = dice.sample(SYMBOLS[:8], dice.choice((0, 0, 1, 3)))
    positions = [
        {
            "symbol": symbol,
            "size": plain(
                dice.choice((-1, 1)) * dice.randint(1, 40) * house.market.instruments["linear", symbol].lot
            ),
        }
        for symbol in held
    ]
    funds = dice.choice((30_000, 60_000, 200_000))
    account = house.venue.accounts.create(
        {
            "balances": {"USDT": str(funds)},
            "ips": [],
            "default_leverage": dice.choice(("1", "10")),
            "positions": positions,
            "behaviour": {
                "match_delay_ms": dice.choice((0, 10, 10, 150, 1500)),
                "realtime_lag_ms": dice.choice(LAGS_MS),
                "executions_first": dice.random() < 0.5,
                "duplicate_pushes": dice.random() < 0.3,
            },
        }
    )
    user_id, connection_id = new_id(), new_id()
    house.keys[connection_id] = VenueCredentials(account.key.key, account.key.secret)
    now = house.clock.now()
    async with house.database.transaction() as session:
        session.add(User(id=user_id, is_demo=True, created_at=now))
        await session.flush()
        session.add(
            Connection(
                id=connection_id,
                user_id=user_id,
                venue="bybit",
                environment="simulated",
                label=f"{number}",
                sealed=b"sealed",
                key_hint="",
                state="checking",
                checks=[],
                created_at=now,
            )
        )
        await session.flush()
        limited = dice.random()
        if limited < LIMITED:
            session.add(_limits(dice, user_id, now))
        fallen = limited > 1 - FALLEN
        if fallen:
            session.add_all(_fallen(Decimal(funds), user_id, now))
        await enqueue(session, "accounts.check_connection", str(connection_id), now=now)
    road = house.network.road(ELSEWHERE, exempt=True)
    browser = PybitClient(
        ADDRESS,
        lambda: to_ms(house.clock.now()),
        api_key=account.key.key,
        api_secret=account.key.secret,
        connections=1,
        adapter=road.adapter,
    )
    indices = cast(IndexBoard, SeededIndices(house))
    world = World(indices, InstrumentBook(), inside(house.api).run(house.public_venue, house.api))
    return Person(
        house, number, dice, account, user_id, connection_id, world,
        {p.symbol: p.quantity for p in account.positions.values()}, browser, road.threads, fallen=fallen,
        stubborn=random.Random(f"{house.seed}:unwilling:{number}").random() < STUBBORN,  # noqa: S311
    )  # fmt: skip


def _limits(dice: random.Random, user_id: UUID, now: datetime) -> RiskLimit:
    """Limits of the user's own, tight enough to be met."""
    return RiskLimit(
        id=new_id(),
        user_id=user_id,
        order_notional=dice.choice((None, Decimal(400), Decimal(3000))),
        gross_notional=dice.choice((None, Decimal(2000), Decimal(20_000))),
        daily_loss=dice.choice((None, None, Decimal(1), Decimal(20))),
        orders_per_minute=dice.choice((None, 5, 12)),
        instrument_notional=dice.choice((None, None, Decimal(500), Decimal(6000))),
        sleeve_notional=dice.choice((None, None, Decimal(700), Decimal(9000))),
        price_band=dice.choice((None, None, None, Decimal("0.003"), Decimal("0.0053"))),
        updated_at=now,
    )


def _fallen(funds: Decimal, user_id: UUID, now: datetime) -> tuple[RiskLimit, RiskMark]:
    """A peak that the account comes nowhere near in a run, and a limit of the user's own that it has passed;
    that of the installation it has not."""
    peak = funds * Decimal("1.4")
    return (
        RiskLimit(id=new_id(), user_id=user_id, drawdown=Decimal("0.2"), updated_at=now),
        RiskMark(
            id=new_id(),
            user_id=user_id,
            value=peak,
            seen_at=now,
            day=now.date(),
            day_value=peak,
            peak=peak,
            peak_since=now,
            operators_peak=peak,
            operators_peak_since=now,
        ),
    )


def begin(seed: int) -> datetime:
    """When a run begins: often shortly before funding is paid."""
    dice = random.Random(f"{seed}:begin")  # noqa: S311  not a secret
    day = datetime.fromisoformat("2026-11-21T00:00:00+00:00") + timedelta(days=dice.randint(0, 300))
    hour = day + timedelta(hours=dice.choice((4, 8, 9, 12, 16)))
    return hour - timedelta(seconds=dice.choice((20, 45, 90, 3000)))
