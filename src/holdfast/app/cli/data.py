"""``holdfast data``: what is stored, and whether all is well with it. On the machine it is stored on."""

from typing import Annotated, Any

import typer

from holdfast.app.cli import data_files
from holdfast.app.cli.data_tools import (
    SeriesArgument,
    SinceOption,
    UntilOption,
    date_text,
    run,
    seconds,
    stored,
    time_text,
)
from holdfast.app.cli.output import JsonOption, console, fail, print_json, warn
from holdfast.app.cli.tables import table

data = typer.Typer(help="History: what is stored, what is missing, in and out.", no_args_is_help=True)
data.command("import")(data_files.import_files)
data.command()(data_files.export)
data.command()(data_files.backfill)


@data.command("series")
def list_series(as_json: JsonOption = False) -> None:
    """What is stored."""
    from holdfast.market.candles import overview

    async def work(tools: Any) -> list[Any]:
        async with tools.database.transaction() as session:
            return await overview.series_views(session)

    found = run(work)
    if as_json:
        print_json([one.model_dump(mode="json") for one in found])
        return
    rows = [
        (
            one.series,
            f"{one.timeframe_seconds} s",
            f"{one.bars:,}",
            date_text(one.first_at),
            date_text(one.last_at),
            f"{one.bytes / one.sealed_bars:.1f}" if one.sealed_bars else "–",
            f"{one.conflicts:,}" if one.conflicts else "",
            _filling(one.backfill),
            "pinned" if one.pinned else "",
        )
        for one in found
    ]
    columns = ("series", "bar", "bars", "first", "last", "bytes/bar", "conflicts", "backfill", "kept")
    console.print(table("Stored history", columns, rows, numbers=("bars", "bytes/bar", "conflicts")))


@data.command()
def pin(series: SeriesArgument, as_json: JsonOption = False) -> None:
    """Store every new bar of a venue's symbol, also while nobody looks at it."""

    async def work(tools: Any) -> None:
        found = await tools.find(series)
        await _set_pinned(tools, found.store_id, pinned=True)

    run(work)
    _tell_pinned(series, as_json, pinned=True)


@data.command()
def unpin(series: SeriesArgument, as_json: JsonOption = False) -> None:
    """Let go of a pinned symbol. What is stored stays."""

    async def work(tools: Any) -> None:
        async with tools.database.transaction() as session:
            one = await stored(session, series)
        await _set_pinned(tools, one.id, pinned=False)

    run(work)
    _tell_pinned(series, as_json, pinned=False)


