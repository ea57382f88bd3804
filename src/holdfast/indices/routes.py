"""Indices over HTTP: answered from memory; only the history reads the database, and is kept for a while."""

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import HTTPConnection

from holdfast.indices.board import IndexBoard
from holdfast.indices.catalogue import definition_of
from holdfast.indices.schemas import HistoryRange, IndexDetail, IndexHistory, IndexSummary
from holdfast.indices.service import Histories
from holdfast.platform.web import DatabaseDep, NowDep

router = APIRouter(prefix="/api/indices", tags=["indices"])


def board_of(connection: HTTPConnection) -> IndexBoard:
    board: IndexBoard = connection.app.state.indices
    return board


def histories_of(connection: HTTPConnection) -> Histories:
    """Made at the first use, then kept on ``app.state.index_histories``."""
    state = connection.app.state
    if not hasattr(state, "index_histories"):
        state.index_histories = Histories()
    histories: Histories = state.index_histories
    return histories


BoardDep = Annotated[IndexBoard, Depends(board_of)]
HistoriesDep = Annotated[Histories, Depends(histories_of)]


@router.get("")
async def list_indices(board: BoardDep, now: NowDep) -> list[IndexSummary]:
    return board.summaries(now)


@router.get("/{index_id}/history")
async def index_history(
    index_id: str, histories: HistoriesDep, database: DatabaseDep, now: NowDep, range: HistoryRange = "1W"
) -> IndexHistory:
    return await histories.get(database, definition_of(index_id), range, now)


@router.get("/{index_id}")
async def index_detail(index_id: str, board: BoardDep, now: NowDep) -> IndexDetail:
    return board.detail(index_id, now)
