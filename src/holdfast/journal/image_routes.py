"""The pictures of a journal over HTTP."""

from typing import Any, Final
from uuid import UUID

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from holdfast.accounts.access import UserDep
from holdfast.charts.datasets.forms import Receiving
from holdfast.core.errors import NotSignedIn
from holdfast.journal import pictures, repository
from holdfast.journal.limits import count_write_of
from holdfast.journal.schemas import ImageView
from holdfast.market.candles.routes import ViewerDep
from holdfast.platform.idempotency import IntentDep, run_once
from holdfast.platform.web import ClockDep, DatabaseDep, SessionDep

router = APIRouter(prefix="/api/journal/images", tags=["journal"])

_TYPES: Final = ("image/png", "image/jpeg", "image/webp")
_PICTURE: Final = {name: {"schema": {"type": "string", "format": "binary"}} for name in _TYPES}
_BODY: Final[dict[str, Any]] = {"requestBody": {"required": True, "content": _PICTURE}}

receiving = Receiving()


@router.post("", status_code=201, response_model=ImageView, openapi_extra=_BODY)
async def send(
    request: Request,
    database: DatabaseDep,
    clock: ClockDep,
    viewer: ViewerDep,
    intent: IntentDep,
) -> JSONResponse:
    """Keep a picture (PNG, JPEG or WebP, told by its bytes) for an entry to show. Metadata is left out. It is
    forgotten after a day if no entry shows it."""
    # No transaction is open while the picture comes: that may take a minute.
    if viewer is None:
        raise NotSignedIn("This request carries no access token.", advice="Sign in first.")
    user_id = viewer
    await count_write_of(request, user_id)
    with receiving.one_of(user_id):
        content = await pictures.receive(request.stream())
        picture = await pictures.read(content)
    now = clock.now()
    async with database.transaction() as session:

        async def effect() -> tuple[int, ImageView]:
            return 201, await pictures.keep(session, user_id, picture, now=now)

        return await run_once(session, user_id, intent, pictures.sent(content), effect)


@router.get("/{image_id}", response_class=Response, responses={200: {"content": _PICTURE}})
async def show(image_id: UUID, user: UserDep, session: SessionDep) -> Response:
    """The picture itself."""
    row = await pictures.owned(session, user.id, image_id)
    extension = row.content_type.removeprefix("image/")
    return Response(
        await repository.content_of(session, row.id),
        media_type=row.content_type,
        headers={
            "Content-Disposition": f'inline; filename="{row.id}.{extension}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        },
    )


@router.delete("/{image_id}", status_code=204)
async def discard(image_id: UUID, user: UserDep, session: SessionDep) -> None:
    """Forget a picture that no entry shows."""
    await pictures.discard(session, user.id, image_id)
