"""A market of one symbol, a clock that is moved by hand, and strategies brought up to date by hand."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID, uuid4

import numpy as np
from sqlalchemy import select

from holdfast.core.bars import Bars, FloatBars
from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.core.resample import resample
from holdfast.core.timeframes import MINUTE, Timeframe
from holdfast.market import repository as instruments
from holdfast.market.candles.service import Candles
from holdfast.market.live.minutes import Minute, minutes_of
from holdfast.platform.database import Database
from holdfast.scripts.language.output import Output
from holdfast.scripts.language.run import Task
from holdfast.scripts.models import Script, ScriptVersion
from holdfast.scripts.running import Purpose, Runner
from holdfast.scripts.service import sha256_of
from holdfast.strategies import service
from holdfast.strategies.models import Strategy, StrategyBar, StrategyEvent, StrategyFill
from holdfast.strategies.schemas import NewStrategy, StrategyView
from holdfast.strategies.stepping import Late, Stepper
from holdfast.venues.protocol import Candle, Unreachable

SERIES: Final = "bybit:COIN"
START: Final = int(datetime(2026, 3, 2, 12, tzinfo=UTC).timestamp())
LISTED: Final = START - 3000 * MINUTE
MANY: Final = 20_000
MOST: Final = 100
"""Strategies of all users."""
FLIPS: Final = 'script("Flips")\ntarget(np.where(bars.index % 2 == 0, 1.0, 0.0))\n'


class ManualClock:
    def __init__(self) -> None:
        self.second = float(START)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.second, UTC)


@dataclass(eq=False)
class Venue:
    """Tells the minutes of one symbol that are over, and a forming one whose open will turn out otherwise."""

    clock: ManualClock
    missing: set[int] = field(default_factory=set)
    away: bool = False
    decimals: int = 2

    def __post_init__(self) -> None:
        moves = np.random.default_rng(7).integers(-40, 41, 4 * MANY).reshape(MANY, 4)
        self.ticks = np.cumsum(moves.sum(axis=1)) + 1_000_000
        self.moves = moves

    def minute(self, time: int) -> Minute:
        place = (time - LISTED) // MINUTE
        opened = int(self.ticks[place]) + int(self.moves[place, 0])
        close = int(self.ticks[place + 1])
        high, low = max(opened, close) + 7, min(opened, close) - 9
        finer = Decimal(self.decimals - 2).scaleb(-self.decimals)
        prices = [Decimal(ticks).scaleb(-2) + finer for ticks in (opened, high, low, close)]
        return Minute(time, *prices, Decimal(place % 13))

    async def klines(
        self, symbol: str, timeframe: Timeframe, start: datetime, end: datetime, limit: int
    ) -> list[Candle]:
        await asyncio.sleep(0)
        if self.away:
            raise Unreachable("nobody answers")
        now = int(self.clock.second)
        first = max(int(start.timestamp()), LISTED)
        times = [t for t in range(first, int(end.timestamp()), MINUTE) if t <= now and t not in self.missing]
        rows = [self.minute(t) if t + MINUTE <= now else self._forming(t) for t in times]
        bars = resample(Bars.of_decimals(rows), timeframe)
        return [
            Candle(datetime.fromtimestamp(one.time, UTC), *one[1:], Decimal(0))
            for one in minutes_of(bars)[:limit]
        ]

    def _forming(self, time: int) -> Minute:
        last = self.minute(time - MINUTE).close
        return Minute(time, last, last, last, last, Decimal(0))

    async def close(self) -> None:
        return None


@dataclass
class Told:
    """A runner that says what it is told to: the target of each bar by its time."""

    target: Callable[[int], float]
    seen: list[FloatBars] = field(default_factory=list)

    async def run(self, task: Task, bars: FloatBars, *, owner: str, purpose: Purpose) -> Output:
        await asyncio.sleep(0)
        self.seen.append(bars)
        return Output(title="", target=np.array([self.target(int(t)) for t in bars.time], np.float64))


@dataclass
class World:
    database: Database
    user_id: UUID
    runner: Runner
    clock: ManualClock = field(default_factory=ManualClock)
    announced: list[UUID] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.venue = Venue(self.clock)

    @property
    def candles(self) -> Candles:
        return Candles(self.database, self.clock, {"bybit": self.venue})

    async def list_coin(self) -> None:
        coin = Instrument(
            "COIN",
            InstrumentKind.LINEAR,
            "COIN",
            "USDT",
            tick=Decimal("0.01"),
            lot=Decimal("0.001"),
            min_quantity=Decimal("0.001"),
            min_notional=Decimal(5),
            max_market_quantity=Decimal(10_000),
            max_limit_quantity=Decimal(10_000),
            status=InstrumentStatus.TRADING,
        )
        async with self.database.transaction() as session:
            await instruments.save_seen(session, "bybit", [coin], self.clock.now())

    async def script(self, source: str = FLIPS, user_id: UUID | None = None) -> UUID:
        made, now = uuid4(), self.clock.now()
        async with self.database.transaction() as session:
            session.add(
                Script(
                    id=made,
                    user_id=user_id or self.user_id,
                    name="Mine",
                    version=1,
                    created_at=now,
                    updated_at=now,
                )
            )
            await session.flush()
            session.add(
                ScriptVersion(
                    script_id=made,
                    number=1,
                    source=source,
                    sha256=sha256_of(source),
                    title="",
                    pane="",
                    overlay=False,
                    inputs=[],
                    created_at=now,
                )
            )
        return made

    async def start(self, source: str = FLIPS, timeframe: Timeframe = Timeframe.M1, **more: Any) -> UUID:
        wanted = NewStrategy(
            name="Try", script_id=await self.script(source), series=SERIES, timeframe=timeframe, **more
        )
        series = await self.candles.find("bybit", "COIN")
        async with self.database.transaction() as session:
            made = await service.start(session, self.user_id, wanted, series, most=MOST, now=self.clock.now())
        return made.id

    async def change(self, what: str, strategy_id: UUID) -> StrategyView:
        async with self.database.transaction() as session:
            verb = getattr(service, what)
            more = {"most": MOST} if what == "resume" else {}
            return await verb(session, self.user_id, strategy_id, now=self.clock.now(), **more)  # type: ignore[no-any-return]

    def stepper(self) -> Stepper:
        async def announce(user_id: UUID) -> None:
            self.announced.append(user_id)

        return Stepper(self.database, self.candles, self.runner, self.clock, announce)

    async def work(self, strategy_id: UUID) -> float | None:
        """Until there is nothing more to do now. Raises ``Late``."""
        while True:
            seconds = await self.stepper().bring_up_to_date(strategy_id)
            if seconds is None or seconds > 0:
                return seconds

    async def at(self, seconds: float, strategy_id: UUID) -> float | None:
        """What is done at so many seconds after the start."""
        self.clock.second = START + seconds
        return await self.work(strategy_id)

    async def glance(self, seconds: float, strategy_id: UUID) -> None:
        """As ``at``, whether or not it has to wait."""
        with suppress(Late):
            await self.at(seconds, strategy_id)

    # --- what there is --------------------------------------------------------------------------------------

    async def row(self, strategy_id: UUID) -> Strategy:
        async with self.database.transaction() as session:
            return await session.get_one(Strategy, strategy_id)

    async def bars(self, strategy_id: UUID) -> Sequence[StrategyBar]:
        return await self._all(StrategyBar, strategy_id, StrategyBar.time)

    async def fills(self, strategy_id: UUID) -> Sequence[StrategyFill]:
        return await self._all(StrategyFill, strategy_id, StrategyFill.time)

    async def events(self, strategy_id: UUID) -> list[tuple[str, str]]:
        rows = await self._all(StrategyEvent, strategy_id, StrategyEvent.number)
        return [(row.kind, row.text) for row in rows]

    async def kinds(self, strategy_id: UUID) -> list[str]:
        return [kind for kind, _ in await self.events(strategy_id)]

    async def _all(self, model: Any, strategy_id: UUID, order: Any) -> Sequence[Any]:
        async with self.database.transaction() as session:
            query = select(model).where(model.strategy_id == strategy_id).order_by(order)
            return (await session.scalars(query)).all()
