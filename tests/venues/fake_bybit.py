"""A requests adapter that answers in Bybit's place, so that the whole of pybit runs and nothing leaves."""

import hashlib
import hmac
import json
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter

API_KEY = "KEYKEYKEYKEYKEY123"
API_SECRET = "SECRETSECRETSECRETSECRET456"
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

Answer = dict[str, Any] | bytes | int | Exception | Callable[[requests.PreparedRequest], "Answer"]


def ok(result: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"retCode": 0, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": 1795262400000} | more


def refusal(code: int, message: str = "no") -> dict[str, Any]:
    return {"retCode": code, "retMsg": message, "result": {}, "retExtInfo": {}, "time": 1795262400000}


class FakeBybit(BaseAdapter):
    """Answers per path, the last one for ever; remembers every request. The clock of the venue is ``NOW``."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[requests.PreparedRequest] = []
        self.headers: dict[str, str] = {}
        self._answers: dict[str, deque[Answer]] = {
            "/v5/market/time": deque([ok({"timeNano": str(int(NOW.timestamp()) * 10**9)})])
        }

    def answer(self, path: str, *answers: Answer) -> None:
        self._answers[path] = deque(answers)

    def sent(self, path: str) -> list[requests.PreparedRequest]:
        return [request for request in self.requests if urlsplit(str(request.url)).path == path]

    def bodies(self, path: str) -> list[Any]:
        return [json.loads(request.body or "null") for request in self.sent(path)]

    def queries(self, path: str) -> list[dict[str, str]]:
        return [dict(parse_qsl(urlsplit(str(request.url)).query)) for request in self.sent(path)]

    def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
        self.requests.append(request)
        waiting = self._answers[urlsplit(str(request.url)).path]
        return self._respond(waiting.popleft() if len(waiting) > 1 else waiting[0], request)

    def close(self) -> None:
        """Nothing is open."""

    def _respond(self, answer: Answer, request: requests.PreparedRequest) -> requests.Response:
        if callable(answer) and not isinstance(answer, Exception):
            return self._respond(answer(request), request)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.request, response.url = request, str(request.url)
        response.headers.update(self.headers)
        response.status_code = answer if isinstance(answer, int) else 200
        response._content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        return response


def signature_is_right(request: requests.PreparedRequest) -> bool:
    """Over the raw query or body, as Bybit checks it."""
    headers = request.headers
    raw = str(request.body or "") if request.method == "POST" else urlsplit(str(request.url)).query
    signed = headers["X-BAPI-TIMESTAMP"] + headers["X-BAPI-API-KEY"] + headers["X-BAPI-RECV-WINDOW"] + raw
    expected = hmac.new(API_SECRET.encode(), signed.encode(), hashlib.sha256).hexdigest()
    return headers["X-BAPI-SIGN"] == expected


class FixedClock:
    """Stands still until moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.time = now

    def now(self) -> datetime:
        return self.time