@data.command()
def gaps(
    series: SeriesArgument, since: SinceOption = None, until: UntilOption = None, as_json: JsonOption = False
) -> None:
    """What is missing of a series, and why."""
    from holdfast.market.candles import coverage

    async def work(tools: Any) -> list[Any]:
        async with tools.database.transaction() as session:
            one = await stored(session, series)
            start = seconds(since) if since else await coverage.beginning(session, one)
            if start is None:
                return []
            end = seconds(until) if until else int(tools.clock.now().timestamp())
            step = one.base_seconds
            found = await coverage.gaps(session, one, start // step * step, end // step * step)
            return [(gap, (gap.until - gap.start) // step) for gap in found]

    found = run(work)
    if as_json:
        print_json(
            [
                {"start": time_text(g.start), "until": time_text(g.until), "bars": n, "reason": g.reason}
                for g, n in found
            ]
        )
        return
    if not found:
        console.print(f"Nothing is missing of {series}.", highlight=False)
        return
    rows = [(time_text(g.start), time_text(g.until), f"{n:,}", g.reason.replace("_", " ")) for g, n in found]
    console.print(
        table(f"Missing of {series} (UTC)", ("from", "until", "bars", "because"), rows, numbers=("bars",))
    )


@data.command()
def verify(
    series: Annotated[str, typer.Argument(help="source:symbol; everything if it is left out.")] = "",
    as_json: JsonOption = False,
) -> None:
    """Read every stored bar and compare it with its fingerprint. Exit code 1 if something is wrong."""
    from holdfast.market.candles import overview, repository

    async def work(tools: Any) -> tuple[int, dict[str, list[str]]]:
        async with tools.database.transaction() as session:
            wanted = [await stored(session, series)] if series else await repository.all_series(session)
        bars, faults = 0, {}
        for one in wanted:
            name = f"{one.source}:{one.symbol}"
            parts = [part async for part in overview.verify(tools.database, one)]
            bars += sum(part.bars for part in parts)
            faults[name] = [fault for part in parts for fault in part.faults]
        return bars, faults

    bars, faults = run(work)
    wrong = sum(map(len, faults.values()))
    if as_json:
        print_json({"bars": bars, "faults": faults})
    else:
        for name, found in faults.items():
            for fault in found:
                warn(f"{name}: {fault}")
        console.print(f"{bars:,} bars of {len(faults)} series read, {wrong} faults.", highlight=False)
    if wrong:
        raise SystemExit(1)


@data.command()
def conflicts(
    series: Annotated[str, typer.Argument(help="source:symbol; a summary if it is left out.")] = "",
    keep: Annotated[bool, typer.Option("--keep", help="What is stored is right: forget the others.")] = False,
    take: Annotated[str, typer.Option("--take", help="Put the numbers of this origin in its place.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000)] = 50,
    as_json: JsonOption = False,
) -> None:
    """Bars that came with other numbers than those stored. Nothing is overwritten unless you say so."""
    from holdfast.market.candles import conflicts as found

    if (keep or take) and not series:
        fail("Of which series?", "Name it: holdfast data conflicts source:symbol --keep.")

    async def work(tools: Any) -> Any:
        async with tools.database.transaction() as session:
            if not series:
                return await found.summary(session)
            one = await stored(session, series)
            if keep:
                return await found.keep_stored(session, one)
            if take:
                return await found.take_offered(session, one, take)
            return await found.of_series(session, one, limit)

    result = run(work)
    if isinstance(result, int):
        console.print(f"{result:,} conflicts settled.", highlight=False)
        return
    if not series:
        rows = [(name, origin, f"{count:,}") for name, origin, count in result]
        if as_json:
            print_json([{"series": n, "origin": o, "count": int(c.replace(",", ""))} for n, o, c in rows])
            return
        console.print(table("Conflicting bars", ("series", "origin", "bars"), rows, numbers=("bars",)))
        return
    shown = [
        (time_text(int(c.offered.time[0])), c.origin, _numbers(c.stored), _numbers(c.offered)) for c in result
    ]
    if as_json:
        print_json([dict(zip(("time", "origin", "stored", "offered"), row, strict=True)) for row in shown])
        return
    console.print(
        table(f"Conflicting bars of {series} (UTC)", ("time", "origin", "stored", "offered"), shown)
    )


async def _set_pinned(tools: Any, series_id: int, *, pinned: bool) -> None:
    from holdfast.market.candles import repository

    async with tools.database.transaction() as session:
        await repository.set_pinned(session, series_id, pinned)


def _tell_pinned(series: str, as_json: bool, *, pinned: bool) -> None:
    if as_json:
        print_json({"series": series, "pinned": pinned})
    else:
        console.print(f"{series} is {'pinned' if pinned else 'not pinned any more'}.", highlight=False)


def _filling(row: Any) -> str:
    if row is None:
        return ""
    return (
        row.state
        if row.state == "done"
        else f"{row.state} {row.done / row.total:.0%}"
        if row.total
        else str(row.state)
    )


def _numbers(bars: Any) -> str:
    if not len(bars):
        return "nothing"
    floats = bars.as_floats()
    return " ".join(
        f"{name[0]}={getattr(floats, name)[0]:.12g}" for name in ("open", "high", "low", "close", "volume")
    )
