"""Scripts over HTTP. What runs one holds no transaction meanwhile."""

import secrets
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID

import structlog
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection

from holdfast.core.errors import InvalidInput, Unavailable
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns
from holdfast.market.candles.data_routes import UserIdDep
from holdfast.market.candles.readers import split_name
from holdfast.market.candles.routes import PAGE_SECONDS, CandlesDep, SecondQuery, columns_answer
from holdfast.market.candles.service import MOST_BARS, Asked
from holdfast.market.candles.tags import tag_of
from holdfast.platform.cache import CacheDep, Key, Made
from holdfast.platform.database import Database
from holdfast.platform.idempotency import Intent, IntentDep, remove_once, run_once
from holdfast.platform.models import IdempotencyKey
from holdfast.platform.schemas import Problem
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep
from holdfast.scripts import checking, library, service
from holdfast.scripts.language.output import LONGEST_NAME, LONGEST_TEXT, MOST_INPUTS
from holdfast.scripts.models import ScriptVersion
from holdfast.scripts.running import Runner
from holdfast.scripts.sample import sample
from holdfast.scripts.schemas import (
    CheckView,
    CheckWanted,
    NewScript,
    ReferenceView,
    ScriptChange,
    ScriptExample,
    ScriptSaved,
    ScriptSummary,
    ScriptView,
    ValuesWanted,
    VersionView,
)
from holdfast.scripts.service import Looked
from holdfast.scripts.values import page_of_values

router = APIRouter(prefix="/api/scripts", tags=["scripts"])

log = structlog.get_logger(__name__)

_INPUT: Final = "in."
_COLUMNS: Final[dict[int | str, dict[str, Any]]] = {
    200: {"content": {columns.MEDIA_TYPE: {}}},
    422: {"model": Problem, "description": "The script gave no values; with `kind` and `line`"},
}
_KEPT_COLUMNS: Final = {**_COLUMNS, 304: {"description": "Not modified"}}

turns = checking.Turns()
VersionPath = Annotated[int, Path(ge=1, le=2**31 - 1)]


def runner_of(connection: HTTPConnection) -> Runner:
    runner: Runner = connection.app.state.sandbox
    return runner


RunnerDep = Annotated[Runner, Depends(runner_of)]


@dataclass(frozen=True, slots=True)
class Bench:
    """Where one user's sources are tried."""

    user_id: UserIdDep
    candles: CandlesDep
    runner: RunnerDep
    now: NowDep

    async def check(self, wanted: CheckWanted, *, wait: bool = False) -> CheckView:
        now = int(self.now.timestamp())
        async with turns.of(self.user_id, wait=wait):
            found = await sample(self.candles, wanted.series, wanted.timeframe, user_id=self.user_id, now=now)
            return await checking.check(
                self.runner,
                wanted.source,
                wanted.inputs,
                found,
                user_id=self.user_id,
                seed=secrets.randbits(63),
            )

    async def looked(self, source: str) -> Looked | None:
        """What a version keeps of its check; ``None`` if nothing can be run now."""
        try:
            return checking.looked(await self.check(CheckWanted(source=source), wait=True))
        except Unavailable as error:
            log.warning("a script is kept unchecked", reason=error.detail)
            return None


BenchDep = Annotated[Bench, Depends()]


@router.get("")
async def scripts(user_id: UserIdDep, session: SessionDep) -> list[ScriptSummary]:
    """Your scripts, the one changed last first."""
    return await service.listed(session, user_id)


@router.get("/examples")
async def examples() -> list[ScriptExample]:
    """Scripts to begin with."""
    return library.examples()


@router.get("/reference")
async def reference() -> ReferenceView:
    """Every name a script may use."""
    return library.reference()


@router.post("/check")
async def check(wanted: CheckWanted, bench: BenchDep) -> CheckView:
    """Try a source on the last bars of a series without keeping it: what it draws and signals, its error,
    and whether it looks into the future."""
    return await bench.check(wanted)


@router.post("/preview", response_class=Response, responses=_COLUMNS)
async def preview(
    wanted: ValuesWanted, user_id: UserIdDep, candles: CandlesDep, runner: RunnerDep
) -> Response:
    """The values of a source that is not kept, as ``GET /api/scripts/{id}/values`` gives them."""
    series = await candles.find(*split_name(wanted.series), user_id)
    asked = Asked(wanted.timeframe, wanted.limit, wanted.before)
    content, _ = await page_of_values(
        candles, runner, wanted.source, wanted.inputs, series, asked, user_id=user_id, purpose="editor"
    )
    return Response(content, media_type=columns.MEDIA_TYPE, headers={"Cache-Control": "no-store"})


