"""From the outside world to a board one can trade on, through the real clients and a real database."""

from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import ClientSession
from sqlalchemy import func, select

from holdfast.core.instruments import InstrumentKind
from holdfast.indices import tasks as indices
from holdfast.indices.board import IndexBoard
from holdfast.indices.models import Asset, AssetAlias, IndexLevel, MarketCap, MarketCapDay
from holdfast.market import tasks as market
from holdfast.market.instruments import InstrumentBook
from holdfast.market.quotes import LiveQuote, QuoteBoard
from holdfast.platform.models import Job
from holdfast.platform.tasks import RetryAt, RunAgainIn


async def poll(work):
    with pytest.raises(RunAgainIn) as again:
        await indices.poll_market_caps(work)
    return again.value.seconds


async def prepare(work):
    with pytest.raises(RunAgainIn):
        await market.refresh_instruments(work)
    await poll(work)


async def board_of(work):
    """A board with the venue's present quotes."""
    quotes, book = QuoteBoard(), InstrumentBook()
    now = work.clock.now()
    for q in await market.public_venue(work).quotes(InstrumentKind.LINEAR):
        quotes.put(
            LiveQuote(
                q.symbol, q.bid, q.ask, q.last, q.mark, q.index, q.last, q.turnover_24h, q.funding_rate, now
            )
        )
    board = IndexBoard(quotes, book)
    async with work.database.transaction() as session:
        await board.refresh(session, now)
    return board


async def scalar(work, statement):
    async with work.database.transaction() as session:
        return await session.scalar(statement)


async def test_without_instruments_nothing_is_asked_of_coingecko(work):
    with pytest.raises(RetryAt, match="instruments"):
        await indices.poll_market_caps(work)
    assert await scalar(work, select(func.count()).select_from(MarketCap)) == 0


async def test_one_poll_makes_every_index_tradable(work):
    await prepare(work)
    board = await board_of(work)
    now = work.clock.now()
    for index_id, members in (("btc-d", 11), ("eth-d", 11), ("eth-btc", 2), ("top-10", 10)):
        targets = board.targets(index_id, now)
        assert targets.stale_reason == ""
        assert len(targets.targets) == members
        weights = [target.weight for target in targets.targets]
        assert sum(weights) == pytest.approx(1 if index_id == "top-10" else 0, abs=1e-9)
        detail = board.detail(index_id, now)
        assert detail.minimum is not None
        assert detail.minimum.size <= detail.minimum.full_size
    dominance = board.level("btc-d", now).level
    assert 40 < dominance < 90
    gross = board.detail("btc-d", now).gross_per_unit
    assert gross == pytest.approx(2 * (1 - dominance / 100))
    assert board.level("top-10", now).level == pytest.approx(1000, rel=0.02)
    excluded = {e.asset_id: e.reason for e in board.detail("btc-d", now).excluded}
    assert "pegged" in excluded["tether"]


async def test_a_second_poll_keeps_members_and_the_days_snapshot(work):
    await prepare(work)
    async with work.database.transaction() as session:
        before = await indices.repository.current_compositions(session)
    snapshot = select(func.count()).select_from(MarketCapDay)
    assert await scalar(work, snapshot) == 250
    assert await poll(work) == work.settings.market_cap_poll_seconds
    async with work.database.transaction() as session:
        assert await indices.repository.current_compositions(session) == before
    assert await scalar(work, snapshot) == 250


async def test_tickers_are_dated_aliases(work):
    await prepare(work)
    async with work.database.transaction() as session:
        asset = await session.get_one(Asset, "bitcoin")
        assert asset.coingecko_id == "bitcoin"
        alias = await session.scalar(select(AssetAlias).where(AssetAlias.asset_id == "bitcoin"))
        await session.delete(alias)
        session.add(AssetAlias(asset_id="bitcoin", ticker="XBT", valid_from=alias.valid_from, valid_to=None))
    await poll(work)
    async with work.database.transaction() as session:
        rows = await session.scalars(
            select(AssetAlias).where(AssetAlias.asset_id == "bitcoin").order_by(AssetAlias.valid_from)
        )
        old, new = list(rows)
    assert (old.ticker, new.ticker) == ("XBT", "BTC")
    assert old.valid_to == new.valid_from
    assert new.valid_to is None


async def test_old_inputs_block_trading_and_name_themselves(work):
    await prepare(work)
    board = await board_of(work)
    now = work.clock.now()
    assert "10 seconds old" in board.targets("btc-d", now + timedelta(seconds=11)).stale_reason
    assert (
        "market caps are more than 15 minutes old"
        in board.targets("eth-btc", now + timedelta(minutes=16)).stale_reason
    )
    assert board.level("btc-d", now + timedelta(minutes=16)).level is not None, "shown, but as stale"


async def test_a_board_without_inputs_says_so(work):
    board = IndexBoard(QuoteBoard(), InstrumentBook())
    now = work.clock.now()
    assert board.level("btc-d", now).level is None
    assert "not arrived" in board.targets("btc-d", now).stale_reason
    assert board.targets("btc-d", now).targets == ()
    assert board.detail("btc-d", now).minimum is None


async def test_a_member_that_stops_trading_blocks_and_leaves_at_the_next_poll(work):
    await prepare(work)
    async with work.database.transaction() as session:
        from holdfast.market.models import InstrumentRow

        row = await session.scalar(select(InstrumentRow).where(InstrumentRow.symbol == "SOLUSDT"))
        row.status = "reduce_only"
    board = await board_of(work)
    assert "SOLUSDT is not open" in board.targets("btc-d", work.clock.now()).stale_reason
    await poll(work)
    board = await board_of(work)
    targets = board.targets("btc-d", work.clock.now())
    assert targets.stale_reason == ""
    assert "SOLUSDT" not in {target.symbol for target in targets.targets}
    assert len(targets.targets) == 11


