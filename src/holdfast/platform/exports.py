"""CSV exports: streamed row by row, and harmless in a spreadsheet."""

import csv
import io
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from decimal import Decimal

from fastapi.responses import StreamingResponse

from holdfast.core.money import plain

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
SIMULATED = "Simulated market: prices, fills and balances here are not real."


def csv_response(
    name: str, header: Sequence[str], rows: AsyncIterator[Sequence[object]], *, simulated: bool
) -> StreamingResponse:
    """A download called ``name``. In demo mode its first line says that nothing in it is real."""
    return StreamingResponse(
        _lines(header, rows, simulated=simulated),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"},
    )


async def _lines(
    header: Sequence[str], rows: AsyncIterator[Sequence[object]], *, simulated: bool
) -> AsyncIterator[str]:
    if simulated:
        yield _line([SIMULATED])
    yield _line(header)
    async for row in rows:
        yield _line([_cell(value) for value in row])


def _line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _cell(value: object) -> str:
    """Numbers plain, times in UTC; text that a spreadsheet would run as a formula gets a quote in front."""
    match value:
        case None:
            return ""
        case Decimal():
            return plain(value)
        case datetime():
            return value.isoformat()
        case str():
            return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
        case _:
            return str(value)
