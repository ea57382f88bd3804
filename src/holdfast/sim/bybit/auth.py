"""Who is asking: signatures over raw bytes, the clock window, and what a key may do (bybit.md, section 2)."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Final

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.envelope import Refusal, is_whole

DEFAULT_WINDOW_MS: Final = 5000
FUTURE_TOLERANCE_MS: Final = 1000

AccountOfKey = Callable[[str], Account | None]


def sign(secret: str, text: str | bytes) -> str:
    """Lower-case hex of HMAC-SHA256."""
    payload = text.encode() if isinstance(text, str) else text
    return hmac.new(secret.encode(), payload, hashlib.sha256).hexdigest()


def within_window(stamp_ms: int, window_ms: int, server_ms: int) -> bool:
    """``server - window <= stamp < server + 1000`` [bybit-exchange/docs, guide]."""
    return server_ms - window_ms <= stamp_ms < server_ms + FUTURE_TOLERANCE_MS


def authenticate(
    headers: Mapping[str, str],
    payload: bytes,
    *,
    account_of: AccountOfKey,
    clocks_ms: tuple[int, ...],
    address: str,
) -> Account:
    """The account a signed request belongs to.

    ``payload`` is the raw query string of a GET or the raw body of a POST. ``clocks_ms`` are the readings
    that count as server time: the simulated clock, and the wall clock when the simulated one was moved.

    Raises:
        Refusal: 10003 unknown key, 33004 expired, 10002 clock, 10004 bad signature, 10010 address.
    """
    key = headers.get("X-BAPI-API-KEY", "")
    stamp = headers.get("X-BAPI-TIMESTAMP", "")
    window = headers.get("X-BAPI-RECV-WINDOW", "") or str(DEFAULT_WINDOW_MS)
    account = account_of(key)
    if account is None:
        raise Refusal(10003, "API key is invalid.")
    if not (is_whole(stamp) and is_whole(window)):
        raise Refusal(
            10001, "Request parameter error: X-BAPI-TIMESTAMP and X-BAPI-RECV-WINDOW must be integers."
        )
    if not any(within_window(int(stamp), int(window), clock) for clock in clocks_ms):
        raise Refusal(
            10002,
            "invalid request, please check your server timestamp or recv_window param. "
            f"req_timestamp[{stamp}],server_timestamp[{clocks_ms[0]}],recv_window[{window}]",
        )
    expected = sign(account.key.secret, f"{stamp}{key}{window}".encode() + payload)
    if not hmac.compare_digest(expected, headers.get("X-BAPI-SIGN", "")):
        raise Refusal(10004, "error sign! Please check your signature generation algorithm.")
    check_key(account, address, clocks_ms)
    return account


def authenticate_stream(
    args: list[object], *, account_of: AccountOfKey, clocks_ms: tuple[int, ...], address: str
) -> Account:
    """The account of a WebSocket ``auth`` message ``[key, expires_ms, signature]``.

    Raises:
        Refusal: as in ``authenticate``; an ``expires`` in the past is 10004.
    """
    if len(args) != 3:
        raise Refusal(10001, "Params Error")
    key, expires, signature = str(args[0]), str(args[1]), str(args[2])
    account = account_of(key)
    if account is None:
        raise Refusal(10003, "Invalid apikey")
    if not is_whole(expires) or all(int(expires) <= clock for clock in clocks_ms):
        raise Refusal(10004, "Params Error: expires is in the past")
    if not hmac.compare_digest(sign(account.key.secret, f"GET/realtime{expires}"), signature):
        raise Refusal(10004, "Invalid sign")
    check_key(account, address, clocks_ms)
    return account


def check_key(account: Account, address: str, clocks_ms: tuple[int, ...]) -> None:
    key = account.key
    if key.expires_ms is not None and clocks_ms[0] >= key.expires_ms:
        raise Refusal(33004, "Your api key has expired.")
    if key.ips and "*" not in key.ips and address not in key.ips:
        raise Refusal(10010, "Unmatched IP, please check your API key's bound IP addresses.")


def require(account: Account, group: str, name: str) -> None:
    """Refuse (10005) a write that the key's permissions do not allow."""
    if account.key.read_only or name not in account.key.permissions.get(group, ()):
        raise Refusal(10005, "Permission denied, please check your API key permissions.")


def require_trading(account: Account, category: str) -> None:
    if category == "spot":
        require(account, "Spot", "SpotTrade")
    else:
        require(account, "ContractTrade", "Order")
