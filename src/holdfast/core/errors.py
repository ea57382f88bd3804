"""One family of errors that say what happened and what to do. The API turns them into RFC 9457 problems."""

from typing import Any


class HoldfastError(Exception):
    """An expected refusal.

    ``code`` is a stable kebab-case name (the last part of the problem's ``type``), ``title`` the short
    sentence for people, ``advice`` what to do now. ``extra`` holds further JSON-safe members.
    """

    status = 400
    code = "bad-request"
    title = "This request cannot be carried out."

    def __init__(self, detail: str, *, advice: str = "", **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.advice = advice
        self.extra = extra


class InvalidInput(HoldfastError):
    status = 422
    code = "invalid-input"
    title = "Something in this request needs correcting."


class NotFound(HoldfastError):
    """Also the answer for things that belong to somebody else: their existence is not told."""

    status = 404
    code = "not-found"
    title = "There is nothing here."


class NotSignedIn(HoldfastError):
    status = 401
    code = "not-signed-in"
    title = "Please sign in."


class Forbidden(HoldfastError):
    status = 403
    code = "forbidden"
    title = "This is not allowed."


class Conflict(HoldfastError):
    status = 409
    code = "conflict"
    title = "The situation has changed."


class Gone(HoldfastError):
    status = 410
    code = "gone"
    title = "This has expired."


class TooManyRequests(HoldfastError):
    status = 429
    code = "too-many-requests"
    title = "Too many attempts."


class Unavailable(HoldfastError):
    status = 503
    code = "unavailable"
    title = "A service Holdfast depends on does not answer."
