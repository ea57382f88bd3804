"""Shapes every room shares."""

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

Item = TypeVar("Item")


class Schema(BaseModel):
    """Requests refuse unknown fields; answers are built from rows or dataclasses."""

    model_config = ConfigDict(extra="forbid", from_attributes=True)


class Page(Schema, Generic[Item]):
    """``next_cursor`` is opaque; ``None`` on the last page."""

    items: list[Item]
    next_cursor: str | None = None


class Problem(BaseModel):
    """RFC 9457 problem details with ``advice``: what to do now."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    advice: str
    request_id: str = ""
