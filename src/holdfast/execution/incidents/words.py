"""How incidents are told: what happened, what Holdfast does about it, and what the user can do. Pure."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from holdfast.core.instruments import Side
from holdfast.core.money import plain
from holdfast.execution.incidents.incidents import News
from holdfast.execution.incidents.schemas import IncidentKind, Severity

FORCED_KINDS: Final[dict[str, IncidentKind]] = {
    "AdlTrade": "adl",
    "BustTrade": "liquidation",
    "Delivery": "delivery",
}
"""The venue's word for an execution → the incident it makes; any other without our id is a manual trade."""

OPENABLE: Final = ("cross", "isolated")
"""Margin modes in which a leg can be held at 1x."""


@dataclass(frozen=True, slots=True)
class Told:
    """One order at the venue that was not ours, as far as it has been filled. ``part`` is what it took from
    ``position``, signed like the fill; ``emptied`` when nothing is left of that."""

    exec_type: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    position: str = ""
    sleeve_id: UUID | None = None
    part: Decimal = Decimal(0)
    emptied: bool = False


def trade(told: Told) -> News:
    """A trade that did not come from Holdfast."""
    match FORCED_KINDS.get(told.exec_type):
        case "adl":
            return _forced(told, "adl", "was deleveraged", "automatic deleveraging closed")
        case "liquidation":
            return _forced(told, "liquidation", "was liquidated", "a liquidation closed")
        case "delivery":
            return _forced(told, "delivery", "was delivered", "the delisting closed")
        case _:
            return _manual(told)


def _amount(told: Told) -> str:
    verb = "bought" if told.side is Side.BUY else "sold"
    return f"{plain(told.quantity)} {told.symbol} {verb} at {plain(round(told.price, 8))}"


def _manual(told: Told) -> News:
    if told.sleeve_id is None:
        return News(
            "manual_trade",
            "info",
            f"{told.symbol} was traded outside Holdfast.",
            f"{_amount(told)}. It was booked as your own holding; your positions are as they were.",
            told.symbol,
        )
    return News(
        "manual_trade",
        "warning",
        f"{told.symbol} was traded outside Holdfast, into a position.",
        f"{_amount(told)}, of which {plain(abs(told.part))} closed a part of {told.position}. Holdfast does "
        "not trade that part any more: rebalance the position to take the leg back, or close what is left.",
        told.symbol,
        told.sleeve_id,
    )


def _forced(told: Told, kind: IncidentKind, title: str, how: str) -> News:
    if told.sleeve_id is None:
        outcome = f"{_amount(told)} of your own holding; your positions are as they were."
    elif told.emptied:
        outcome = (
            f"Of {told.position} {how} {plain(abs(told.part))}, the last it held, at "
            f"{plain(round(told.price, 8))}. It was booked, and the position is closed."
        )
    else:
        outcome = (
            f"Of {told.position} {how} {plain(abs(told.part))} at {plain(round(told.price, 8))}. It was "
            "booked, and the rest of the position stays: rebalance it, or close it."
        )
    if kind == "liquidation":
        outcome += (
            " Nothing more is opened on this account until you have seen this. Look at its margin first."
        )
    severity: Severity = "warning" if kind == "delivery" or told.sleeve_id is None else "alarm"
    return News(
        kind,
        "alarm" if kind == "liquidation" else severity,
        f"{told.symbol} {title} by the venue.",
        outcome,
        told.symbol,
        told.sleeve_id,
        blocks="opening" if kind == "liquidation" else "",
    )


def late_fill(symbol: str, quantity: Decimal, sleeve_id: UUID, position: str) -> News:
    return News(
        "late_fill",
        "alarm",
        f"A trade in {symbol} was told only after the end.",
        f"Bybit told of {plain(quantity)} {symbol} for {position} when that was thought to be over. It was "
        "booked. Look at the position: it holds what was traded, and you can close it.",
        symbol,
        sleeve_id,
    )


def needs_attention(reason: str, sleeve_id: UUID, position: str) -> News:
    return News("needs_attention", "alarm", f"{position} needs your attention.", reason, sleeve_id=sleeve_id)


def stray_order(symbol: str, client_id: str, filled: Decimal) -> News:
    traded = f" It had filled {plain(filled)}, which was booked." if filled else ""
    return News(
        "stray_order",
        "warning",
        f"An order in {symbol} rested with nobody waiting for it.",
        f"The order {client_id} is Holdfast's, but no execution goes on with it. It was cancelled.{traded}",
        symbol,
    )


def books_differ(symbol: str, reason: str) -> News:
    return News(
        "books_differ",
        "alarm",
        f"{symbol} is halted: the books and the account disagree.",
        f"{reason} Nothing is traded in it until they agree. Holdfast looks again every minute.",
        symbol,
        blocks="trading",
    )


