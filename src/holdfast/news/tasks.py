"""One shared poller for everybody, within the quota: a call is counted before it is made, the spacing and the
silence after the quota outlive every restart."""

from datetime import datetime, timedelta
from typing import Final

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.news import live, repository
from holdfast.news.intake import articles
from holdfast.news.marketaux import NAME, Marketaux, MarketauxError
from holdfast.news.schemas import FeedState
from holdfast.platform.jobs import enqueue
from holdfast.platform.settings import Settings
from holdfast.platform.tasks import Handler, RetryAt, RunAgainIn, Work

log = structlog.get_logger(__name__)

POLL: Final = "news.poll"
REFUSED_WAIT: Final = timedelta(hours=1)
LEAST_WAIT: Final = timedelta(seconds=60)
"""What Marketaux asks for after a 429."""
_COINS_WAIT: Final = 5.0
_SERVICE: Final = "news.marketaux"


def interval_of(settings: Settings) -> timedelta:
    """The day's calls evenly spread: 15 minutes for a free plan."""
    return timedelta(days=1) / settings.news_calls_per_day


def marketaux(work: Work) -> Marketaux:
    """One client per worker process."""
    if _SERVICE not in work.services:
        work.services[_SERVICE] = Marketaux(work.settings.news_url, work.settings.news_token)
    client: Marketaux = work.services[_SERVICE]
    return client


async def poll(work: Work) -> None:
    """Ask for the newest articles and keep those not seen before; ends for good where there is no token."""
    if not work.settings.news_token:
        return
    interval = interval_of(work.settings)
    async with work.database.transaction() as session:
        book = await repository.asset_book(session)
        if not len(book):
            raise RetryAt(_COINS_WAIT, "the coins have not been read yet")
        wait = await repository.take_turn(
            session, NAME, now=work.clock.now(), interval=interval, per_day=work.settings.news_calls_per_day
        )
    if wait is not None:
        raise RunAgainIn(wait.total_seconds())
    try:
        rows = await marketaux(work).latest()
    except MarketauxError as error:
        await _give_way(work, error, interval)
    now = work.clock.now()
    async with work.database.transaction() as session:
        new = await repository.save(session, NAME, articles(rows, book, now), now)
        await repository.note(session, NAME, problem="", at=now, next_at=now + interval)
    if new:
        await live.tell(work.redis)
    log.info("news read", articles=len(rows), new=new)
    raise RunAgainIn(interval.total_seconds())


async def _give_way(work: Work, error: MarketauxError, interval: timedelta) -> None:
    """Write down what is wrong, and come back no sooner than it makes sense.

    Raises:
        RunAgainIn, RetryAt: always.
    """
    now = work.clock.now()
    state, next_at = FeedState.UNREACHABLE, now + max(interval, LEAST_WAIT)
    if error.status == 402:
        state, next_at = FeedState.QUOTA, repository.next_day(now)
    elif error.status in (401, 403):
        state, next_at = FeedState.TOKEN_REFUSED, now + max(interval, REFUSED_WAIT)
    async with work.database.transaction() as session:
        await repository.note(session, NAME, problem=state.value, at=now, next_at=next_at)
    seconds = (next_at - now).total_seconds()
    if state is FeedState.QUOTA:
        log.warning("the news quota of the day is used up", seconds=round(seconds))
        raise RunAgainIn(seconds)
    raise RetryAt(seconds, str(error))


async def ensure_jobs(session: AsyncSession, now: datetime) -> None:
    await enqueue(session, POLL, "", now=now)


HANDLERS: dict[str, Handler] = {POLL: poll}
