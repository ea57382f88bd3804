"""What every HTTP exchange gets: a request id, security headers, one line in the access log, an answer to
every accident."""

import asyncio
import re
import time
from secrets import token_urlsafe
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.platform.web import accident

log = structlog.get_logger("holdfast.access")

_REQUEST_ID = re.compile(r"[\w-]{8,64}")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
BODY_SECONDS: Final = 30.0
"""For a whole body, save an upload's: whoever reads those says how long they may take."""
LARGEST_BODY: Final = 256 * 1024
LARGER_BODIES: Final = {
    "/api/data/imports": 257 * 1024 * 1024,
    "/api/datasets": 201 * 1024 * 1024,
    "/api/journal/images": 6 * 1024 * 1024,
}
"""What uploads are sent to; they are streamed, and bound once more where they are read."""
_API_POLICY: Final = "default-src 'none'; frame-ancestors 'none'"


_HOST = re.compile(r"[A-Za-z0-9.-]+")


def stream_address(hub_at: str, scope: Scope) -> str:
    """Where a page of this request's host finds the stream (``Settings.hub_at``): an address, a path of the
    same origin, or "" if the API has it."""
    if not hub_at.startswith(":"):
        return hub_at
    try:
        host = urlsplit(f"//{Headers(scope=scope).get('host', '')}").hostname or ""
    except ValueError:
        return ""
    scheme = "wss" if scope["scheme"] == "https" else "ws"
    return f"{scheme}://{host}{hub_at}" if _HOST.fullmatch(host) else ""


def page_policy(nonce: str, stream: str = "") -> str:
    """The web app's Content-Security-Policy: nothing from elsewhere but the stream, if that is elsewhere;
    nothing inline without the nonce."""
    address = urlsplit(stream)
    elsewhere = f" {address.scheme}://{address.netloc}{address.path}" if address.netloc else ""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src 'self' 'nonce-{nonce}'",
            f"style-src 'self' 'nonce-{nonce}'",
            "img-src 'self' data: blob:",
            "font-src 'self'",
            f"connect-src 'self'{elsewhere}",
            "manifest-src 'self'",
            "worker-src 'self'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )


class Exchange:
    """Pure ASGI, so that streams and WebSockets pass through untouched."""

    def __init__(self, app: ASGIApp, hub_at: str = "") -> None:
        self.app = app
        self._hub_at = hub_at

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope))
        nonce = token_urlsafe(16)
        scope.setdefault("state", {}).update(request_id=request_id, csp_nonce=nonce)
        is_api = scope["path"].startswith("/api/")
        policy = _API_POLICY if is_api else page_policy(nonce, stream_address(self._hub_at, scope))
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                headers["Content-Security-Policy"] = policy
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if is_api:
                    headers.setdefault("Cache-Control", "no-store")
                if status == 408:
                    headers["Connection"] = "close"
            await send(message)

        began = time.perf_counter()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self.app(scope, _limited(receive, scope["path"]), send_with_headers)
            except Exception:
                log.exception("unhandled error", path=scope["path"])
                if not status:
                    await accident(Request(scope))(scope, receive, send_with_headers)
            finally:
                _write_access_log(scope, status, time.perf_counter() - began)


def _limited(receive: Receive, path: str) -> Receive:
    """``receive`` for bodies that are neither too large nor too slow."""
    most = LARGER_BODIES.get(path, LARGEST_BODY)
    deadline = None if path in LARGER_BODIES else asyncio.get_running_loop().time() + BODY_SECONDS
    received = 0

    async def receive_within_limits() -> Message:
        nonlocal received, deadline
        try:
            async with asyncio.timeout_at(deadline):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"The request did not come within {BODY_SECONDS:g} seconds.") from None
        received += len(message.get("body", b""))
        if received > most:
            raise HTTPException(413, f"A request may have at most {most // 1024} KiB.")
        if not message.get("more_body", False):
            deadline = None
        return message

    return receive_within_limits


def _request_id(headers: Headers) -> str:
    offered = headers.get("x-request-id", "")
    return offered if _REQUEST_ID.fullmatch(offered) else uuid4().hex


def _write_access_log(scope: Scope, status: int, seconds: float) -> None:
    """Without the query string and the body: they are the user's business."""
    level = log.debug if scope["path"].startswith(("/api/health", "/assets/")) else log.info
    level("request", method=scope["method"], path=scope["path"], status=status, ms=round(seconds * 1000, 1))
