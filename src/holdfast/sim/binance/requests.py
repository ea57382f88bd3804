"""Requests on a stream connection: SUBSCRIBE and the others, and the documented texts for wrong ones."""

import re
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson

METHODS: Final = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,36}")
_INT64: Final = 2**63

Answer = dict[str, Any]


class Listener(Protocol):
    """The connection a request came in on."""

    combined: bool

    def listens_to(self) -> list[str]: ...
    def subscribe(self, names: list[str]) -> bool:
        """Whether there was room for them."""
        ...

    def unsubscribe(self, names: list[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class _Wrong(Exception):
    code: int
    text: str


def answer(raw: str, listener: Listener) -> Answer:
    """Carry a request out, and what is said to it."""
    try:
        request = _parsed(raw)
    except _Wrong as wrong:
        return {"code": wrong.code, "msg": wrong.text}
    try:
        return {"result": _carried_out(request, listener), "id": request["id"]}
    except _Wrong as wrong:
        return {"code": wrong.code, "msg": wrong.text, "id": request["id"]}


def _parsed(raw: str) -> dict[str, Any]:
    try:
        request = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise _Wrong(3, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}") from None
    if not isinstance(request, dict) or "method" not in request:
        raise _Wrong(2, f"Invalid request: missing field `method` at line 1 column {len(raw)}")
    if "id" not in request or not _is_id(request["id"]):
        raise _Wrong(2, "Invalid request: request ID must be an unsigned integer")
    return request


def _is_id(value: Any) -> bool:
    if value is None:
        return True
    if isinstance(value, int) and not isinstance(value, bool):
        return -_INT64 <= value < _INT64
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _carried_out(request: dict[str, Any], listener: Listener) -> Any:
    method, params = request["method"], request.get("params", [])
    if method not in METHODS:
        known = ", ".join(f"`{name}`" for name in METHODS)
        raise _Wrong(
            2, f"Invalid request: unknown variant `{method}`, expected one of {known} at line 1 column 28"
        )
    if method == "LIST_SUBSCRIPTIONS":
        return listener.listens_to()
    if not isinstance(params, list) or not params:
        raise _Wrong(2, "Invalid request: missing field `params` at line 1 column 28")
    if method in ("SET_PROPERTY", "GET_PROPERTY"):
        return _property(method, params, listener)
    if not all(isinstance(name, str) for name in params):
        raise _Wrong(2, "Invalid request: invalid type: expected a string at line 1 column 28")
    if method == "UNSUBSCRIBE":
        listener.unsubscribe(params)
    elif not listener.subscribe(params):
        raise _Wrong(2, "Invalid request: too many parameters")
    return None


def _property(method: str, params: list[Any], listener: Listener) -> Any:
    if not isinstance(params[0], str):
        raise _Wrong(2, "Invalid request: property name must be a string")
    if params[0] != "combined":
        raise _Wrong(0, "Unknown property")
    if len(params) != (2 if method == "SET_PROPERTY" else 1):
        raise _Wrong(2, "Invalid request: too many parameters")
    if method == "GET_PROPERTY":
        return listener.combined
    if not isinstance(params[1], bool):
        raise _Wrong(1, "Invalid value type: expected Boolean")
    listener.combined = params[1]
    return None