@router.post("", status_code=201, response_model=ScriptSaved)
async def add(wanted: NewScript, bench: BenchDep, database: DatabaseDep, intent: IntentDep) -> JSONResponse:
    """Keep a script. It is tried before; one with an error is kept all the same."""
    user_id, looked = bench.user_id, None
    if await _is_new(database, user_id, intent):
        async with database.transaction() as session:
            await service.check_room(session, user_id, len(wanted.source.encode()))
        looked = await bench.looked(wanted.source)
    async with database.transaction() as session:

        async def effect() -> tuple[int, ScriptSaved]:
            return 201, await service.add(session, user_id, wanted, looked, now=bench.now)

        return await run_once(session, user_id, intent, wanted, effect)


@router.get("/{script_id}")
async def script(script_id: UUID, user_id: UserIdDep, session: SessionDep) -> ScriptView:
    """A script as it is now, and the list of its versions."""
    return await service.show(session, user_id, script_id)


@router.get("/{script_id}/versions/{number}")
async def version(
    script_id: UUID, number: VersionPath, user_id: UserIdDep, session: SessionDep
) -> VersionView:
    """One version with its source."""
    return await service.show_version(session, user_id, script_id, number)


@router.put(
    "/{script_id}",
    response_model=ScriptSaved,
    responses={409: {"model": Problem, "description": "A newer version was saved; it is `current`"}},
)
async def change(
    script_id: UUID, wanted: ScriptChange, bench: BenchDep, database: DatabaseDep, intent: IntentDep
) -> JSONResponse:
    """Keep a changed source as the next version, or give the script another name."""
    user_id, looked = bench.user_id, None
    if await _is_new(database, user_id, intent):
        async with database.transaction() as session:
            untried = await service.check_change(session, user_id, script_id, wanted)
        looked = await bench.looked(wanted.source) if untried else None
    async with database.transaction() as session:

        async def effect() -> tuple[int, ScriptSaved]:
            return 200, await service.change(session, user_id, script_id, wanted, looked, now=bench.now)

        return await run_once(session, user_id, intent, wanted, effect)


@router.delete("/{script_id}", status_code=204)
async def remove(
    script_id: UUID, user_id: UserIdDep, session: SessionDep, now: NowDep, intent: IntentDep
) -> Response:
    """Delete it. Versions that back-tests and strategies use stay with them."""
    return await remove_once(
        session, user_id, intent, lambda: service.remove(session, user_id, script_id, now=now)
    )


@router.get("/{script_id}/values", response_class=Response, responses=_KEPT_COLUMNS)
async def script_values(
    request: Request,
    script_id: UUID,
    user_id: UserIdDep,
    database: DatabaseDep,
    candles: CandlesDep,
    cache: CacheDep,
    runner: RunnerDep,
    series: Annotated[str, Query(max_length=80)],
    timeframe: Timeframe = Timeframe.M1,
    before: SecondQuery = None,
    limit: Annotated[int, Query(ge=1, le=MOST_BARS)] = 500,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1)] = None,
) -> Response:
    """Binary columns beside the bars that ``GET /api/candles`` gives for the same span: ``time``, one of f64
    a plot by its id, ``marker:<i>`` of 0 and 1, and ``signals`` and ``target`` where the script says them.
    Inputs are written as ``in.<name>``. Without ``version`` the newest one."""
    source, symbol = split_name(series)
    async with database.transaction() as session:
        row = await service.version_of(session, user_id, script_id, version)
    inputs = inputs_asked(request.query_params, row)

    async def beside_bars() -> Made:
        found = await candles.find(source, symbol, user_id)
        asked = Asked(timeframe, limit, before)
        return Made(
            *await page_of_values(
                candles, runner, row.source, inputs, found, asked, user_id=user_id, purpose="chart"
            )
        )

    told = repr(sorted(inputs.items()))
    key = Key("script values", (row.sha256, told, source, symbol, timeframe, before, limit), user_id)
    answer = await cache.get(key, beside_bars, seconds=PAGE_SECONDS, tags=(tag_of(source, symbol),))
    return columns_answer(request, answer)


def inputs_asked(query: QueryParams, row: ScriptVersion) -> dict[str, str]:
    """The parameters ``in.<name>``, as written.

    Raises:
        InvalidInput: there are too many, one is too long, or the script has none of this name.
    """
    inputs = {name.removeprefix(_INPUT): text for name, text in query.items() if name.startswith(_INPUT)}
    if len(inputs) > MOST_INPUTS or any(len(text) > LONGEST_TEXT for text in inputs.values()):
        raise InvalidInput("These are too many inputs, or too long ones.", advice="Leave some out.")
    known = [one["name"] for one in row.inputs]
    strange = [name for name in inputs if name not in known]
    if strange and row.causality is not None:
        raise InvalidInput(
            f"The script has no input {strange[0][:LONGEST_NAME]!r}.",
            advice=f"It takes {', '.join(known) or 'none'}.",
        )
    return inputs


async def _is_new(database: Database, user_id: UUID, intent: Intent) -> bool:
    """Whether this was not carried out yet, so that nothing is tried for its repeat."""
    async with database.transaction() as session:
        return await session.get(IdempotencyKey, (user_id, intent.key)) is None
