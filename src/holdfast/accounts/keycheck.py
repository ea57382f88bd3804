"""May this key be connected, and for what? Pure rules over what the venue says about a key and its account.

Fails closed: a permission that is not known to be harmless refuses the key. Source of the names and of the
policy: Bybit's documentation of ``GET /v5/user/query-api`` and of the endpoint that edits keys, by which a
master key holding any transfer permission may change its own permissions.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from holdfast.venues.protocol import AccountInfo, KeyInfo

EXPIRES_SOON: Final = timedelta(days=14)

MONEY_OUT: Final[Mapping[str, str]] = {
    "Wallet": "move or withdraw your coins, or change its own permissions",
    "FiatP2P": "sell your coins to other people",
    "FiatBitPay": "pay with your coins",
    "FiatBybitPay": "pay with your coins",
    "FiatConvertBroker": "exchange your coins for money",
    "FiatGlobalPay": "pay with your coins",
    "BitCard": "spend your coins by card",
}
"""Permission groups that let value leave the account, and how."""

NEEDED: Final[Mapping[str, frozenset[str]]] = {"ContractTrade": frozenset({"Order", "Position"})}
"""Without these no perpetual can be traded."""

HARMLESS: Final[Mapping[str, frozenset[str]]] = {
    **NEEDED,
    "Spot": frozenset({"SpotTrade"}),
    "Derivatives": frozenset({"DerivativesTrade"}),
}
"""What Holdfast uses, or what Bybit adds to it by itself."""

SUPERFLUOUS: Final[Mapping[str, frozenset[str]]] = {
    "Exchange": frozenset({"ExchangeHistory"}),
    "Earn": frozenset({"Earn"}),
    "Options": frozenset({"OptionsTrade"}),
    "BlockTrade": frozenset({"BlockTrade"}),
    "Affiliate": frozenset({"Affiliate"}),
    "ByXPost": frozenset({"ByXPost"}),
    "CopyTrading": frozenset({"CopyTrading"}),
    "NFT": frozenset({"NFTQueryProductList"}),
}
"""Not needed, and no way out for money."""

CAN_TRADE: Final = frozenset({"purpose"})
"""Checks that say whether a key can trade, not whether it may be used at all."""

KNOWN: Final[Mapping[str, frozenset[str]]] = {**HARMLESS, **SUPERFLUOUS}


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    REFUSED = "refused"


class KeyState(StrEnum):
    ACTIVE = "active"
    WATCH_ONLY = "watch_only"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing the check found; ``advice`` says what to do about it."""

    check: str
    level: Level
    message: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is the first refusal, "" otherwise."""

    state: KeyState
    findings: tuple[Finding, ...]

    @property
    def reason(self) -> str:
        return next((each.message for each in self.findings if each.level is Level.REFUSED), "")


def judge_key(
    key: KeyInfo,
    account: AccountInfo,
    *,
    hedged_symbols: Sequence[str] = (),
    has_books: bool = False,
    now: datetime,
) -> Verdict:
    """All findings about a key, and what it may be used for.

    A key with any refusal is refused; otherwise a read-only key watches and any other key trades. Where the
    connection ``has_books`` positions may be open, which must go on being watched, and closed if possible: a
    key that cannot trade any more watches then, and a margin mode that forbids opening is an incident.
    ``hedged_symbols`` are instruments known to be in hedge mode.
    """
    findings = (
        *_permissions(key),
        *_purpose(key),
        _account_type(key, account),
        _margin_mode(account, Level.WARNING if has_books else Level.REFUSED),
        _position_mode(hedged_symbols),
        _addresses(key),
        _expiry(key, now),
        *_ownership(key),
    )
    return Verdict(_state(key, findings, has_books=has_books), findings)


def _state(key: KeyInfo, findings: Sequence[Finding], *, has_books: bool) -> KeyState:
    refused = {each.check for each in findings if each.level is Level.REFUSED}
    if refused - (CAN_TRADE if has_books else set()):
        return KeyState.REFUSED
    return KeyState.WATCH_ONLY if refused or key.read_only else KeyState.ACTIVE


def _permissions(key: KeyInfo) -> Iterator[Finding]:
    granted = {group: names for group, names in key.permissions.items() if names}
    findings = [each for group, names in granted.items() for each in _group(group, names)]
    if not any(each.level is Level.REFUSED for each in findings):
        yield Finding("permissions", Level.OK, "This key can neither withdraw nor transfer.")
    yield from findings


def _group(group: str, names: Sequence[str]) -> Iterator[Finding]:
    listed = ", ".join(names)
    if group in MONEY_OUT:
        yield Finding(
            "permissions",
            Level.REFUSED,
            f"This key has {group} permissions ({listed}): it could {MONEY_OUT[group]}.",
            f"Edit the key at Bybit and untick everything under {group}, or create a new key without it.",
        )
        return
    unknown = [name for name in names if name not in KNOWN.get(group, ())]
    if unknown:
        yield Finding(
            "permissions",
            Level.REFUSED,
            f"This key has a permission Holdfast does not know: {group} ({', '.join(unknown)}).",
            "Untick it at Bybit. What Holdfast does not know it does not accept.",
        )
    elif group in SUPERFLUOUS:
        yield Finding(
            "permissions",
            Level.WARNING,
            f"This key has {group} permissions ({listed}), which Holdfast does not need.",
            "Untick them at Bybit: a key should be able to do no more than it must.",
        )


def _purpose(key: KeyInfo) -> Iterator[Finding]:
    if key.read_only:
        yield Finding(
            "purpose",
            Level.WARNING,
            "This key is read-only: Holdfast can watch this account, not trade on it.",
            "To trade, create a key with read and write access.",
        )
        return
    for group, needed in NEEDED.items():
        missing = sorted(needed - set(key.permissions.get(group, ())))
        if missing:
            yield Finding(
                "purpose",
                Level.REFUSED,
                f"This key lacks a permission that trading needs: {group} ({', '.join(missing)}).",
                "Tick Orders and Positions under Unified Trading → Contract for this key at Bybit.",
            )
            return
    yield Finding("purpose", Level.OK, "This key can trade perpetual contracts.")


def _account_type(key: KeyInfo, account: AccountInfo) -> Finding:
    if key.unified and account.unified:
        return Finding("account", Level.OK, "This is a Unified Trading Account.")
    return Finding(
        "account",
        Level.REFUSED,
        "This is not a Unified Trading Account.",
        "Upgrade the account at Bybit (free, in its settings), then check the key again.",
    )


def _margin_mode(account: AccountInfo, level_of_others: Level) -> Finding:
    match account.margin_mode:
        case "cross":
            return Finding("margin", Level.OK, "The account is in cross margin mode.")
        case "isolated":
            return Finding(
                "margin",
                Level.WARNING,
                "The account is in isolated margin mode: every leg carries its own margin.",
                "In cross margin the legs of an index support each other. You can change it at Bybit.",
            )
        case "portfolio":
            return Finding(
                "margin",
                level_of_others,
                "The account is in portfolio margin mode, in which leverage cannot be held at 1x.",
                "Choose cross margin at Bybit, or use a sub-account with cross margin.",
            )
        case unknown:
            return Finding(
                "margin",
                level_of_others,
                f"The account is in a margin mode Holdfast does not know: {unknown}.",
                "Choose cross margin at Bybit, then check the key again.",
            )


def _position_mode(hedged_symbols: Sequence[str]) -> Finding:
    if not hedged_symbols:
        return Finding("positions", Level.OK, "Positions are in one-way mode.")
    return Finding(
        "positions",
        Level.WARNING,
        f"In hedge mode: {', '.join(sorted(hedged_symbols))}. Holdfast trades in one-way mode only.",
        "Close these positions and switch them to one-way mode at Bybit, or indices will leave them out.",
    )


def _addresses(key: KeyInfo) -> Finding:
    bound = [ip for ip in key.ips if ip.strip()]
    if bound and "*" not in bound:
        return Finding("addresses", Level.OK, f"This key works from {', '.join(bound)} only.")
    return Finding(
        "addresses",
        Level.WARNING,
        "This key works from any address, and Bybit lets such keys expire after 90 days.",
        "Bind it to the address of this server at Bybit.",
    )


def _expiry(key: KeyInfo, now: datetime) -> Finding:
    if key.expires_at is None or key.expires_at.year <= 1970:
        return Finding("expiry", Level.OK, "This key does not expire.")
    day = f"{key.expires_at:%Y-%m-%d}"
    if key.expires_at <= now:
        return Finding("expiry", Level.REFUSED, f"This key expired on {day}.", "Create a new key at Bybit.")
    if key.expires_at - now <= EXPIRES_SOON:
        return Finding(
            "expiry",
            Level.WARNING,
            f"This key expires on {day}.",
            "Create a new key at Bybit before that day.",
        )
    return Finding("expiry", Level.OK, f"This key is good until {day}.")


def _ownership(key: KeyInfo) -> Iterator[Finding]:
    if key.is_master:
        yield Finding(
            "ownership",
            Level.OK,
            "This key belongs to your main account.",
            "Safer: a sub-account of its own, so that Holdfast and your own trading never meet.",
        )
