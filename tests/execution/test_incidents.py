"""Incidents: written once, kept in step with the conditions they tell of, shown to their owner only."""

from datetime import timedelta
from pathlib import Path
from typing import get_args
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select
from tests.execution.conftest import Desk

from holdfast.accounts.models import Connection
from holdfast.core.errors import NotFound
from holdfast.execution.incidents import incidents
from holdfast.execution.incidents.incidents import News
from holdfast.execution.incidents.models import Incident
from holdfast.execution.incidents.schemas import IncidentKind, IncidentView

ADL = News("adl", "alarm", "Deleveraged.", "The venue closed a part.", "BTCUSDT", blocks="opening")
DEBT = News("borrowed", "alarm", "The account owes USDT.", "It owes 5 USDT.", blocks="opening")


async def noted(desk: Desk, news: News = ADL, reference: str = "1") -> bool:
    async with desk.database.transaction() as session:
        return await incidents.note(
            session,
            news,
            user_id=desk.user_id,
            connection_id=desk.connection_id,
            reference=reference,
            at=desk.clock.now(),
        )


async def held(desk: Desk, *present: News) -> bool:
    async with desk.database.transaction() as session:
        connection = await session.get_one(Connection, desk.connection_id, with_for_update=True)
        return await incidents.hold(
            session,
            connection,
            ["borrowed", "position_mode"],
            {(news.kind, news.symbol): news for news in present},
            now=desk.clock.now(),
        )


async def shown(desk: Desk, *, only_open: bool = False) -> list[IncidentView]:
    async with desk.database.sessions() as session:
        return await incidents.page(
            session, desk.user_id, only_open=only_open, position=None, before=None, limit=50
        )


async def obstacle(desk: Desk, symbol: str = "BTCUSDT", *, opening: bool = True) -> str:
    async with desk.database.sessions() as session:
        return await incidents.obstacle(session, desk.connection_id, [symbol], opening=opening)


async def seen(desk: Desk, incident_id: UUID) -> None:
    async with desk.database.transaction() as session:
        await incidents.see(session, desk.user_id, incident_id, now=desk.clock.now())


async def test_an_event_read_twice_is_one_incident_with_the_latest_words(desk: Desk):
    assert await noted(desk)
    assert not await noted(desk)
    more = News("adl", "alarm", "Deleveraged.", "The venue closed more.", "BTCUSDT")
    assert await noted(desk, more)
    assert [view.text for view in await shown(desk)] == ["The venue closed more."]


async def test_a_condition_begins_stays_changes_its_words_and_ends(desk: Desk):
    assert await held(desk, DEBT)
    assert not await held(desk, DEBT)
    more = News("borrowed", "alarm", DEBT.title, "It owes 6 USDT.", blocks="opening")
    assert await held(desk, more)
    assert [view.text for view in await shown(desk, only_open=True)] == [more.text]
    await desk.clock.sleep(60)
    assert await held(desk)
    assert await shown(desk, only_open=True) == []
    await desk.clock.sleep(60)
    assert await held(desk, DEBT), "the same again later is another incident"
    assert len(await shown(desk)) == 2


async def test_a_condition_that_gets_worse_is_unseen_again(desk: Desk):
    mild = News("borrowed", "warning", "Ten days.", "It ends.", blocks="")
    later = News("borrowed", "warning", "Nine days.", "It ends.", blocks="")
    await held(desk, mild)
    await seen(desk, (await shown(desk))[0].id)
    assert await held(desk, later)
    (told,) = await shown(desk)
    assert (told.title, told.seen_at is not None) == ("Nine days.", True)
    await held(desk, News("borrowed", "alarm", "Two days.", "It ends.", blocks="opening"))
    (told,) = await shown(desk)
    assert (told.severity, told.seen_at, told.blocks) == ("alarm", None, "opening")


async def test_what_blocks_opening_never_blocks_closing(desk: Desk):
    await held(desk, DEBT)
    assert "owes" in await obstacle(desk)
    assert await obstacle(desk, opening=False) == ""
    await held(desk)
    assert await obstacle(desk) == ""


async def test_an_instruments_incident_blocks_that_instrument_only(desk: Desk):
    await held(desk, News("position_mode", "alarm", "Hedged.", "", "BTCUSDT", blocks="trading"))
    assert await obstacle(desk, opening=False)
    assert await obstacle(desk, "ETHUSDT") == ""


async def test_seeing_settles_only_what_waits_for_it(desk: Desk):
    await noted(desk)
    await held(desk, DEBT)
    for view in await shown(desk):
        assert view.acknowledge is (view.kind == "adl")
        await seen(desk, view.id)
    (left,) = await shown(desk, only_open=True)
    assert (left.kind, left.seen_at is not None) == ("borrowed", True)


async def test_nobody_sees_anothers(desk: Desk):
    await noted(desk)
    (mine,) = await shown(desk)
    async with desk.database.transaction() as session:
        with pytest.raises(NotFound):
            await incidents.see(session, uuid4(), mine.id, now=desk.clock.now())
    async with desk.database.sessions() as session:
        assert (await session.scalars(select(Incident))).one().seen_at is None


async def test_the_tick_counts(desk: Desk):
    await noted(desk)
    await noted(desk, reference="2")
    first = (await shown(desk))[0]
    desk.clock.moment += timedelta(seconds=1)
    await seen(desk, first.id)
    async with desk.database.sessions() as session:
        tick = (await incidents.ticks(session, [desk.user_id]))[desk.user_id]
    assert (tick.open, tick.unseen, tick.newest_at) == (1, 1, desk.clock.now())


def test_every_kind_is_explained():
    text = Path(__file__).parents[2].joinpath("docs/reliability.md").read_text()
    assert [kind for kind in get_args(IncidentKind) if f"`{kind}`" not in text] == []
    assert [kind for kind in get_args(IncidentKind) if f"{kind}" not in (incidents.__doc__ or "")] == []
