"""Every query on assets, market caps, compositions and recorded levels."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.indices.models import Asset, AssetAlias, IndexComposition, IndexLevel, MarketCap, MarketCapDay
from holdfast.indices.reviewed import Alias
from holdfast.indices.universe import Coin, CoinKind
from holdfast.indices.valuation import Composition, Member
from holdfast.platform.cache import touch

LIVE = "live"
BACKFILL = "backfill"


async def last_poll(session: AsyncSession) -> datetime | None:
    """When market caps were last read."""
    newest: datetime | None = await session.scalar(select(func.max(MarketCap.fetched_at)))
    return newest


async def coins(session: AsyncSession) -> dict[str, Coin]:
    """Every coin of the last polls, by asset id, with its present ticker."""
    tickers = {asset_id: alias.ticker for asset_id, alias in (await open_aliases(session)).items()}
    rows = await session.execute(select(Asset, MarketCap).join(MarketCap, MarketCap.asset_id == Asset.id))
    return {
        asset.id: Coin(
            asset_id=asset.id,
            name=asset.name,
            ticker=tickers.get(asset.id, asset.id.upper()),
            kind=CoinKind(asset.kind),
            supply=_known(cap.supply),
            price=_known(cap.price),
            market_cap=_known(cap.market_cap),
            source_at=cap.source_at,
            fetched_at=cap.fetched_at,
        )
        for asset, cap in rows.tuples()
    }


def _known(value: Decimal | None) -> float | None:
    return float(value) if value else None


async def coingecko_id(session: AsyncSession, asset_id: str) -> str:
    """CoinGecko's present name of an asset."""
    asset = await session.get_one(Asset, asset_id)
    return asset.coingecko_id


async def current_compositions(session: AsyncSession) -> dict[str, Composition]:
    """The newest composition of every index."""
    rows = await session.scalars(
        select(IndexComposition)
        .distinct(IndexComposition.index_id)
        .order_by(IndexComposition.index_id, IndexComposition.effective_at.desc())
    )
    return {row.index_id: _composition(row) for row in rows}


def add_composition(session: AsyncSession, composition: Composition) -> None:
    session.add(
        IndexComposition(
            index_id=composition.index_id,
            effective_at=composition.effective_at,
            version=composition.version,
            members={
                "order": [member.asset_id for member in composition.members],
                "coins": {
                    member.asset_id: {
                        "symbol": member.symbol,
                        "multiplier": member.multiplier,
                        "quantity": member.quantity,
                    }
                    for member in composition.members
                },
            },
            divisor=composition.divisor,
        )
    )


def _composition(row: IndexComposition) -> Composition:
    members = tuple(Member(asset_id, **row.members["coins"][asset_id]) for asset_id in row.members["order"])
    return Composition(row.index_id, row.effective_at, row.version, members, row.divisor)


async def save_assets(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Write assets (id, coingecko_id, name, kind); a known id follows renames."""
    statement = insert(Asset)
    changed = {name: statement.excluded[name] for name in ("coingecko_id", "name", "kind")}
    await session.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed), list(rows))


async def save_market_caps(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    statement = insert(MarketCap)
    names = ("rank", "supply", "price", "market_cap", "volume", "source_at", "fetched_at")
    changed = {name: statement.excluded[name] for name in names}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["asset_id"], set_=changed), list(rows)
    )


async def has_day(session: AsyncSession, day: date) -> bool:
    """Whether the day has its snapshot."""
    return await session.scalar(select(MarketCapDay.day).where(MarketCapDay.day == day).limit(1)) is not None


async def save_day(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    await session.execute(insert(MarketCapDay).on_conflict_do_nothing(), list(rows))


async def open_aliases(session: AsyncSession) -> dict[str, AssetAlias]:
    """The present ticker of every asset."""
    rows = await session.scalars(
        select(AssetAlias).where(AssetAlias.valid_to.is_(None)).order_by(AssetAlias.valid_from)
    )
    return {row.asset_id: row for row in rows}


async def close_aliases(session: AsyncSession, asset_ids: Sequence[str], now: datetime) -> None:
    """The assets' present tickers are former ones from ``now`` on."""
    await session.execute(
        update(AssetAlias)
        .where(AssetAlias.asset_id.in_(asset_ids), AssetAlias.valid_to.is_(None))
        .values(valid_to=now)
    )


async def save_aliases(session: AsyncSession, aliases: Sequence[tuple[str, Alias]]) -> None:
    """Add dated tickers of assets (by id); what is known already stands."""
    rows = [
        {"asset_id": asset_id, "ticker": a.ticker, "valid_from": a.valid_from, "valid_to": a.valid_to}
        for asset_id, a in aliases
    ]
    if rows:
        await session.execute(insert(AssetAlias).on_conflict_do_nothing(), rows)


def levels_tag(index_id: str) -> str:
    """What kept answers made of its levels are tagged with."""
    return f"levels:{index_id}"


async def save_levels(
    session: AsyncSession, index_id: str, points: Iterable[tuple[datetime, float]], source: str
) -> None:
    """Add recorded levels; what is recorded already stands."""
    rows = [{"index_id": index_id, "at": at, "level": level, "source": source} for at, level in points]
    if rows:
        await session.execute(insert(IndexLevel).on_conflict_do_nothing(), rows)
        await touch(session, levels_tag(index_id))


async def first_live_level(session: AsyncSession, index_id: str) -> datetime | None:
    earliest: datetime | None = await session.scalar(
        select(func.min(IndexLevel.at)).where(IndexLevel.index_id == index_id, IndexLevel.source == LIVE)
    )
    return earliest


async def levels(
    session: AsyncSession, index_id: str, since: datetime, until: datetime, step: timedelta
) -> list[tuple[datetime, float]]:
    """The last recorded level of every ``step`` in (since, until], oldest first."""
    bucket = func.date_bin(step, IndexLevel.at, text("TIMESTAMPTZ '2020-01-01T00:00:00Z'"))
    rows = await session.execute(
        select(IndexLevel.at, IndexLevel.level)
        .distinct(bucket)
        .where(IndexLevel.index_id == index_id, IndexLevel.at > since, IndexLevel.at <= until)
        .order_by(bucket, IndexLevel.at.desc())
    )
    return [(row.at, row.level) for row in rows]
