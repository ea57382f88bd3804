"""Damage is found, conflicts are settled only when somebody says so."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from tests.market.candles.made import DAY, START, walk

from holdfast.core.bars import Bars
from holdfast.market.candles import chunks, conflicts, overview, store
from holdfast.market.candles.models import CandleChunk, CandleSeries
from holdfast.platform.database import Database

LATER = datetime.fromtimestamp(START + 30 * DAY, UTC)


async def keep(
    database: Database, bars: Bars, *, now: datetime | None = None, origin: str = "test"
) -> CandleSeries:
    async with database.transaction() as session:
        one = await store.series(session, "lab", "X")
        await store.write(session, one.id, bars, origin=origin, now=now)
        return one


async def faults(database: Database, one: CandleSeries) -> list[str]:
    return [fault async for part in overview.verify(database, one) for fault in part.faults]


async def test_a_sound_series_has_no_faults(database: Database) -> None:
    bars = walk(3 * 1440 + 20)
    one = await keep(database, bars.take(slice(0, 2 * 1440)), now=LATER)
    await keep(database, bars)
    parts = [part async for part in overview.verify(database, one)]
    assert sum(part.bars for part in parts) == len(bars)
    assert [fault for part in parts for fault in part.faults] == []


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("payload", "not those that were written"),
        ("hours", "its hours"),
        ("digest", "not those"),
        ("count", "instead of"),
    ],
)
async def test_damage_is_found(database: Database, column: str, words: str) -> None:
    one = await keep(database, walk(1440), now=LATER)
    other = walk(1440, seed=2)
    damage = {"payload": chunks.encode(other), "hours": chunks.encode(other), "digest": b"x" * 16, "count": 7}
    async with database.transaction() as session:
        await session.execute(update(CandleChunk).values({column: damage[column]}))
    found = await faults(database, one)
    assert found
    assert any(words in fault for fault in found), found


async def test_bytes_that_cannot_be_unpacked_are_a_fault(database: Database) -> None:
    one = await keep(database, walk(1440), now=LATER)
    async with database.transaction() as session:
        payload = (await session.scalars(select(CandleChunk.payload))).one()
        await session.execute(update(CandleChunk).values(payload=payload[:-9]))
    assert "cannot be unpacked" in (await faults(database, one))[0]


async def test_conflicts_are_settled_either_way(database: Database) -> None:
    bars = walk(2 * 1440)
    one = await keep(database, bars.take(slice(0, 1440)), now=LATER)
    await keep(database, bars)
    other = Bars(*bars.columns[:5], bars.volume + (bars.time % 36_000 == 0), 2, 6)
    wrong = int((bars.time % 36_000 == 0).sum())
    await keep(database, other, origin="archive")
    async with database.transaction() as session:
        (first, *_) = listed = await conflicts.of_series(session, one, 100)
        assert len(listed) == wrong
        assert int(first.offered.volume[0]) == int(first.stored.volume[0]) + 1
        assert await conflicts.take_offered(session, one, "somebody else") == 0
        assert await conflicts.take_offered(session, one, "archive") == wrong
    async with database.transaction() as session:
        assert await store.read(session, one.id, 0, 2**40) == other
        assert await conflicts.of_series(session, one, 100) == []
    assert await faults(database, one) == []
    await keep(database, bars, origin="again")
    async with database.transaction() as session:
        assert await conflicts.keep_stored(session, one) == wrong
        assert await store.read(session, one.id, 0, 2**40) == other


async def test_what_is_stored_is_summed_up(database: Database) -> None:
    bars = walk(2 * 1440 + 5)
    await keep(database, bars.take(slice(0, 1440)), now=LATER)
    await keep(database, bars)
    async with database.transaction() as session:
        (told,) = await overview.series_views(session)
        assert await overview.series_views(session, leave_out=frozenset({"lab"})) == []
    assert (told.series, told.bars, told.sealed_bars, told.conflicts) == ("lab:X", 2885, 1440, 0)
    assert 0 < told.bytes < 1440 * 16
    assert told.first_at == datetime.fromtimestamp(START, UTC)
