"""Takes one guard after the other away and lets processes die until that shows. Answers JSON, a line each."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg

from holdfast.execution import routes
from holdfast.platform import jobs
from holdfast.platform.models import IdempotencyKey
from holdfast.platform.settings import Settings
from holdfast.torture.crash.driver import Moment
from holdfast.torture.crash.place import open_place
from holdfast.torture.crash.points import Point
from holdfast.torture.crash.run import Bench, Suite
from holdfast.torture.crash.suite import SUITES
from holdfast.venues.bybit.client import BybitVenue

MOST = 60


def id_after_the_wire(settings: Settings) -> None:
    """An order gets its id when it is sent, and the row hears of it with the answer."""
    place = BybitVenue.place

    async def placing(self: BybitVenue, orders: Any) -> Any:
        names = {f"hf-{uuid4().hex[:30]}": order.client_id for order in orders}
        sent = [replace(order, client_id=name) for order, name in zip(orders, names, strict=True)]
        placements = await place(self, sent)
        connection = await asyncpg.connect(settings.database_url)
        await connection.executemany("UPDATE orders SET client_id = $1 WHERE client_id = $2", names.items())
        await connection.close()
        return placements

    BybitVenue.place = placing


def done_before_it_is_done(_: Settings) -> None:
    """A job counts as done as soon as somebody has it, as with a courier that acknowledges early."""
    claim = jobs.claim

    async def claiming(session: Any, job_id: int, *, now: Any) -> Any:
        lease = await claim(session, job_id, now=now)
        if lease:
            job = await session.get(jobs.Job, job_id)
            job.finished_at = now
        return lease

    async def nothing(*_: object, **__: object) -> None:
        return

    jobs.claim, jobs.renew, jobs.finish, jobs.run_again = claiming, nothing, nothing, nothing


def key_without_its_effect(_: Settings) -> None:
    """The answer of a request is not kept in the transaction of its effect."""
    run_once = routes.run_once

    async def running(session: Any, *rest: Any) -> Any:
        answer = await run_once(session, *rest)
        for row in [row for row in session.new if isinstance(row, IdempotencyKey)]:
            session.expunge(row)
        return answer

    routes.run_once = running


def nothing_is_forced_to_the_disk(_: Settings) -> None:
    """PostgreSQL runs without fsync."""


def _wires(suite: Suite, bench: Bench) -> Iterator[Point]:
    length = suite.length(bench)
    for number in range(length.requests, 0, -1):
        yield Point(suite.name, Moment.WIRE, number)


def _middles(suite: Suite, bench: Bench) -> Iterator[Point]:
    length = suite.length(bench)
    for number in range(length.suspensions // 2, 0, -7):
        yield Point(suite.name, Moment.ANSWERED, number)


def _ends(suite: Suite, bench: Bench) -> Iterator[Point]:
    for number in range(suite.length(bench).suspensions, 0, -3):
        yield Point(suite.name, Moment.HELD, number)


GUARDS: dict[str, tuple[Callable[[Settings], None], str, Callable[..., Iterator[Point]]]] = {
    "id-after-the-wire": (id_after_the_wire, "open", _wires),
    "done-before-it-is-done": (done_before_it_is_done, "check", _middles),
    "key-without-its-effect": (key_without_its_effect, "confirm", _ends),
    "nothing-is-forced-to-the-disk": (nothing_is_forced_to_the_disk, "commits", _ends),
}


def main() -> None:
    """All in one place: a guard is taken away from those that die and those that follow them only."""
    with open_place() as place, Bench(place) as bench:
        for guard, (patch, name, points) in GUARDS.items():
            bench.patch = patch
            died = 0
            for point in points(SUITES[name], bench):
                outcome = SUITES[name].run(bench, point)
                died += 1
                if outcome.violations or died == MOST:
                    break
            told = {"guard": guard, "died": died, "point": str(point), "violations": outcome.violations}
            print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
