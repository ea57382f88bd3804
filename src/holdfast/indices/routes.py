"""Indices over HTTP: answered from memory; only the history reads the database, and is kept for a while."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Response
from starlette.requests import HTTPConnection

from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import definition_of
from holdfast.indices.repository import levels_tag
from holdfast.indices.schemas import HistoryRange, IndexDetail, IndexHistory, IndexSummary
from holdfast.indices.service import history
from holdfast.platform.cache import CacheDep, Key, Made
from holdfast.platform.web import DatabaseDep, NowDep

router = APIRouter(prefix="/api/indices", tags=["indices"])


def board_of(connection: HTTPConnection) -> IndexBoard:
    board: IndexBoard = connection.app.state.indices
    return board


BoardDep = Annotated[IndexBoard, Depends(board_of)]

HISTORY_SECONDS: Final = 20.0
"""A history ends so long ago at most; levels written meanwhile are there at once."""


@router.get("")
async def list_indices(board: BoardDep, now: NowDep) -> list[IndexSummary]:
    return board.summaries(now)


@router.get("/{index_id}/history", response_model=IndexHistory)
async def index_history(
    index_id: str, cache: CacheDep, database: DatabaseDep, now: NowDep, range: HistoryRange = "1W"
) -> Response:
    definition = definition_of(index_id)

    async def read() -> Made:
        async with database.transaction() as session:
            found = await history(session, definition, range, now)
        return Made(found.model_dump_json().encode())

    key = Key("index history", (index_id, range))
    answer = await cache.get(key, read, seconds=HISTORY_SECONDS, tags=(levels_tag(index_id),))
    return Response(answer.content, media_type="application/json")


@router.get("/{index_id}")
async def index_detail(index_id: str, board: BoardDep, now: NowDep) -> IndexDetail:
    return board.detail(index_id, now)
