"""What the API says about incidents."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from holdfast.platform.schemas import Schema

IncidentKind = Literal[
    "manual_trade",
    "adl",
    "liquidation",
    "delivery",
    "delisting_announced",
    "position_mode",
    "leverage_changed",
    "margin_mode",
    "key_refused",
    "key_expiring",
    "account_downgraded",
    "books_differ",
    "late_fill",
    "needs_attention",
    "stray_order",
    "borrowed",
    "stream_lost",
    "flattened",
    "stopped",
]
Severity = Literal["info", "warning", "alarm"]
Blocks = Literal["", "opening", "trading"]


class IncidentView(Schema):
    """``text`` says what happened, what Holdfast does about it, and what the user can do. ``blocks`` holds
    until ``settled_at``; ``acknowledge`` is true where only the user's having seen it settles it."""

    id: UUID
    connection_id: UUID | None
    connection_label: str
    position_id: UUID | None
    index_name: str
    symbol: str
    kind: IncidentKind
    severity: Severity
    title: str
    text: str
    blocks: Blocks
    acknowledge: bool
    at: datetime
    seen_at: datetime | None
    settled_at: datetime | None


class IncidentsTick(Schema):
    """Pushed on ``incidents``: something changed, read the list again."""

    changed: Literal[True] = True
    open: int
    unseen: int
    newest_at: datetime | None
