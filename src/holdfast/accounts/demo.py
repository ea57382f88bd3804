"""The funded account a demo visitor gets from the simulated venue."""

from typing import Final

import aiohttp

from holdfast.accounts.vault import VenueCredentials
from holdfast.core.errors import Unavailable

DEMO_BALANCE: Final = "25000"
"""USDT."""
PATIENCE: Final = aiohttp.ClientTimeout(total=10)


async def open_simulated_account(sim_url: str) -> VenueCredentials:
    """A new account at the simulator with ``DEMO_BALANCE`` and a key that may trade and nothing else.

    Raises:
        Unavailable: the simulator gives no usable answer.
    """
    wanted = {"balances": {"USDT": DEMO_BALANCE}, "ips": ["127.0.0.1"]}
    try:
        async with (
            aiohttp.ClientSession(timeout=PATIENCE) as client,
            client.post(f"{sim_url}/_sim/accounts", json=wanted) as answer,
        ):
            answer.raise_for_status()
            account = await answer.json()
        return VenueCredentials(account["api_key"], account["api_secret"])
    except (aiohttp.ClientError, TimeoutError, ValueError, KeyError, TypeError) as error:
        raise Unavailable(
            "The simulated market does not answer.", advice="Wait a few seconds and try the demo again."
        ) from error
