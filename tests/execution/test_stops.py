"""The kill switch in every phase of an execution: nothing new is sent after it, nothing stays half-hedged."""

import errno
import os
import stat
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from sqlalchemy import select
from tests.execution.conftest import LEGS, NOW, Desk, opposite

from holdfast.accounts.models import User
from holdfast.core.errors import Conflict, Forbidden, NotFound
from holdfast.execution.incidents.models import Incident
from holdfast.execution.models import Order
from holdfast.execution.risk import flatten, gate, stop_file, stops
from holdfast.execution.risk.models import Stop
from holdfast.execution.risk.schemas import NewFlatten, NewStop
from holdfast.execution.risk.stops import Stopped
from holdfast.venues.protocol import OrderRequest, OutcomeUnknown, Placement

SYMBOLS = [symbol for symbol, _, _ in LEGS]


async def stop(desk: Desk, scope: str = "user", position_id=None) -> Stop:
    async with desk.database.transaction() as session:
        wanted = NewStop(scope=scope, position_id=position_id, reason="enough")
        return await stops.stop(session, desk.user_id, wanted, by="you", now=desk.clock.now())


async def lift(desk: Desk, row: Stop) -> None:
    async with desk.database.transaction() as session:
        await stops.lift(session, desk.user_id, row.id, by="you", now=desk.clock.now())


def stop_everything(desk: Desk) -> None:
    stop_file.write(desk.work.settings, since=desk.clock.now(), by="root on db-prod-3", reason="drill")


async def opened(desk: Desk):
    return await desk.run(await desk.confirm(await desk.plan()))


def flat(desk: Desk) -> bool:
    return not any(desk.venue.net(symbol) for symbol in SYMBOLS)


# --- before, between and after the orders ----------------------------------------------------------------


@pytest.mark.parametrize("everywhere", [False, True])
async def test_nothing_new_is_confirmed(desk: Desk, everywhere: bool):
    stop_everything(desk) if everywhere else await stop(desk)
    words = "Everything on this installation is stopped" if everywhere else "You have stopped all new trading"
    with pytest.raises(Stopped, match=words):
        await desk.confirm(await desk.plan())


@pytest.mark.parametrize("everywhere", [False, True])
async def test_what_is_confirmed_and_not_begun_ends_with_nothing_traded(desk: Desk, everywhere: bool):
    execution_id = await desk.confirm(await desk.plan())
    stop_everything(desk) if everywhere else await stop(desk)
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert "Nothing was traded" in execution.reason
    assert desk.venue.placed == []


@pytest.mark.parametrize("scope", ["user", "position", "file"])
async def test_between_the_last_look_and_the_wire_nothing_is_sent(
    desk: Desk, scope: str, monkeypatch: pytest.MonkeyPatch
):
    """The stop comes after everything was checked: the transaction of sending still sees it."""
    execution_id = await desk.confirm(await desk.plan())
    sleeve_id = (await desk.execution(execution_id)).sleeve_id
    check_first = gate.check_first

    async def then_stop(*arguments):
        refused = await check_first(*arguments)
        if scope == "file":
            stop_everything(desk)
        else:
            await stop(desk, scope, sleeve_id if scope == "position" else None)
        return refused

    monkeypatch.setattr(gate, "check_first", then_stop)
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert desk.venue.placed == []
    async with desk.database.sessions() as session:
        states = set(await session.scalars(select(Order.state)))
    assert states == {"rejected"}


@pytest.mark.parametrize("scope", ["user", "position", "file"])
@pytest.mark.parametrize("word", ["half", "none", "lost_request", "limited"])
async def test_what_a_stop_meets_half_open_is_taken_back(desk: Desk, scope: str, word: str):
    execution_id = await desk.confirm(await desk.plan())
    sleeve_id = (await desk.execution(execution_id)).sleeve_id
    desk.venue.script = {"ETHUSDT": [word]}
    place = desk.venue.place

    async def then_stop(requests):
        answers = await place(requests)
        if scope == "file":
            stop_everything(desk)
        else:
            await stop(desk, scope, sleeve_id if scope == "position" else None)
        desk.venue.place = place  # type: ignore[method-assign]
        return answers

    desk.venue.place = then_stop  # type: ignore[method-assign]
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert flat(desk)
    after = desk.venue.placed[len(LEGS) :]
    assert {request.symbol for request in after} <= {"BTCUSDT", "XRPUSDT"} | (
        {"ETHUSDT"} if word == "half" else set()
    )
    assert all(request.client_id.rpartition("-")[2].startswith("u") for request in after)


