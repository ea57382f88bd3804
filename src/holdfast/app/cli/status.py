"""``holdfast status``: which processes run, and whether they keep up."""

import asyncio
from typing import Any

import orjson
from rich.table import Table

from holdfast.app.cli.output import JsonOption, console, print_json, say
from holdfast.platform.settings import Settings


def status(as_json: JsonOption = False) -> None:
    """Show the processes, the queue, the age of the feed, and the address."""
    found = _gather(Settings())
    if as_json:
        print_json(found)
    else:
        _show(found)
    if not found["running"]:
        raise SystemExit(1)


def _gather(settings: Settings) -> dict[str, Any]:
    from holdfast.app.context import lock_path
    from holdfast.app.obstacles import InstanceLock, read_note

    note = read_note(lock_path(settings))
    running = InstanceLock(lock_path(settings)).is_held()
    return {
        "running": running,
        "url": note.get("url", "") if running else "",
        "mode": str(settings.mode),
        "processes": _processes(settings) if running else [],
        "work": asyncio.run(_work(settings)) if running else None,
    }


def _processes(settings: Settings) -> list[dict[str, Any]]:
    import psutil

    try:
        notes = orjson.loads((settings.home / "run" / "children.json").read_bytes())
    except (OSError, ValueError):
        return []
    found = []
    for note in notes:
        try:
            process = psutil.Process(note["pid"])
            alive = process.create_time() == note["born"] and process.status() != psutil.STATUS_ZOMBIE
            memory = process.memory_info().rss if alive else 0
        except psutil.Error:
            alive, memory = False, 0
        found.append(
            {"name": note["name"], "pid": note["pid"], "alive": alive, "memory_mb": memory // 1024**2}
        )
    return found


async def _work(settings: Settings) -> dict[str, Any] | None:
    """The same figures as ``GET /api/status``, but also while the API is down."""
    from redis.asyncio import Redis
    from sqlalchemy.exc import SQLAlchemyError

    from holdfast.app.context import located
    from holdfast.app.status import read_status, sandbox_view
    from holdfast.platform.clock import SystemClock
    from holdfast.platform.database import Database
    from holdfast.scripts.sandbox import Sandbox

    found = located(settings)
    database = Database(found.database_url, pool_size=1)
    redis = Redis.from_url(found.redis_url)
    try:
        async with database.transaction() as session:
            view = await read_status(session, redis, SystemClock().now())
        view = view.model_copy(update={"sandbox": await sandbox_view(Sandbox.of(settings))})
        return view.model_dump(mode="json")
    except (SQLAlchemyError, OSError):
        return None
    finally:
        await redis.aclose()
        await database.close()


def _show(found: dict[str, Any]) -> None:
    if not found["running"]:
        say("Holdfast does not run here. Start it with `make up`.")
        return
    table = Table("process", "pid", "state", "memory")
    for process in found["processes"]:
        state = "runs" if process["alive"] else "dead"
        table.add_row(process["name"], str(process["pid"]), state, f"{process['memory_mb']} MB")
    console.print(table)
    work = found["work"]
    if work is None:
        say("PostgreSQL does not answer, so the queue is not known.")
    else:
        age = work["feed_age_seconds"]
        feed = f"newest price {age:.1f} s old" if age is not None else "no price has arrived yet"
        jobs = "; ".join(f"{queue} {_queue(load)}" for queue, load in work["queues"].items())
        console.print(f"jobs: {jobs}", highlight=False)
        if work["unknown_jobs"]:
            kinds = ", ".join(f"{count} {kind}" for kind, count in work["unknown_jobs"].items())
            said = f"unknown to this version: {kinds} (see `holdfast doctor`)"
            say(said)
        console.print(f"feed: {feed}", highlight=False)
        say(f"scripts: {_sandbox(work['sandbox'])}")
    console.print(f"open {found['url']}", highlight=False)


def _sandbox(found: dict[str, Any] | None) -> str:
    if found is None:
        return "the sandbox does not answer"
    if found["tier"] == "none":
        return f"are not run here: {found['why']}"
    return f"tier {found['tier']}; {found['running']} of {found['places']} run, {found['waiting']} waiting"


def _queue(load: dict[str, Any]) -> str:
    counts = [f"{load[name]} {name}" for name in ("waiting", "overdue", "failing") if load[name]]
    return ", ".join(counts) or "up to date"
