"""What every route shares: the transaction, the clock, the settings, and errors as RFC 9457 problems."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection

from holdfast.core.errors import HoldfastError, InvalidInput
from holdfast.core.time import Clock
from holdfast.platform.database import Database
from holdfast.platform.settings import Settings

_ADVICE = {
    404: "Check the address.",
    405: "Check the method: GET to read, POST to do, DELETE to remove.",
    408: "Send it again.",
}
"""What to do about refusals that come from the web framework."""


def settings_of(connection: HTTPConnection) -> Settings:
    settings: Settings = connection.app.state.settings
    return settings


def database_of(connection: HTTPConnection) -> Database:
    database: Database = connection.app.state.database
    return database


def clock_of(connection: HTTPConnection) -> Clock:
    clock: Clock = connection.app.state.clock
    return clock


def now_of(connection: HTTPConnection) -> datetime:
    return clock_of(connection).now()


async def _transaction(connection: HTTPConnection) -> AsyncIterator[AsyncSession]:
    async with database_of(connection).transaction() as session:
        yield session


SettingsDep = Annotated[Settings, Depends(settings_of)]
DatabaseDep = Annotated[Database, Depends(database_of)]
ClockDep = Annotated[Clock, Depends(clock_of)]
NowDep = Annotated[datetime, Depends(now_of)]
SessionDep = Annotated[AsyncSession, Depends(_transaction, scope="function")]
"""One transaction per request: committed before the answer leaves, rolled back on any error."""


def problem(error: HoldfastError, request: Request) -> JSONResponse:
    """RFC 9457 problem details; ``advice`` says what to do."""
    body: dict[str, Any] = {
        "type": f"/problems/{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": request.url.path,
        "advice": error.advice,
        **error.extra,
    }
    request_id = getattr(request.state, "request_id", "")
    if request_id:
        body["request_id"] = request_id
    return JSONResponse(body, error.status, _headers(error), media_type="application/problem+json")


def _headers(error: HoldfastError) -> dict[str, str]:
    """What RFC 9110 asks to say beside a 401, and lets a 429 say."""
    headers = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if "retry_after" in error.extra:
        headers["Retry-After"] = str(error.extra["retry_after"])
    return headers


def install_problem_handlers(app: FastAPI) -> None:
    """Every refusal leaves the API as a problem."""

    @app.exception_handler(HoldfastError)
    async def _expected(request: Request, error: HoldfastError) -> JSONResponse:
        return problem(error, request)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        fields = [
            {"field": _field(item["loc"], error.body), "message": item["msg"]} for item in error.errors()
        ]
        first = (
            f"{fields[0]['field']}: {fields[0]['message']}." if fields else "The request could not be read."
        )
        return problem(
            InvalidInput(first, advice="Correct the named fields and send it again.", fields=fields), request
        )

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> JSONResponse:
        advice = _ADVICE.get(error.status_code, "Correct the request and send it again.")
        refusal = HoldfastError(f"{error.detail.rstrip('.')}.", advice=advice)
        refusal.status, refusal.title, refusal.code = (
            error.status_code,
            str(error.detail),
            f"http-{error.status_code}",
        )
        return problem(refusal, request)


def _field(place: tuple[int | str, ...], body: Any) -> str:
    """The field as the sender wrote it: without where it was sent, or which shape of a union was read."""
    _, *names = place
    if len(names) > 1 and isinstance(body, dict) and names[0] not in body:
        del names[0]
    return ".".join(map(str, names)) or str(place[0])


def accident(request: Request) -> JSONResponse:
    """The answer when we failed: nothing of our insides but the request id to look for in the log."""
    failure = HoldfastError(
        "Something went wrong on our side, and it was written to the log.", advice="Try again in a moment."
    )
    failure.status, failure.title, failure.code = 500, "Something went wrong.", "internal-error"
    return problem(failure, request)