async def test_an_unknown_order_is_asked_for_under_a_stop_and_then_taken_back_if_the_rest_is_missing(
    desk: Desk,
):
    execution_id = await desk.confirm(await desk.plan())
    desk.venue.script = {"ETHUSDT": ["lost_answer"], "XRPUSDT": ["half"]}
    place = desk.venue.place

    async def then_stop(requests):
        answers = await place(requests)
        stop_everything(desk)
        return answers

    desk.venue.place = then_stop  # type: ignore[method-assign]
    execution = await desk.run(execution_id)
    assert execution.state == "unwound"
    assert flat(desk)


async def test_an_order_that_waited_for_its_turn_is_not_forbidden_while_it_may_be_on_its_way(desk: Desk):
    """It leaves ten seconds after it was written down, its answer is lost, and it arrives two seconds later:
    asked at once, the venue does not know it yet."""
    execution_id = await desk.confirm(await desk.plan())
    place, find = desk.venue.place, desk.venue.find_order
    late: list[OrderRequest] = []
    arrives = {}

    async def slow(requests):
        await desk.clock.sleep(10)
        arrives["at"] = desk.clock.now() + timedelta(seconds=2)
        late.extend(request for request in requests if request.symbol == "ETHUSDT")
        answers = await place([request for request in requests if request not in late])
        await stop(desk)
        desk.venue.place = place  # type: ignore[method-assign]
        return [*answers, *(Placement(one.client_id, error=OutcomeUnknown("lost")) for one in late)]

    async def find_late(symbol: str, name: str):
        if late and desk.clock.now() >= arrives["at"]:
            await place([late.pop()])
        return await find(symbol, name)

    desk.venue.place, desk.venue.find_order = slow, find_late  # type: ignore[method-assign]
    execution = await desk.run(execution_id)
    assert not late
    assert execution.state == "complete", "all of it was sent before the stop"
    assert len(desk.venue.placed) == len(LEGS)


async def test_what_was_sent_whole_before_the_stop_is_kept(desk: Desk):
    """Nothing more had to be sent: the position is hedged, and closing it is the user's choice."""
    place = desk.venue.place

    async def then_stop(requests):
        answers = await place(requests)
        await stop(desk)
        return answers

    desk.venue.place = then_stop  # type: ignore[method-assign]
    assert (await opened(desk)).state == "complete"


async def test_unwinding_and_closing_go_on_under_a_stop(desk: Desk):
    execution = await opened(desk)
    stop_everything(desk)
    await stop(desk)
    await stop(desk, "position", execution.sleeve_id)
    closing = await desk.plan(kind="close", sleeve_id=execution.sleeve_id, legs=opposite())
    assert (await desk.run(await desk.confirm(closing))).state == "complete"
    assert flat(desk)


# --- rows ------------------------------------------------------------------------------------------------


async def test_stopping_twice_is_one_stop_and_lifting_it_allows_trading_again(desk: Desk):
    first, second = await stop(desk), await stop(desk)
    assert first.id == second.id
    await lift(desk, first)
    await lift(desk, first)
    assert (await opened(desk)).state == "complete"
    assert (await stop(desk)).id != first.id


async def test_a_stopped_position_leaves_the_others_alone(desk: Desk):
    execution = await opened(desk)
    await stop(desk, "position", execution.sleeve_id)
    assert (await opened(desk)).state == "complete"


async def test_a_users_stop_is_nobody_elses(desk: Desk):
    stranger = uuid4()
    async with desk.database.transaction() as session:
        session.add(User(id=stranger, is_demo=True, created_at=NOW))
    execution = await opened(desk)
    row = await stop(desk)
    async with desk.database.transaction() as session:
        assert await stops.list_for(session, desk.work.settings, stranger, now=NOW) == []
        assert await stops.reason_now(session, desk.work.settings, stranger) == ""
        with pytest.raises(NotFound):
            await stops.lift(session, stranger, row.id, by="you", now=NOW)
        wanted = NewStop(scope="position", position_id=execution.sleeve_id)
        with pytest.raises(NotFound):
            await stops.stop(session, stranger, wanted, by="you", now=NOW)


# --- the file --------------------------------------------------------------------------------------------


