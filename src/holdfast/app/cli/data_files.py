"""``holdfast data``: history in and out, with progress. What is broken off goes on when it is run again."""

import asyncio
import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import Progress

from holdfast.app.cli.data_tools import (
    SeriesArgument,
    SinceOption,
    UntilOption,
    progress_bar,
    run,
    seconds,
    stored,
    timeframe_named,
)
from holdfast.app.cli.output import JsonOption, console, fail, print_json, say, warn

_BINANCE_NAME: Final = re.compile(r"([A-Z0-9]+)-(?:1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d)-\d{4}-\d{2}")
_PARTLY: Final = 2


def import_files(
    files: Annotated[
        list[Path], typer.Argument(help="CSV, gz or zip files, or folders of them.", exists=True)
    ],
    series: Annotated[
        str, typer.Option("--series", help="source:symbol; told by the names of Binance's files.")
    ] = "",
    timeframe: Annotated[
        str, typer.Option("--timeframe", help="Of the bars, if the file does not tell.")
    ] = "",
    utc_offset: Annotated[
        float | None, typer.Option("--utc-offset", help="Hours the file's clock is ahead of UTC.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Import bars: archives of exchanges, LEAN's files, or plain OHLCV. Again is harmless, and goes on."""
    from holdfast.core.errors import HoldfastError

    offset = None if utc_offset is None else timedelta(hours=utc_offset)
    every = _expanded(files)
    results: list[dict[str, Any]] = []

    async def work(tools: Any) -> None:
        with progress_bar("rows") as progress:
            for path in every:
                try:
                    results.append(await _import_one(tools, progress, path, series, timeframe, offset))
                except HoldfastError as refused:
                    results.append({"file": path.name, "error": refused.detail, "advice": refused.advice})

    run(work)
    refused = [one for one in results if "error" in one]
    if as_json:
        print_json(results)
    else:
        for one in results:
            _print_import(one)
    if refused:
        raise SystemExit(_PARTLY if len(refused) < len(results) else 1)


def backfill(
    series: SeriesArgument,
    since: SinceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch what is missing of a venue's symbol, newest first, as far back as it goes or --since."""
    from holdfast.market.candles import backfill as filling
    from holdfast.market.candles.models import CandleBackfill
    from holdfast.venues.protocol import RateLimited, VenueError

    async def work(tools: Any) -> dict[str, Any]:
        found = await tools.find(series)
        now = tools.clock.now()
        async with tools.database.transaction() as session:
            await filling.want(session, found.store_id, seconds(since) if since else 0, now=now)
        venue = tools.venue(found.source)
        with progress_bar("bars") as progress:
            task = progress.add_task(series, total=None)
            while True:
                try:
                    complete = await filling.run(
                        tools.database, venue, found.store_id, tools.clock, asyncio.sleep
                    )
                except RateLimited as error:
                    progress.console.print(f"Waiting: {error}", highlight=False)
                    await asyncio.sleep(max((error.until - tools.clock.now()).total_seconds(), 1))
                    continue
                except VenueError as error:
                    fail(f"{found.source} does not answer: {error}", "Run it again; it goes on where it was.")
                async with tools.database.transaction() as session:
                    row = await session.get_one(CandleBackfill, found.store_id, populate_existing=True)
                    progress.update(task, total=row.total, completed=row.done)
                    told = {"series": series, "done": row.done, "total": row.total}
                if complete:
                    await filling.mark(tools.database, found.store_id, filling.DONE, "", tools.clock.now())
                    return told

    told = run(work)
    if as_json:
        print_json(told)
    else:
        console.print(f"{series} is complete: {told['done']:,} bars.", highlight=False)


def export(
    series: SeriesArgument,
    target: Annotated[Path, typer.Argument(help="File to write; .csv or .parquet.")],
    timeframe: Annotated[
        str, typer.Option("--timeframe", help="1m to 1M; as stored if it is left out.")
    ] = "",
    since: SinceOption = None,
    until: UntilOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write bars to a file. Numbers stay exact."""
    from holdfast.core.timeframes import Timeframe, divides, timeframe_of
    from holdfast.market.candles import exporting

    form = target.suffix.removeprefix(".").lower()
    if form not in ("csv", "parquet"):
        fail(
            f"{target.name} says neither csv nor parquet.",
            "Name the file something.csv or something.parquet.",
        )
    wanted = timeframe_named(timeframe)

    async def work(tools: Any) -> int:
        async with tools.database.transaction() as session:
            one = await stored(session, series)
        length = wanted or timeframe_of(one.base_seconds) or Timeframe.D1
        if not divides(one.base_seconds, length):
            fail(f"Bars of {one.base_seconds} s make no {length}.", "Choose a longer timeframe.")
        count = 0
        with progress_bar("bars") as progress:
            task = progress.add_task(series, total=None)
            start, end = seconds(since) if since else 0, seconds(until) if until else 2**40
            written = exporting.export(tools.database, one, length, target, form, start=start, end=end)  # type: ignore[arg-type]
            async for count in written:
                progress.update(task, completed=count)
        return count

    count = run(work)
    if as_json:
        print_json({"series": series, "file": str(target), "bars": count})
    else:
        console.print(f"{count:,} bars written to {target}.", highlight=False)


async def _import_one(
    tools: Any, progress: Progress, path: Path, series: str, timeframe: str, offset: timedelta | None
) -> dict[str, Any]:
    from holdfast.core.errors import InvalidInput
    from holdfast.market.candles import archive, importing
    from holdfast.market.candles.readers import split_name

    name = series or _told_by(path)
    if not name:
        raise InvalidInput(
            f"{path.name} does not tell its symbol.", advice="Name it with --series source:symbol."
        )
    wanted = timeframe_named(timeframe)
    checked = await asyncio.to_thread(archive.check_checksum, path)
    task = progress.add_task(f"checking {path.name}", total=None)
    found = await asyncio.to_thread(importing.check, path, utc_offset=offset)
    if found.problems:
        problems = [{"row": one.row, "message": one.message} for one in found.problems]
        raise InvalidInput(
            f"{path.name} was not imported: "
            + "; ".join(f"row {one['row']}: {one['message']}" for one in problems[:5]),
            advice="Correct these rows. Nothing of the file was imported.",
        )
    async with tools.database.transaction() as session:
        target = importing.Target(*split_name(name))
        one = await importing.begin(session, target, found, wanted.seconds if wanted else None)
    progress.update(task, description=path.name, total=found.rows)

    async def note(_: Any, rows: int, __: Any) -> None:
        progress.update(task, completed=rows)

    written = await importing.write(
        tools.database,
        one,
        path,
        found,
        origin=path.name[:100],
        now=tools.clock.now(),
        utc_offset=offset,
        progress=note,
    )
    return {
        "file": path.name,
        "series": name,
        "rows": found.rows,
        "new": written.new,
        "same": written.same,
        "conflicting": written.conflicting,
        "checksum": "verified" if checked else "none",
    }


def _print_import(one: dict[str, Any]) -> None:
    if "error" in one:
        warn(f"{one['file']}: {one['error']}", style="bold red")
        warn(one["advice"])
        return
    conflicting = f", {one['conflicting']:,} conflicting" if one["conflicting"] else ""
    told = f"{one['new']:,} new, {one['same']:,} known{conflicting}"
    suffix = ", checksum verified" if one["checksum"] == "verified" else ""
    say(f"{one['file']} → {one['series']}: {told}{suffix}")


def _told_by(path: Path) -> str:
    found = _BINANCE_NAME.match(path.name)
    return f"binance:{found[1]}" if found else ""


def _expanded(files: Sequence[Path]) -> list[Path]:
    """Folders give the files in them that can hold bars, in the order of their names."""
    every: list[Path] = []
    for path in files:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        every += [one for one in inside if not path.is_dir() or one.suffix.lower() in (".zip", ".csv", ".gz")]
    if not every:
        fail("There are no csv, gz or zip files there.")
    return every
