"""Taking in polls: assets by our ids, tickers as dated aliases, snapshots by the day."""

from datetime import timedelta

from sqlalchemy import select
from tests.indices.builders import NOW

from holdfast.indices import reviewed, service
from holdfast.indices.intake import readings
from holdfast.indices.models import Asset, AssetAlias, MarketCap, MarketCapDay


def row(coin_id, ticker, **more):
    return {
        "id": coin_id,
        "symbol": ticker,
        "name": coin_id.title(),
        "current_price": 2.0,
        "market_cap": 2e9,
        "market_cap_rank": 1,
        "circulating_supply": 1e9,
        "total_volume": 1.0,
        "last_updated": "2026-11-21T11:59:00.000Z",
    } | more


async def poll(database, *rows, now=NOW):
    async with database.transaction() as session:
        await service.take_in(session, readings(rows, reviewed.assets(), now), now)


async def aliases(database, asset_id):
    async with database.transaction() as session:
        rows = await session.scalars(
            select(AssetAlias).where(AssetAlias.asset_id == asset_id).order_by(AssetAlias.valid_from)
        )
        return [(r.ticker, r.valid_from, r.valid_to) for r in rows]


async def test_the_ticker_luna_belonged_to_one_asset_and_then_to_another(database):
    await poll(database, row("terra-luna", "lunc"), row("terra-luna-2", "luna"))
    old, new = await aliases(database, "terra-luna"), await aliases(database, "terra-luna-2")
    assert [ticker for ticker, _, _ in old] == ["LUNA", "LUNC"]
    assert [ticker for ticker, _, _ in new] == ["LUNA"]
    luna_ended, luna_began = old[0][2], new[0][1]
    assert luna_ended == luna_began
    assert old[1][2] is None, "the reviewed present ticker is not noted twice"


async def test_a_renamed_coin_keeps_its_asset(database):
    await poll(database, row("aave", "aave"))
    assert [ticker for ticker, _, _ in await aliases(database, "aave")] == ["LEND", "AAVE"]
    later = NOW + timedelta(hours=1)
    await poll(database, row("aave", "aavex", name="Aave X"), now=later)
    assert (await aliases(database, "aave"))[-2:] == [
        ("AAVE", (await aliases(database, "aave"))[-2][1], later),
        ("AAVEX", later, None),
    ]
    async with database.transaction() as session:
        assert (await session.get_one(Asset, "aave")).name == "Aave X"


async def test_a_ticker_that_comes_back_is_a_new_period(database):
    for hours, ticker in enumerate(("one", "two", "one")):
        await poll(database, row("some-coin", ticker), now=NOW + timedelta(hours=hours))
    assert [(ticker, to is None) for ticker, _, to in await aliases(database, "some-coin")] == [
        ("ONE", False),
        ("TWO", False),
        ("ONE", True),
    ]


async def test_null_figures_are_kept_as_unknown_and_a_vanished_coin_keeps_its_last(database):
    await poll(database, row("a", "a"), row("b", "b", market_cap=None, circulating_supply=0))
    later = NOW + timedelta(minutes=5)
    await poll(database, row("a", "a", current_price=3.0), now=later)
    async with database.transaction() as session:
        caps = {cap.asset_id: cap for cap in await session.scalars(select(MarketCap))}
    assert (caps["a"].price, caps["a"].fetched_at) == (3, later)
    assert (caps["b"].market_cap, caps["b"].supply, caps["b"].fetched_at) == (None, None, NOW)


async def test_the_snapshot_of_a_day_is_its_first_poll_and_has_no_survivors_only(database):
    await poll(database, row("a", "a"), row("dying", "d"))
    await poll(database, row("a", "a", current_price=9.0), row("late", "l"), now=NOW + timedelta(hours=3))
    await poll(database, row("a", "a", current_price=9.0), now=NOW + timedelta(days=1))
    async with database.transaction() as session:
        rows = list(await session.scalars(select(MarketCapDay)))
    days = {(r.day.day, r.asset_id): r.price for r in rows}
    assert days == {(21, "a"): 2, (21, "dying"): 2, (22, "a"): 9}
