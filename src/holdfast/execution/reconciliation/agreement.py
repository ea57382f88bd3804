"""Before more of a position is closed, the ledger is held against the account.

A liquidation, a deleveraging or a trade by hand is at the venue before it is in the ledger, and reduce-only
does not help where the user or another position holds the same side: it would close theirs. Whose share was
taken is only known once the books have it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from holdfast.execution.reconciliation.reconcile import Pause, compare, net_holdings, reconcile_connection
from holdfast.platform.jobs import LeaseLost
from holdfast.platform.tasks import RetryAt, Work
from holdfast.venues.protocol import TradingVenue, VenuePosition


@dataclass(frozen=True, slots=True)
class Agreement:
    """The account's net position by symbol, and the symbols in which the books say otherwise, with the words
    for it."""

    net: dict[str, Decimal]
    differences: dict[str, str]


async def agreement(
    work: Work,
    door: TradingVenue,
    connection_id: UUID,
    symbols: Sequence[str],
    *,
    lock: int | None,
    pause: Pause,
) -> Agreement:
    """How the account stands in these ``symbols``. Where the books differ they are brought up to date first;
    what differs afterwards must not be traded. The caller holds the connection's lock, under the number
    ``lock``.

    Raises:
        VenueError: as the venue answers.
        RetryAt: somebody else has taken the connection's lock.
    """
    found = await _look(work, door, connection_id, symbols)
    if not found.differences:
        return found
    try:
        await reconcile_connection(work, door, connection_id, fence=lock, pause=pause, holdings_only=True)
    except LeaseLost as error:
        raise RetryAt(1, str(error)) from error
    return await _look(work, door, connection_id, symbols)


async def _look(work: Work, door: TradingVenue, connection_id: UUID, symbols: Sequence[str]) -> Agreement:
    positions: list[VenuePosition] = await door.positions()
    async with work.database.sessions() as session:
        ours = await net_holdings(session, connection_id)
    differences = compare(ours, positions, set())
    return Agreement(
        {position.symbol: position.quantity for position in positions},
        {symbol: text for symbol, text in differences.items() if symbol in symbols},
    )
