"""The instruments of the venue, read from the table and kept in memory."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.core.instruments import Instrument, InstrumentKind
from holdfast.market import repository

VENUE = "bybit"


class InstrumentBook:
    """A cached reader of one venue's instruments of one kind."""

    def __init__(self, *, venue: str = VENUE, kind: InstrumentKind = InstrumentKind.LINEAR) -> None:
        self._venue = venue
        self._kind = kind
        self._instruments: dict[str, Instrument] = {}
        self._seen_at: datetime | None = None

    async def refresh(self, session: AsyncSession) -> None:
        """Read the table again if the venue's list was read since."""
        seen_at = await repository.last_seen(session, self._venue, self._kind)
        if seen_at == self._seen_at:
            return
        self.replace(await repository.instruments(session, self._venue, self._kind))
        self._seen_at = seen_at

    def replace(self, instruments: list[Instrument]) -> None:
        self._instruments = {instrument.symbol: instrument for instrument in instruments}

    def get(self, symbol: str) -> Instrument | None:
        return self._instruments.get(symbol)

    def all(self) -> list[Instrument]:
        return list(self._instruments.values())
