"""Which orders close what positions own, by a journal and what the venue says. Pure.

Also the names of those orders: when PostgreSQL is back they tell to which position a fill belongs.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.execution.emergency.journal import Journal
from holdfast.execution.ids import PREFIX, is_ours
from holdfast.venues.protocol import FillReport

_ZERO: Final = Decimal(0)
_EMERGENCY: Final = re.compile(r"hf-([a-z2-7]{26})-x(\d{2})(\d{3})")
_ORDINARY: Final = re.compile(r"hf-([a-z2-7]{26})-[a-wyz]\d{4}")

Owned = dict[UUID, dict[str, Decimal]]


@dataclass(frozen=True, slots=True)
class Closing:
    """``quantity`` of ``symbol`` that ``owner`` is to give back."""

    owner: UUID
    symbol: str
    side: Side
    quantity: Decimal


def client_id(owner: UUID, leg: int, attempt: int) -> str:
    """The venue's name of an emergency order: 36 characters, unique for ever.

    Raises:
        ValueError: more than 100 instruments or 1,000 attempts of one position.
    """
    if not (0 <= leg <= 99 and 0 <= attempt <= 999):
        raise ValueError(f"leg {leg} or attempt {attempt} is too large for a client id")
    return f"{PREFIX}{_name(owner)}-x{leg:02d}{attempt:03d}"


def owner_of(link_id: str) -> UUID | None:
    """Whose emergency order this is; ``None`` if it is none. The owner is a position, or an execution whose
    position the journal did not know yet."""
    found = _EMERGENCY.fullmatch(link_id)
    return _uuid(found[1]) if found else None


def owned_now(journal: Journal, fills: Iterable[FillReport]) -> Owned:
    """What each position owns after ``fills`` (all since ``read_until`` - ``OVERLAP``). Fills of orders of
    ours that the journal has not seen count; an execution that it does not know is an owner of its own."""
    owned = {owner: dict(held) for owner, held in journal.owned.items()}
    for fill in fills:
        if fill.exec_id in journal.seen or not is_ours(fill.client_id):
            continue
        owner = owner_of(fill.client_id)
        if owner is None:
            found = _ORDINARY.fullmatch(fill.client_id)
            if found is None:
                continue
            execution = _uuid(found[1])
            owner = journal.executions.get(execution, execution)
        held = owned.setdefault(owner, {})
        held[fill.symbol] = held.get(fill.symbol, _ZERO) + fill.side.sign * fill.quantity
    return {owner: left for owner, held in owned.items() if (left := {s: q for s, q in held.items() if q})}


def closings(owned: Owned, net: Mapping[str, Decimal]) -> tuple[list[Closing], dict[str, str]]:
    """Orders that only reduce what the venue shows, and in words, by symbol, what they cannot close.

    Per symbol at most the smaller of what all positions own together and what the account holds in that
    direction: the rest of the account is the user's own. The largest holding gives first.
    """
    orders: list[Closing] = []
    problems: dict[str, str] = {}
    symbols = sorted({symbol for held in owned.values() for symbol in held})
    for symbol in symbols:
        held = {owner: one[symbol] for owner, one in owned.items() if one.get(symbol)}
        total, at_venue = sum(held.values(), _ZERO), net.get(symbol, _ZERO)
        sign = 1 if total > 0 else -1
        closable = min(abs(total), max(_ZERO, at_venue * sign)) if total else _ZERO
        left = closable
        for owner, quantity in sorted(held.items(), key=lambda item: (-item[1] * sign, str(item[0]))):
            part = min(left, max(_ZERO, quantity * sign))
            if part:
                orders.append(Closing(owner, symbol, Side.of(-sign), part))
                left -= part
        explained = _explained(symbol, held, total, at_venue, closable)
        if explained:
            problems[symbol] = " ".join(explained)
    return orders, problems


def _explained(
    symbol: str, held: Mapping[UUID, Decimal], total: Decimal, at_venue: Decimal, closable: Decimal
) -> list[str]:
    said = []
    offset = (sum((abs(quantity) for quantity in held.values()), _ZERO) - abs(total)) / 2
    if offset:
        said.append(
            f"{symbol}: {plain(offset)} of one position offsets as much of another, so Bybit holds nothing "
            "of it to close. Close both when the database is back."
        )
    if abs(total) > closable:
        said.append(
            f"{symbol}: {plain(abs(total) - closable)} cannot be closed, because Bybit shows "
            f"{plain(at_venue)} for the whole account: a holding of your own offsets it, or it was closed "
            "already."
        )
    return said


def _name(owner: UUID) -> str:
    return base64.b32encode(owner.bytes).decode().rstrip("=").lower()


def _uuid(name: str) -> UUID:
    return UUID(bytes=base64.b32decode(name.upper() + "=" * 6))
