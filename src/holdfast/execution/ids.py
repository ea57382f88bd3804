"""Client order ids: deterministic from the execution, the leg and the attempt."""

import base64
from typing import Literal
from uuid import UUID

Role = Literal["open", "close", "rebalance", "unwind"]
PREFIX = "hf-"
MAX_LENGTH = 36


def client_id(execution_id: UUID, role: Role, leg: int, attempt: int) -> str:
    """At most 36 characters of ``[0-9a-z-]``, as Bybit's ``orderLinkId`` allows; unique for ever.

    Raises:
        ValueError: more than 100 legs or attempts.
    """
    name = base64.b32encode(execution_id.bytes).decode().rstrip("=").lower()
    made = f"{PREFIX}{name}-{role[0]}{leg:02d}{attempt:02d}"
    if leg > 99 or attempt > 99 or len(made) > MAX_LENGTH:
        raise ValueError(f"leg {leg} or attempt {attempt} is too large for a client id")
    return made


def is_ours(link_id: str) -> bool:
    return link_id.startswith(PREFIX)
