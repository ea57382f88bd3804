"""Which venue answers where. A new venue is one folder and one line in each table here."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from redis.asyncio import Redis

from holdfast.core.errors import InvalidInput
from holdfast.core.time import Clock
from holdfast.platform.settings import Settings
from holdfast.venues.bybit import budget as bybit_budget
from holdfast.venues.bybit.budget import Budget
from holdfast.venues.bybit.client import BybitPublic, BybitVenue
from holdfast.venues.bybit.private_stream import BybitAccountStream
from holdfast.venues.protocol import AccountStream, PublicVenue, TradingVenue

SIMULATED: Final = "simulated"

_REST: Final = {
    ("bybit", "live"): "https://api.bybit.com",
    ("bybit", "testnet"): "https://api-testnet.bybit.com",
    ("bybit", "demo"): "https://api-demo.bybit.com",
}
_PRIVATE_STREAM: Final = {
    ("bybit", "live"): "wss://stream.bybit.com/v5/private",
    ("bybit", "testnet"): "wss://stream-testnet.bybit.com/v5/private",
    ("bybit", "demo"): "wss://stream-demo.bybit.com/v5/private",
}
_PUBLIC: Final[dict[str, Callable[..., PublicVenue]]] = {"bybit": BybitPublic}
_TRADING: Final[dict[str, Callable[..., TradingVenue]]] = {"bybit": BybitVenue}
_BUDGET: Final[dict[str, Callable[[Redis, Clock, Path], Budget]]] = {"bybit": bybit_budget.shared_budget}
_OWN_BUDGET: Final[dict[str, Callable[[Clock, Path], Budget]]] = {"bybit": bybit_budget.own_budget}
_STREAM: Final[dict[str, Callable[..., AccountStream]]] = {"bybit": BybitAccountStream}


def rest_url(venue: str, environment: str, settings: Settings) -> str:
    """The REST address for keys of this environment. A setting moves ``live`` to a regional host.

    Raises:
        InvalidInput: there is no such venue or environment, or this server does not speak to it.
    """
    _check_environment(venue, environment, settings)
    if environment in ("live", SIMULATED):
        return settings.venue_url
    return _REST[venue, environment]


def private_ws_url(venue: str, environment: str, settings: Settings) -> str:
    """The address of the account stream; same rules as ``rest_url``."""
    _check_environment(venue, environment, settings)
    if environment in ("live", SIMULATED):
        return settings.venue_private_ws_url
    return _PRIVATE_STREAM[venue, environment]


def shared_budget(venue: str, redis: Redis, clock: Clock, home: Path) -> Budget:
    """The venue's rate limits, counted by all processes together; those of one machine have one ``home``."""
    if venue not in _BUDGET:
        raise _unknown(venue)
    return _BUDGET[venue](redis, clock, home)


def own_budget(venue: str, clock: Clock, home: Path) -> Budget:
    """The venue's rate limits, counted by this process alone, for all its clients together; those of its
    address, with the others of its machine that cannot ask Redis."""
    if venue not in _OWN_BUDGET:
        raise _unknown(venue)
    return _OWN_BUDGET[venue](clock, home)


def public_venue(
    venue: str, settings: Settings, *, budget: Budget | None = None, clock: Clock | None = None
) -> PublicVenue:
    """The venue without a key, at the address this server uses for market data."""
    if venue not in _PUBLIC:
        raise _unknown(venue)
    return _PUBLIC[venue](settings.venue_url, budget=budget, clock=clock)


def trading_venue(
    venue: str,
    environment: str,
    api_key: str,
    api_secret: str,
    settings: Settings,
    *,
    budget: Budget | None = None,
    clock: Clock | None = None,
) -> TradingVenue:
    """The venue for the holder of a key.

    Raises:
        InvalidInput: as ``rest_url``.
        KeyRefused: the key or the secret cannot be one.
    """
    url = rest_url(venue, environment, settings)
    return _TRADING[venue](url, api_key, api_secret, budget=budget, clock=clock)


def account_stream(
    venue: str,
    environment: str,
    api_key: str,
    api_secret: str,
    settings: Settings,
    *,
    venue_time: Callable[[], Awaitable[datetime]],
) -> AccountStream:
    """What the venue pushes to the holder of a key. ``venue_time`` is ``server_time`` of any of its clients.

    Raises:
        InvalidInput: as ``rest_url``.
    """
    url = private_ws_url(venue, environment, settings)
    return _STREAM[venue](url, api_key, api_secret, venue_time)


def _check_environment(venue: str, environment: str, settings: Settings) -> None:
    if venue not in _TRADING:
        raise _unknown(venue)
    if environment != SIMULATED and (venue, environment) not in _REST:
        raise InvalidInput(
            f"{venue} has no environment {environment!r}.", advice="Choose live, testnet, demo or simulated."
        )
    if settings.simulated and environment != SIMULATED:
        raise InvalidInput(
            "This server runs in demo mode and speaks only to the simulated market.",
            advice="Start it with HOLDFAST_MODE=live to connect a real account.",
        )
    if environment == SIMULATED and not settings.simulated:
        raise InvalidInput(
            "There is no simulated market in live mode.",
            advice="Choose live, testnet or demo as environment.",
        )


def _unknown(venue: str) -> InvalidInput:
    return InvalidInput(f"There is no venue {venue!r}.", advice=f"Choose one of: {', '.join(_TRADING)}.")
