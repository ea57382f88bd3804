"""Serves the built web app: hashed assets for ever, every other page is ``index.html`` with a fresh nonce."""

from pathlib import Path
from stat import S_ISREG
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response
from starlette.middleware.gzip import GZipMiddleware
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from holdfast.core.errors import NotFound

NONCE_PLACEHOLDER: Final = "__CSP_NONCE__"
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_NOT_BUILT: Final = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Holdfast</title>"
    "<h1>The web app has not been built.</h1><p>Run <code>make up</code>: it builds the web app first. "
    "The API answers under <code>/api</code>.</p></html>"
)


class _Assets(StaticFiles):
    """Files whose names change with their content."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = _IMMUTABLE
        return response


class _Loose(StaticFiles):
    """Icons and the like: asked about again each time."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["Cache-Control"] = "no-cache"
        return response

    async def serve(self, path: str, scope: Scope) -> Response | None:
        """The file, or ``None`` if there is no such file."""
        if "\x00" in path:
            return None
        _, status = self.lookup_path(path)
        return await self.get_response(path, scope) if status and S_ISREG(status.st_mode) else None


def install_web_app(app: FastAPI, dist: Path) -> None:
    """Must come after every API route: what no route took belongs to the web app's own router."""
    if (dist / "assets").is_dir():
        assets = GZipMiddleware(_Assets(directory=dist / "assets"), minimum_size=1024, compresslevel=6)
        app.mount("/assets", assets, name="assets")
    loose = _Loose(directory=dist, check_dir=False)

    @app.api_route("/{path:path}", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(path: str, request: Request) -> Response:
        if path == "api" or path.startswith("api/"):
            raise NotFound(f"There is no /{path}.", advice="The routes are listed in /api/openapi.json.")
        file = await loose.serve(path, request.scope) if path not in ("", "index.html") else None
        return file or _index(dist, request.state.csp_nonce)


def _index(dist: Path, nonce: str) -> HTMLResponse:
    """Never cached: the nonce in its header and the nonce in its text belong together."""
    try:
        html = (dist / "index.html").read_text()
    except OSError:
        return HTMLResponse(_NOT_BUILT, 503, headers={"Cache-Control": "no-store"})
    return HTMLResponse(html.replace(NONCE_PLACEHOLDER, nonce), headers={"Cache-Control": "no-store"})