async def test_a_failing_coingecko_is_tried_again_and_nothing_is_lost(work, sim):
    await prepare(work)
    before = await scalar(work, select(func.max(MarketCap.fetched_at)))
    await sim.close()
    with pytest.raises(RetryAt, match="cannot be reached"):
        await indices.poll_market_caps(work)
    assert await scalar(work, select(func.max(MarketCap.fetched_at))) == before


@pytest.fixture
async def faults(sim):
    """Sets the simulator's fault dial."""

    async def dial(*rules):
        async with ClientSession() as session:
            answer = await session.post(sim.make_url("/_sim/faults"), json={"rules": list(rules)})
            assert answer.status == 200, await answer.text()

    return dial


FAILURES = [
    ({"kind": "rate_limit", "retry_after_s": 7}, 7, "429"),
    ({"kind": "rate_limit"}, 60, "429"),
    ({"kind": "rate_limit", "text_body": True, "retry_after_s": 9}, 9, "429"),
    ({"kind": "maintenance", "text_body": True}, 30, "503"),
    ({"kind": "error_500_before"}, 30, "500"),
    ({"kind": "drop_request"}, 30, "cannot be reached"),
]


async def test_every_way_coingecko_fails_is_waited_out(work, faults):
    await prepare(work)
    newest = select(func.max(MarketCap.fetched_at))
    before = await scalar(work, newest)
    for rule, seconds, words in FAILURES:
        await faults({"where": "coingecko.*", "count": 1} | rule)
        with pytest.raises(RetryAt, match=words) as wait:
            await indices.poll_market_caps(work)
        assert wait.value.seconds == seconds
    assert await scalar(work, newest) == before, "the last good answer stands"
    await poll(work)
    assert await scalar(work, newest) > before


async def test_market_caps_are_taken_in_while_the_venue_is_away(work, faults):
    with pytest.raises(RunAgainIn):
        await market.refresh_instruments(work)
    await faults({"where": "bybit.*", "kind": "maintenance"})
    assert await poll(work) == 60, "sooner than usual: members wait to be chosen"
    assert await scalar(work, select(func.count()).select_from(MarketCap)) == 250
    await faults()
    await poll(work)
    assert (await board_of(work)).targets("btc-d", work.clock.now()).stale_reason == ""


async def test_the_past_is_rebuilt_once(work):
    await prepare(work)
    backfill = replace(work, lease=replace(work.lease, subject="btc-d"))
    await indices.backfill_history(backfill)
    async with work.database.transaction() as session:
        day = await indices.repository.levels(
            session, "btc-d", work.clock.now() - timedelta(days=1), work.clock.now(), timedelta(minutes=5)
        )
        year = await indices.repository.levels(
            session, "btc-d", work.clock.now() - timedelta(days=365), work.clock.now(), timedelta(days=1)
        )
    assert len(day) > 250
    assert len(year) > 350
    assert all(20 < level < 95 for _, level in day + year)
    count = select(func.count()).select_from(IndexLevel)
    stored = await scalar(work, count)
    await indices.backfill_history(backfill)
    assert await scalar(work, count) == stored


async def test_an_interrupted_backfill_goes_on_in_the_next_minute(work, clock):
    clock.stand_still()
    await prepare(work)
    tight = work.settings.model_copy(update={"coingecko_calls_per_minute": 5})
    backfill = replace(work, lease=replace(work.lease, subject="eth-btc"), settings=tight, services={})
    minutes = 0
    while True:
        try:
            await indices.backfill_history(backfill)
            break
        except RetryAt as wait:
            clock.ahead += timedelta(seconds=wait.seconds)
            minutes += 1
    assert minutes == 2, (
        "six charts, the poll and two calls in reserve at five a minute; none asked for twice"
    )
    assert await scalar(work, select(func.count()).select_from(IndexLevel)) > 2500


async def test_recurring_jobs_are_ensured_once(work):
    async def ensured() -> int:
        async with work.database.transaction() as session:
            await indices.ensure_jobs(session, work.clock.now())
            await market.ensure_jobs(session, work.clock.now())
        return await scalar(work, select(func.count()).select_from(Job))

    first = await ensured()
    assert first > 0
    assert await ensured() == first


async def test_vanished_instruments_stay_reduce_only(work):
    await prepare(work)
    from holdfast.market.models import InstrumentRow

    async with work.database.transaction() as session:
        row = await session.scalar(select(InstrumentRow).where(InstrumentRow.symbol == "SOLUSDT"))
        ghost = {c.name: getattr(row, c.name) for c in InstrumentRow.__table__.columns} | {
            "symbol": "ZZAWAYUSDT"
        }
        session.add(InstrumentRow(**ghost))
        past = work.clock.now() - timedelta(days=1)
        session.add(InstrumentRow(**(ghost | {"symbol": "ZZOVERUSDT", "delivery_at": past})))
    with pytest.raises(RunAgainIn):
        await market.refresh_instruments(work)
    book = InstrumentBook()
    async with work.database.transaction() as session:
        await book.refresh(session)
    assert book.get("ZZAWAYUSDT").status == "reduce_only"
    assert book.get("ZZOVERUSDT").status == "closed"
    assert book.get("SOLUSDT").status == "trading"