async def test_the_file_is_entered_as_a_row_and_removing_it_lifts_the_row(desk: Desk):
    stop_everything(desk)
    await stops.follow_file(desk.work)
    await stops.follow_file(replace(desk.work, services={}))
    async with desk.database.sessions() as session:
        rows = list(await session.scalars(select(Stop)))
    assert [(row.scope, row.by, row.reason, row.since) for row in rows] == [
        ("instance", "root on db-prod-3", "drill", desk.clock.now())
    ]
    async with desk.database.transaction() as session:
        with pytest.raises(Forbidden):
            await stops.lift(session, desk.user_id, rows[0].id, by="you", now=NOW)
        assert len(await stops.list_for(session, desk.work.settings, desk.user_id, now=NOW)) == 1
    assert stop_file.remove(desk.work.settings, now=NOW)
    await stops.follow_file(desk.work)
    assert (await opened(desk)).state == "complete"


@pytest.mark.parametrize("entered", [False, True])
async def test_who_stopped_everything_and_where_is_nobody_elses_business(desk: Desk, entered: bool):
    stop_everything(desk)
    if entered:
        await stops.follow_file(desk.work)
    async with desk.database.transaction() as session:
        (shown,) = await stops.list_for(session, desk.work.settings, desk.user_id, now=NOW)
        said = await stops.reason_now(session, desk.work.settings, desk.user_id)
    assert shown.by == "the operator"
    assert "by the operator: drill" in said
    assert "db-prod-3" not in said + shown.model_dump_json()


async def test_what_the_operator_stops_for_a_user_says_so_and_names_nobody(desk: Desk):
    execution = await opened(desk)
    async with desk.database.transaction() as session:
        wanted = NewFlatten(scope="user")
        begun = await flatten.start(session, desk.user_id, wanted, by="root on db-prod-3", now=NOW)
    async with desk.database.transaction() as session:
        shown = await stops.list_for(session, desk.work.settings, desk.user_id, now=NOW)
        told = list(await session.scalars(select(Incident.text).where(Incident.kind == "stopped")))
        kept = (await session.get_one(Stop, begun.stop_id)).by
    assert [one.by for one in shown] == ["the operator"]
    assert len(told) == 1
    assert told[0].startswith("The operator has stopped all your new trading since")
    assert kept == "root on db-prod-3"
    assert execution.state == "complete"


@pytest.mark.parametrize("lost", ["the file", "the directory", "the disk, and an empty one in its place"])
async def test_a_stop_is_lifted_by_resuming_and_by_nothing_else(desk: Desk, lost: str):
    settings = desk.work.settings
    stop_everything(desk)
    await stops.follow_file(desk.work)
    away = settings.home.with_name("away")
    if lost == "the file":
        stop_file.path_of(settings).unlink()
    else:
        settings.home.rename(away)
    if lost.startswith("the disk"):
        settings.home.mkdir()
    await stops.follow_file(desk.work)
    await stops.follow_file(replace(desk.work, services={}))
    with pytest.raises(Stopped):
        await desk.confirm(await desk.plan())
    if lost.startswith("the disk"):
        settings.home.rmdir()
    if away.exists():
        away.rename(settings.home)
    stop_file.remove(settings, now=NOW)
    await stops.follow_file(desk.work)
    assert (await opened(desk)).state == "complete"


async def test_a_stop_that_is_not_in_the_database_survives_its_directory(desk: Desk):
    """PostgreSQL was away when everything was stopped, and the disk goes before it is back."""
    stop_everything(desk)
    with pytest.raises(Stopped):
        await desk.confirm(await desk.plan())
    away = desk.work.settings.home.with_name("away")
    desk.work.settings.home.rename(away)
    with pytest.raises(Stopped, match="is gone"):
        await desk.confirm(await desk.plan())
    await stops.follow_file(desk.work)
    async with desk.database.sessions() as session:
        assert list(await session.scalars(select(Stop))) == [], "nothing to enter, and so nothing to lift"
    away.rename(desk.work.settings.home)
    assert stop_file.remove(desk.work.settings, now=NOW)
    assert (await opened(desk)).state == "complete"


async def test_resuming_long_ago_lifts_nothing_that_was_stopped_since(desk: Desk):
    stop_file.remove(desk.work.settings, now=NOW - timedelta(days=1))
    stop_everything(desk)
    await stops.follow_file(desk.work)
    stop_file.path_of(desk.work.settings).unlink()
    await stops.follow_file(desk.work)
    with pytest.raises(Stopped):
        await desk.confirm(await desk.plan())
    async with desk.database.transaction() as session:
        assert await stops.enter_file(session, desk.work.settings, NOW, resumed=True)
    assert (await opened(desk)).state == "complete"


