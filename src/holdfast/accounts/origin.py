"""Cross-site requests may not use the cookie (a second lock next to SameSite=Strict)."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request

from holdfast.core.errors import Forbidden
from holdfast.platform.web import SettingsDep


async def require_same_origin(request: Request, settings: SettingsDep) -> None:
    """Browsers always say where a POST comes from; a client that says nothing is not a browser.

    Raises:
        Forbidden: the request was made by a page of another origin.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        allowed = site == "same-origin"
    else:
        origin = request.headers.get("origin")
        own = {request.headers.get("host", ""), urlsplit(settings.public_url).netloc} - {""}
        allowed = origin is None or urlsplit(origin).netloc in own
    if not allowed:
        raise Forbidden("This request came from another site.", advice="Open Holdfast itself and try again.")


SameOrigin = Annotated[None, Depends(require_same_origin)]
