"""What the commands of ``holdfast data`` share: the servers of this installation, options, looks."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from holdfast.app.cli.output import errors, fail
from holdfast.core.time import from_seconds

_FORMATS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]
SeriesArgument = Annotated[str, typer.Argument(help="source:symbol, as bybit:BTCUSDT.")]
SinceOption = Annotated[datetime | None, typer.Option("--since", formats=_FORMATS, help="UTC.")]
UntilOption = Annotated[datetime | None, typer.Option("--until", formats=_FORMATS, help="UTC.")]


class Tools:
    """What the commands work with: the database, the clock, and venues opened when asked for."""

    def __init__(self, settings: Any, database: Any, redis: Any, clock: Any) -> None:
        self.settings, self.database, self.redis, self.clock = settings, database, redis, clock
        self._venues: dict[str, Any] = {}

    def venue(self, source: str) -> Any:
        from holdfast.market.candles import feeds

        if source not in feeds.OPENERS:
            fail(f"{source} is no venue that can be asked.", f"Choose one of {', '.join(feeds.OPENERS)}.")
        if source not in self._venues:
            self._venues[source] = feeds.OPENERS[source](self.settings, self.redis, self.clock)
        return self._venues[source]

    async def find(self, series: str) -> Any:
        """The series of a venue, made if the venue lists it."""
        from holdfast.market.candles.readers import split_name
        from holdfast.market.candles.service import Candles

        source, symbol = split_name(series)
        candles = Candles(self.database, self.clock, {source: self.venue(source)})
        return await candles.find(source, symbol)

    async def close(self) -> None:
        for venue in self._venues.values():
            await venue.close()


def run(work: Callable[[Any], Awaitable[Any]]) -> Any:
    """Do it with the servers of this installation; outages and interruptions are one sentence."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return asyncio.run(_with_tools(work))
    except KeyboardInterrupt:
        fail("Stopped. What was written stays; run it again and it goes on.", code=130)
    except (SQLAlchemyError, OSError, TimeoutError) as error:
        reason = f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"
        fail(
            f"PostgreSQL does not answer, or not as it should ({reason}).",
            "Start Holdfast with `holdfast up`.",
        )


async def _with_tools(work: Callable[[Any], Awaitable[Any]]) -> Any:
    async with _opened() as tools:
        return await work(tools)


@asynccontextmanager
async def _opened() -> AsyncIterator[Tools]:
    from holdfast.app import mode
    from holdfast.app.context import located
    from holdfast.platform.clock import SystemClock
    from holdfast.platform.database import Database
    from holdfast.platform.redis_client import open_redis
    from holdfast.platform.settings import Settings

    settings = located(Settings())
    await mode.require(settings.database_url, settings.mode)
    database, redis = Database(settings.database_url, pool_size=2), open_redis(settings.redis_url)
    tools = Tools(settings, database, redis, SystemClock())
    try:
        yield tools
    finally:
        await tools.close()
        await redis.aclose()
        await database.close()


async def stored(session: Any, series: str) -> Any:
    from holdfast.market.candles import repository
    from holdfast.market.candles.readers import no_series, split_name

    one = await repository.series_of(session, *split_name(series))
    if one is None:
        raise no_series(series)
    return one


def timeframe_named(name: str) -> Any:
    from holdfast.core.timeframes import Timeframe

    if not name:
        return None
    try:
        return Timeframe(name)
    except ValueError:
        fail(f"There is no timeframe {name!r}.", f"Choose one of {', '.join(Timeframe)}.")


def progress_bar(unit: str) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=errors, transient=True, disable=not sys.stderr.isatty())


def seconds(moment: datetime) -> int:
    return int(moment.replace(tzinfo=UTC).timestamp())


def date_text(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d}" if moment else "–"


def time_text(time: int) -> str:
    return f"{from_seconds(time):%Y-%m-%d %H:%M:%S}"
