"""The orders of offline flattenings, written before they are sent: as rows are to others, this file to them.

One file per connection. Numbers of legs and attempts only ever grow, so no name is used twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from fcntl import LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, flock
from typing import Final, Literal
from uuid import UUID

import orjson

from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.execution.emergency.journal import directory, make_directory
from holdfast.execution.emergency.plan import client_id
from holdfast.execution.risk.stop_file import give_away, is_lost, write_durably
from holdfast.platform.settings import Settings

State = Literal["sent", "unknown", "ended"]
FORMAT: Final = 1


@dataclass(slots=True)
class Entry:
    """One order. ``state``: sent or unknown while its end is open; ``booked`` once the database has it."""

    client_id: str
    owner: UUID
    symbol: str
    leg: int
    attempt: int
    side: Side
    quantity: Decimal
    limit_price: Decimal
    sent_at: datetime
    state: State = "sent"
    filled: Decimal = field(default=Decimal(0))
    booked: bool = False

    @property
    def open(self) -> bool:
        return self.state != "ended"


class OrderLog:
    """The orders of one connection. Every change is on the disk before it returns."""

    def __init__(self, settings: Settings, connection_id: UUID) -> None:
        self._settings = settings
        self._path = directory(settings) / f"{connection_id}.orders"
        self.entries = self._read()

    def exists(self) -> bool:
        return self._path.exists()

    @property
    def unbooked(self) -> bool:
        return any(not entry.booked for entry in self.entries)

    def add(
        self, owner: UUID, symbol: str, side: Side, quantity: Decimal, limit_price: Decimal, *, now: datetime
    ) -> Entry:
        """The next order of a position in a symbol, with a name of its own."""
        own = [entry for entry in self.entries if entry.owner == owner]
        legs = {entry.symbol: entry.leg for entry in own}
        leg = legs.get(symbol, len(set(legs.values())))
        attempt = sum(entry.symbol == symbol for entry in own)
        entry = Entry(
            client_id(owner, leg, attempt), owner, symbol, leg, attempt, side, quantity, limit_price, now
        )
        self.entries.append(entry)
        self.save()
        return entry

    def save(self) -> None:
        make_directory(self._settings)
        orders = [
            {
                **asdict(entry),
                "owner": str(entry.owner),
                "quantity": plain(entry.quantity),
                "limit_price": plain(entry.limit_price),
                "filled": plain(entry.filled),
                "sent_at": entry.sent_at.isoformat(),
            }
            for entry in self.entries
        ]
        write_durably(self._path, orjson.dumps({"format": FORMAT, "orders": orders}))

    def _read(self) -> list[Entry]:
        """Raises OSError or ValueError if it is there and cannot be read."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return []
        try:
            return _decoded(content)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise ValueError(f"{self._path} cannot be read ({error!r})") from error


def _decoded(content: bytes) -> list[Entry]:
    log = orjson.loads(content)
    if log["format"] != FORMAT:
        raise ValueError(f"unknown format {log['format']}")
    return [
        Entry(
            **{
                **fields,
                "owner": UUID(fields["owner"]),
                "side": Side(fields["side"]),
                "quantity": Decimal(fields["quantity"]),
                "limit_price": Decimal(fields["limit_price"]),
                "filled": Decimal(fields["filled"]),
                "sent_at": datetime.fromisoformat(fields["sent_at"]),
            }
        )
        for fields in log["orders"]
    ]


@contextmanager
def at_work(settings: Settings, *, alone: bool) -> Iterator[bool]:
    """Whether this process may send orders on this machine: any number of workers side by side, or one
    offline flattening alone. A killed process lets go by itself. Where the directory is gone, so are the
    journals that could be flattened by, and workers close what they have to."""
    if is_lost(settings):
        yield not alone
        return
    path = make_directory(settings) / "lock"
    is_new = not path.exists()
    with path.open("w") as file:
        if is_new:
            give_away(path)
        try:
            flock(file, (LOCK_EX if alone else LOCK_SH) | LOCK_NB)
        except OSError:
            yield False
            return
        try:
            yield True
        finally:
            flock(file, LOCK_UN)
