"""The command line's side of the HTTP API: one sign-in kept in a file, problems told in two lines."""

import json
import os
from collections.abc import Iterator
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final, Self
from uuid import uuid4

import requests

from holdfast.core.errors import HoldfastError, NotSignedIn, Unavailable
from holdfast.platform.settings import Settings

REFRESH_COOKIE: Final = "hf_refresh"
TIMEOUT: Final = (3.05, 30)
PAGE: Final = 200


def credentials_path() -> Path:
    """One file of mode 0600 below the user's own configuration directory."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "holdfast" / "sign-in.json"


class Client:
    """Speaks as whoever is signed in at ``base_url``; renews the access token by itself.

    Raises on every call:
        HoldfastError: what the API refused, with its own words, status and code.
        Unavailable: nobody answers.
    """

    def __init__(self, base_url: str | None = None) -> None:
        saved = _read()
        self.base_url = (
            base_url or os.environ.get("HOLDFAST_URL") or saved.get("base_url") or Settings().url
        ).rstrip("/")
        self._tokens = saved if saved.get("base_url") == self.base_url else {}
        self._http = requests.Session()
        self._http.trust_env = False
        self._http.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def get(self, path: str, **query: Any) -> Any:
        """``query`` values of ``None`` are left out."""
        return self._call("GET", path, params={k: v for k, v in query.items() if v is not None})

    def pages(self, path: str, **query: Any) -> Iterator[dict[str, Any]]:
        """Every item of a list that comes in pages, the newest first."""
        cursor: str | None = None
        while True:
            page = self.get(path, **query, limit=PAGE, cursor=cursor)
            yield from page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        """Carries an Idempotency-Key: ``key``, or a fresh one that also covers the retry after a renewal."""
        return self._call("POST", path, json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def put(self, path: str, body: Any, *, key: str | None = None) -> Any:
        """Carries an Idempotency-Key as ``post`` does."""
        return self._call("PUT", path, json=body, headers={"Idempotency-Key": key or str(uuid4())})

    def delete(self, path: str) -> Any:
        return self._call("DELETE", path)

    def sign_in(self, email: str, password: str) -> dict[str, Any]:
        return self._keep(
            self._send("POST", "/api/auth/sign-in", json={"email": email, "password": password})
        )

    def try_demo(self) -> dict[str, Any]:
        """A fresh demo user with a funded simulated account."""
        return self._keep(self._send("POST", "/api/auth/demo"))

    def sign_out(self) -> None:
        """Also forgets the file when the server is away."""
        try:
            if self._tokens.get("refresh"):
                self._send("POST", "/api/auth/sign-out", headers=self._cookie())
        finally:
            credentials_path().unlink(missing_ok=True)
            self._tokens = {}

    def _call(self, method: str, path: str, **options: Any) -> Any:
        headers = options.pop("headers", {})
        try:
            return _content(self._send(method, path, headers={**headers, **self._bearer()}, **options))
        except NotSignedIn:
            if not self._tokens.get("refresh"):
                raise NotSignedIn(
                    "You are not signed in.", advice="Run `holdfast sign-in`, or `holdfast sign-in --demo`."
                ) from None
        self._keep(self._send("POST", "/api/auth/refresh", headers=self._cookie()))
        return _content(self._send(method, path, headers={**headers, **self._bearer()}, **options))

    def _bearer(self) -> dict[str, str]:
        access = self._tokens.get("access")
        return {"Authorization": f"Bearer {access}"} if access else {}

    def _cookie(self) -> dict[str, str]:
        return {"Cookie": f"{REFRESH_COOKIE}={self._tokens.get('refresh', '')}"}

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            response = self._http.request(
                method, self.base_url + path, timeout=TIMEOUT, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise Unavailable(
                f"Holdfast does not answer at {self.base_url}.",
                advice="Start it with `make up`, or name another address with HOLDFAST_URL.",
            ) from error
        if response.status_code >= 400:
            raise _refusal(response)
        return response

    def _keep(self, response: requests.Response) -> dict[str, Any]:
        """Save the new tokens at once: the old refresh token is spent."""
        body: dict[str, Any] = response.json()
        refresh = response.cookies.get(REFRESH_COOKIE) or self._tokens.get("refresh")
        self._tokens = {"base_url": self.base_url, "access": body["access_token"], "refresh": refresh}
        _write(self._tokens)
        return body


def _content(response: requests.Response) -> Any:
    if response.status_code == 204 or not response.content:
        return None
    if "json" in response.headers.get("Content-Type", ""):
        return response.json()
    return response.text


def _refusal(response: requests.Response) -> HoldfastError:
    """The problem as the error it came from, with its own words."""
    try:
        body = response.json()
    except ValueError:
        body = {}
    detail = body.get("detail") or body.get("title") or f"The server answered {response.status_code}."
    kind = NotSignedIn if response.status_code == 401 else HoldfastError
    error = kind(detail, advice=body.get("advice", ""), problem=body)
    error.status = response.status_code
    error.code = str(body.get("type", "")).rsplit("/", 1)[-1] or error.code
    return error


def _read() -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(credentials_path().read_text())
    except (OSError, ValueError):
        return {}
    return content


def _write(tokens: dict[str, Any]) -> None:
    path = credentials_path()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(tokens, file)
    draft.replace(path)
