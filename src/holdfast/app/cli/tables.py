"""What the API answers, as tables for people. Numbers are shown as they came: plain and exact."""

from collections.abc import Iterable, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from rich.table import Table

Json = dict[str, Any]


def table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[str] = ()
) -> Table:
    made = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", no_wrap=column in numbers)
    for row in rows:
        made.add_row(*row)
    return made


def usdt(amount: str | None) -> str:
    """To the cent, with thousands separated; a dash while it is not known."""
    if amount is None:
        return "–"
    return f"{Decimal(amount).quantize(Decimal('0.01'), ROUND_HALF_EVEN):,f}"


def fee(amount: str | None) -> str:
    """Fees of small legs are fractions of a cent."""
    return "–" if amount is None else f"{Decimal(amount).quantize(Decimal('0.0001'), ROUND_HALF_EVEN):,f}"


def signed(amount: str | None) -> str:
    if amount is None:
        return "–"
    return f"+{usdt(amount)}" if Decimal(amount) > 0 else usdt(amount)


def percent(share: float | None, digits: int = 2) -> str:
    return "–" if share is None else f"{share:+.{digits}%}"


def level(value: float | None, unit: str) -> str:
    if value is None:
        return "–"
    return f"{value:.2f} %" if unit == "%" else f"{value:.5f}" if unit == "ratio" else f"{value:,.2f}"


def clock(moment: str | None) -> str:
    """Seconds suffice; UTC is said in the heading."""
    return (moment or "–")[:19].replace("T", " ")


def short(identifier: str) -> str:
    """Enough of an id to name it; commands take any unambiguous beginning."""
    return identifier[:8]


def fault(error: Json | None) -> str:
    """What a script failed of, with its line; "" for no error."""
    if error is None:
        return ""
    return f"Line {error['line']}: {error['message']}" if error["line"] else str(error["message"])


def indices(found: list[Json]) -> Table:
    return table(
        "Indices",
        ("id", "index", "level", "24 h", ""),
        (
            (i["id"], i["name"], level(i["level"], i["unit"]), percent(i["change_24h"]), i["stale_reason"])
            for i in found
        ),
        numbers=("level", "24 h"),
    )


def members(index: Json) -> Table:
    return table(
        f"{index['name']} ({index['symbol']})  {level(index['level'], index['unit'])}",
        ("coin", "symbol", "share", "weight (long)", "price"),
        (
            (
                m["name"],
                m["symbol"],
                percent(m["share"]).lstrip("+"),
                percent(m["weight"]),
                _number(m["price"]),
            )
            for m in index["members"]
        ),
        numbers=("share", "weight (long)", "price"),
    )


def plan(shown: Json) -> Table:
    return table(
        f"{shown['kind'].capitalize()} {shown['index_name']}, {shown['direction']}, "
        f"{usdt(shown['size'])} USDT",
        ("coin", "side", "quantity", "expected price", "limit", "notional", "fee", "slippage", ""),
        (
            (
                leg["ticker"],
                leg["side"] if leg["action"] != "skip" else "–",
                leg["quantity"],
                leg["expected_price"],
                leg["limit_price"],
                usdt(leg["notional"]),
                fee(leg["fee"]),
                fee(leg["slippage"]),
                leg["note"],
            )
            for leg in shown["legs"]
        ),
        numbers=("quantity", "expected price", "limit", "notional", "fee", "slippage"),
    )


def totals(shown: Json) -> list[str]:
    """The sums of a plan, a sentence each."""
    sums = shown["totals"]
    lines = [
        f"Gross {usdt(sums['gross'])}, net {signed(sums['net'])}, fees {usdt(sums['fees'])}, "
        f"slippage {usdt(sums['slippage'])} USDT.",
        f"Margin needed {usdt(sums['margin_needed'])} of {usdt(sums['available'])} USDT available.",
    ]
    if Decimal(sums["left_out"]):
        lines.append(f"Left out: {usdt(sums['left_out'])} USDT.")
    before = sums.get("tracking_error_before")
    now = "" if before is None else f", {before:.2%} as it stands"
    lines.append(f"Tracking error {sums['tracking_error']:.2%}{now}. {shown['tactic']['note']}")
    return [*lines, *shown["warnings"]]


def execution(run: Json) -> Table:
    return table(
        f"{run['index_name']}: {run['state'].replace('_', ' ')}  {run['progress']:.0%}",
        ("coin", "side", "filled", "of", "average price", "fee", "state", ""),
        (
            (
                leg["ticker"],
                leg["side"],
                leg["filled_quantity"],
                leg["quantity"],
                leg["average_price"] or "–",
                fee(leg["fee"]),
                leg["state"].replace("_", " "),
                leg["note"],
            )
            for leg in run["legs"]
        ),
        numbers=("filled", "of", "average price", "fee"),
    )


def positions(found: list[Json]) -> Table:
    return table(
        "Positions",
        ("id", "index", "direction", "size", "P&L", "fees", "funding", "state", ""),
        (
            (
                short(p["id"]),
                p["index_name"],
                p["direction"],
                usdt(p["size"]),
                signed(p["pnl"]),
                usdt(p["fees"]),
                signed(p["funding"]),
                p["state"].replace("_", " "),
                "changed outside Holdfast" if p["altered"] else "",
            )
            for p in found
        ),
        numbers=("size", "P&L", "fees", "funding"),
    )


def orders(found: list[Json]) -> Table:
    return table(
        "Orders (UTC)",
        ("time", "symbol", "side", "quantity", "limit", "filled", "average price", "state", ""),
        (
            (
                clock(o["created_at"]),
                o["symbol"],
                f"{o['side']} ({o['role']})",
                o["quantity"],
                o["limit_price"],
                o["filled_quantity"],
                o["average_price"] or "–",
                o["state"].replace("_", " "),
                o["reject_reason"],
            )
            for o in found
        ),
        numbers=("quantity", "limit", "filled", "average price"),
    )


def incidents(found: list[Json]) -> Table:
    return table(
        "Incidents (UTC)",
        ("id", "time", "", "what", "account", "state"),
        (
            (
                short(i["id"]),
                clock(i["at"]),
                i["severity"],
                f"{i['title']} {i['text']}",
                i["connection_label"],
                "settled" if i["settled_at"] else "seen" if i["seen_at"] else "new",
            )
            for i in found
        ),
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}"