async def test_the_file_shows_before_it_is_entered_and_its_row_holds_for_other_machines(desk: Desk):
    stop_everything(desk)
    async with desk.database.transaction() as session:
        shown = await stops.list_for(session, desk.work.settings, desk.user_id, now=NOW)
        assert [(one.scope, one.by) for one in shown] == [("instance", "the operator")]
        await stops.enter_file(session, desk.work.settings, NOW)
    elsewhere = desk.work.settings.model_copy(update={"home": desk.work.settings.home / "other"})
    async with desk.database.transaction() as session:
        assert await stops.reason_now(session, elsewhere, desk.user_id)
        assert await stops.enter_file(session, elsewhere, NOW) == [], "another machine does not lift it"


async def test_a_stop_file_that_cannot_be_read_stops_as_well(desk: Desk):
    path = stop_file.path_of(desk.work.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    for content in (b"", b"{", b"[]", b'{"since": "yesterday", "by": "", "reason": ""}', b"\xff"):
        path.write_bytes(content)
        with pytest.raises(Stopped):
            await desk.confirm(await desk.plan())
    path.unlink()
    path.mkdir()
    with pytest.raises(Stopped, match="cannot be read") as stopped:
        await desk.confirm(await desk.plan())
    assert str(path.parent) not in str(stopped.value), "where it is, is for the operator's log"


async def test_a_moment_written_by_hand_without_a_zone_is_entered_like_any_other(desk: Desk):
    path = stop_file.path_of(desk.work.settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('{"since": "2026-11-21T10:00:00", "by": "root", "reason": "fire"}')
    async with desk.database.transaction() as session:
        assert await stops.enter_file(session, desk.work.settings, NOW)
    assert stop_file.remove(desk.work.settings, now=NOW)


def test_too_many_open_files_are_no_stop_where_there_is_none(settings, monkeypatch: pytest.MonkeyPatch):
    """It would be entered for the whole installation, and only resuming lifts that."""

    def full(_: Path) -> bytes:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(Path, "read_bytes", full)
    assert stop_file.read(settings) is None
    stop_file.write(settings, since=NOW, by="me", reason="fire")
    assert stop_file.read(settings) is not None


def test_the_file_is_the_operators_alone_and_the_first_stop_stays(settings):
    stop_file.write(settings, since=NOW, by="first", reason="one")
    stop_file.write(settings, since=NOW, by="second", reason="two")
    found = stop_file.read(settings)
    assert found == stop_file.StopFile(NOW, "first", "one")
    assert stat.S_IMODE(stop_file.path_of(settings).stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["stop"]
    assert stop_file.remove(settings, now=NOW)
    assert not stop_file.remove(settings, now=NOW)


def test_a_full_disk_keeps_nobody_from_stopping(settings, monkeypatch: pytest.MonkeyPatch):
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(stop_file, "write_durably", lambda *_: full(0))
        stop_file.write(settings, since=NOW, by="me", reason="fire")
    assert stop_file.read(settings) is not None
    assert stat.S_IMODE(stop_file.path_of(settings).stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser gives files away")
def test_what_the_superuser_writes_belongs_to_the_worker(tmp_path: Path):
    worker = 65534
    os.chown(tmp_path, worker, worker)
    stop_file.write_durably(tmp_path / "file", b"content")
    made = (tmp_path / "file").stat()
    assert (made.st_uid, made.st_gid, stat.S_IMODE(made.st_mode)) == (worker, worker, 0o600)


async def test_the_switch_works_without_redis(desk: Desk):
    nowhere = Redis.from_url("redis://127.0.0.1:1", socket_connect_timeout=0.2)
    desk.work = replace(desk.work, redis=nowhere)
    assert (await opened(desk)).state == "complete"
    execution_id = await desk.confirm(await desk.plan())
    stop_everything(desk)
    execution = await desk.run(execution_id)
    assert "Everything on this installation is stopped" in execution.reason
    assert len(desk.venue.placed) == len(LEGS)
    await nowhere.aclose()


async def test_a_stop_under_a_running_flattening_cannot_be_lifted(desk: Desk):
    await opened(desk)
    async with desk.database.transaction() as session:
        begun = await flatten.start(session, desk.user_id, NewFlatten(scope="user"), by="you", now=NOW)
    async with desk.database.transaction() as session:
        with pytest.raises(Conflict, match="being closed"):
            await stops.lift(session, desk.user_id, begun.stop_id, by="you", now=NOW)
