"""Use cases of the indices: taking in market caps, choosing members, history."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Instrument
from holdfast.indices import repository, reviewed
from holdfast.indices.catalogue import DEFINITIONS, IndexDefinition
from holdfast.indices.intake import Reading
from holdfast.indices.reconstitution import is_due, reconstitute
from holdfast.indices.schemas import HistoryRange, IndexHistory, LevelPoint

log = structlog.get_logger(__name__)

DAY = timedelta(days=1)
SPANS: dict[HistoryRange, timedelta] = {
    "1D": DAY,
    "1W": 7 * DAY,
    "1M": 30 * DAY,
    "3M": 90 * DAY,
    "1Y": 365 * DAY,
}
STEPS: dict[HistoryRange, timedelta] = {
    "1D": timedelta(minutes=5),
    "1W": timedelta(minutes=30),
    "1M": timedelta(hours=2),
    "3M": timedelta(hours=6),
    "1Y": DAY,
}
"""At most 400 points a range."""


async def history(
    session: AsyncSession, definition: IndexDefinition, range_: HistoryRange, now: datetime
) -> IndexHistory:
    """Recorded levels of the range, the last of every step."""
    points = await repository.levels(session, definition.id, now - SPANS[range_], now, STEPS[range_])
    live_since = await repository.first_live_level(session, definition.id)
    return IndexHistory(
        index_id=definition.id,
        range=range_,
        points=[LevelPoint(at=at, level=level) for at, level in points],
        note=_note(points[0][0] if points else None, live_since),
    )


def _note(first: datetime | None, live_since: datetime | None) -> str:
    if first is None:
        return "No levels have been recorded yet."
    if live_since is not None and first >= live_since:
        return ""
    until = f"Before {live_since:%d %B %Y, %H:%M} UTC" if live_since else "So far"
    return f"{until} the levels are rebuilt from CoinGecko's history with today's members."


async def take_in(session: AsyncSession, readings: Sequence[Reading], now: datetime) -> None:
    """Write one poll: assets, tickers, market caps, and the day's first snapshot."""
    await repository.save_assets(
        session,
        [
            {"id": r.asset_id, "coingecko_id": r.coingecko_id, "name": r.name, "kind": r.kind.value}
            for r in readings
        ],
    )
    await _follow_tickers(session, readings, now)
    figures = [
        {
            "asset_id": r.asset_id,
            "rank": r.rank,
            "supply": r.supply,
            "price": r.price,
            "market_cap": r.market_cap,
        }
        for r in readings
    ]
    extra = [{"volume": r.volume, "source_at": r.source_at, "fetched_at": now} for r in readings]
    await repository.save_market_caps(session, [a | b for a, b in zip(figures, extra, strict=True)])
    if not await repository.has_day(session, now.date()):
        await repository.save_day(session, [{"day": now.date(), **row} for row in figures])


async def _follow_tickers(session: AsyncSession, readings: Sequence[Reading], now: datetime) -> None:
    """Note first and changed tickers. A reviewed asset brings its former tickers along."""
    known = reviewed.assets()
    present = {asset_id: alias.ticker for asset_id, alias in (await repository.open_aliases(session)).items()}
    changed = [reading for reading in readings if present.get(reading.asset_id) != reading.ticker]
    former: list[tuple[str, reviewed.Alias]] = []
    for reading in changed:
        if reading.asset_id not in present and reading.coingecko_id in known:
            former += [(reading.asset_id, alias) for alias in known[reading.coingecko_id].aliases]
    await repository.save_aliases(session, former)
    reviewed_now = {asset_id: alias.ticker for asset_id, alias in former if alias.valid_to is None}
    news = [reading for reading in changed if reviewed_now.get(reading.asset_id) != reading.ticker]
    await repository.close_aliases(session, [reading.asset_id for reading in news], now)
    await repository.save_aliases(
        session, [(reading.asset_id, reviewed.Alias(reading.ticker, now, None)) for reading in news]
    )


async def choose_members(
    session: AsyncSession,
    instruments: Mapping[str, Instrument],
    venue_prices: Mapping[str, float],
    now: datetime,
    missing_limit: timedelta,
) -> list[str]:
    """Reconstitute what is due and return the ids of the indices that changed."""
    coins = await repository.coins(session)
    newest = {asset_id: coin for asset_id, coin in coins.items() if coin.fetched_at == now}
    current = await repository.current_compositions(session)
    changed = []
    for definition in DEFINITIONS.values():
        before = current.get(definition.id)
        if not is_due(definition, before, coins, instruments, now, missing_limit):
            continue
        after = reconstitute(definition, before, newest, reviewed.listings(), instruments, venue_prices, now)
        if after is None:
            log.warning("members cannot be chosen: too few eligible coins", index=definition.id)
            continue
        repository.add_composition(session, after)
        changed.append(definition.id)
    return changed
