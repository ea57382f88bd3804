"""The journal as rows of a CSV file."""

from collections.abc import Sequence

from holdfast.journal.schemas import EntryView

COLUMNS = (
    "time", "title", "series", "tags", "setup", "mood", "rating", "trade", "state", "direction", "traded",
    "name", "entry_time", "exit_time", "quantity", "entry_price", "exit_price", "value", "fees", "funding",
    "pnl", "other_fees", "pictures", "text", "id",
)  # fmt: skip
_SOURCES = {
    "position": "position (from the ledger)",
    "fills": "fills (from the ledger)",
    "hand": "entered by hand",
}


def row(entry: EntryView) -> Sequence[object]:
    return (
        entry.happened_at, entry.title, entry.series, ", ".join(entry.tags), entry.setup, entry.mood,
        entry.rating, *_trade(entry), len(entry.images), entry.text, entry.id,
    )  # fmt: skip


def _trade(entry: EntryView) -> Sequence[object]:
    trade = entry.trade
    if trade is None:
        return (None,) * 15
    return (
        _SOURCES[trade.kind], trade.state, trade.direction, trade.series, trade.name,
        trade.entry_at, trade.exit_at, trade.quantity, trade.entry_price, trade.exit_price, trade.value,
        trade.fees, trade.funding, trade.pnl, ", ".join(trade.other_fees),
    )  # fmt: skip