def position_mode(symbol: str) -> News:
    return News(
        "position_mode",
        "alarm",
        f"{symbol} is in hedge mode.",
        "Holdfast trades in one-way mode only, so nothing is traded in this symbol. Close what you hold in "
        "it by hand and switch it to one-way mode at Bybit; Holdfast goes on by itself.",
        symbol,
        blocks="trading",
    )


def leverage_changed(symbol: str, leverage: Decimal) -> News:
    return News(
        "leverage_changed",
        "warning",
        f"{symbol} is at {plain(leverage)}x leverage.",
        "Somebody changed it outside Holdfast. What is held stays as it is; Holdfast puts it back to 1x "
        "before it opens anything in this symbol again. You can put it back yourself at Bybit.",
        symbol,
    )


def margin_mode(mode: str, before: str) -> News:
    """``before``: the mode in which the books began, if it is known."""
    if mode not in OPENABLE:
        why = "Leverage cannot be held at 1x in it" if mode == "portfolio" else "Holdfast does not know it"
        return News(
            "margin_mode",
            "alarm",
            f"The account is in {mode} margin mode.",
            f"{why}, so nothing is opened on this account. Positions can be closed. Put it back to "
            f"{before if before in OPENABLE else OPENABLE[0]} margin at Bybit.",
            blocks="opening",
        )
    return News(
        "margin_mode",
        "warning",
        f"The account is in {mode} margin mode.",
        f"It was in {before} margin when it was connected. "
        + (
            "In isolated margin every leg carries its own margin, and a leg can be liquidated alone. "
            if mode == "isolated"
            else "In cross margin the whole account stands behind every leg. "
        )
        + f"Holdfast goes on; put it back to {before} margin at Bybit if you did not mean it.",
    )


def borrowed(debt: Decimal) -> News:
    return News(
        "borrowed",
        "alarm",
        "The account owes USDT.",
        f"Bybit has lent it {plain(round(debt, 2))} USDT, which costs interest and can end in a liquidation. "
        "At 1x this must not happen: nothing is opened until it is repaid. Add USDT, or close something.",
        blocks="opening",
    )


def delisting(symbol: str, at: datetime | None, *, soon: bool) -> News:
    when = f"on {at:%Y-%m-%d %H:%M} UTC" if at else "soon"
    return News(
        "delisting_announced",
        "alarm" if soon else "warning",
        f"{symbol} is being delisted.",
        f"Bybit closes it {when}, at its own price. Nothing is opened in it any more. Close the position or "
        "rebalance it before then, or let Bybit close the leg: that will be booked.",
        symbol,
        blocks="opening",
    )


def key_refused(reason: str, advice: str) -> News:
    return News(
        "key_refused",
        "alarm",
        "The key does not work any more.",
        f"{_sentence(reason)} Nothing can be traded or read on this account. {advice} Holdfast goes on by "
        "itself once the key works.",
        blocks="trading",
    )


def key_expired(reason: str, advice: str) -> News:
    return News(
        "key_refused",
        "alarm",
        "The key has expired.",
        f"{_sentence(reason)} Nothing is traded on this account. {advice}",
        blocks="trading",
    )


def key_expiring(at: datetime, days: int, *, soon: bool) -> News:
    left = "less than a day" if days < 1 else "one day" if days == 1 else f"{days} days"
    return News(
        "key_expiring",
        "alarm" if soon else "warning",
        f"The key expires in {left}.",
        f"It ends on {at:%Y-%m-%d}. Without a key nothing can be traded, not even closed. Create a new one "
        "at Bybit and replace it here; your positions stay.",
    )


def account_downgraded(reason: str, advice: str) -> News:
    return News(
        "account_downgraded",
        "alarm",
        "This connection cannot trade any more.",
        f"{_sentence(reason)} It could before. Nothing is traded on it, and nothing can be closed through "
        f"Holdfast. {advice}".rstrip(),
        blocks="trading",
    )


def stream_lost(since: datetime, reason: str) -> News:
    return News(
        "stream_lost",
        "warning",
        "The account is not heard.",
        f"Bybit's account stream has been away since {since:%H:%M:%S} UTC ({reason.rstrip('.')}). Holdfast "
        "reads the account every minute instead, and everything it missed once the stream is back.",
    )


def away(since: datetime, until: datetime, lost_before: datetime | None) -> News:
    text = (
        f"Holdfast was away from this account from {since:%Y-%m-%d %H:%M} to {until:%Y-%m-%d %H:%M} UTC. "
        "Every trade and payment since was read and booked. Orders that were cancelled in that time without "
        "a trade can no longer be seen."
    )
    if lost_before is None:
        return News("stream_lost", "info", "The account was read again after a pause.", text)
    return News(
        "stream_lost",
        "alarm",
        "The account was away for longer than Bybit remembers.",
        f"{text} Bybit keeps two years: trades and payments before {lost_before:%Y-%m-%d} are lost. Where "
        "quantities differ the instrument is halted; fees and funding from before are missing for good.",
    )


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
