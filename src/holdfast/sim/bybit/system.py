"""What the venue says of its own state: the maintenance windows of the fault dial [system-status]."""

import hashlib
import uuid
from typing import Any, Final

from holdfast.sim.faults import Faults, Window

SERVICES: Final = [2, 3, 4, 5]
PRODUCTS: Final = [1, 2]


def status_rows(faults: Faults, now_ms: int) -> list[dict[str, Any]]:
    """Newest first; services and products are those of the documented example (sim rule)."""
    windows = sorted(faults.windows("maintenance"), key=lambda one: one.begin_ms, reverse=True)
    return [_row(window, now_ms) for window in windows]


def _row(window: Window, now_ms: int) -> dict[str, Any]:
    return {
        "id": _id(window),
        "title": "Simulated maintenance",
        "state": _state(window, now_ms),
        "begin": str(window.begin_ms),
        "end": "" if window.end_ms is None else str(window.end_ms),
        "href": "",
        "serviceTypes": SERVICES,
        "product": PRODUCTS,
        "uidSuffix": [],
        "maintainType": 1,
        "env": 1,
    }


def _id(window: Window) -> str:
    text = f"{window.where} {window.begin_ms}"
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def _state(window: Window, now_ms: int) -> str:
    if now_ms < window.begin_ms:
        return "scheduled"
    return "completed" if window.end_ms is not None and now_ms >= window.end_ms else "ongoing"
