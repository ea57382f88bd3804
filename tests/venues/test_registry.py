"""Which address serves which environment, and which combinations are refused."""

import pytest

from holdfast.core.errors import InvalidInput
from holdfast.platform.settings import Mode, Settings
from holdfast.venues import registry
from holdfast.venues.bybit.client import BybitVenue

LIVE = Settings(mode=Mode.LIVE)
DEMO = Settings(mode=Mode.DEMO, sim_port=9999)


@pytest.mark.parametrize(
    ("environment", "rest", "stream"),
    [
        ("live", "https://api.bybit.com", "wss://stream.bybit.com/v5/private"),
        ("testnet", "https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com/v5/private"),
        ("demo", "https://api-demo.bybit.com", "wss://stream-demo.bybit.com/v5/private"),
    ],
)
def test_each_environment_has_its_own_hosts(environment: str, rest: str, stream: str) -> None:
    assert registry.rest_url("bybit", environment, LIVE) == rest
    assert registry.private_ws_url("bybit", environment, LIVE) == stream


def test_a_setting_moves_live_keys_to_a_regional_host_and_leaves_the_others() -> None:
    regional = Settings(
        mode=Mode.LIVE,
        bybit_rest_url="https://api.bybit.kz",
        bybit_private_ws_url="wss://stream.bybit.kz/v5/private",
    )
    assert registry.rest_url("bybit", "live", regional) == "https://api.bybit.kz"
    assert registry.private_ws_url("bybit", "live", regional) == "wss://stream.bybit.kz/v5/private"
    assert registry.rest_url("bybit", "testnet", regional) == "https://api-testnet.bybit.com"


def test_demo_mode_speaks_to_the_simulator_and_to_nothing_else() -> None:
    assert registry.rest_url("bybit", "simulated", DEMO) == "http://127.0.0.1:9999"
    assert registry.private_ws_url("bybit", "simulated", DEMO) == "ws://127.0.0.1:9999/v5/private"
    for environment in ("live", "testnet", "demo"):
        with pytest.raises(InvalidInput):
            registry.rest_url("bybit", environment, DEMO)
    with pytest.raises(InvalidInput):
        registry.rest_url("bybit", "simulated", LIVE)


@pytest.mark.parametrize(("venue", "environment"), [("kraken", "live"), ("bybit", "moon")])
def test_what_does_not_exist_is_refused_with_advice(venue: str, environment: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        registry.rest_url(venue, environment, LIVE)
    assert refused.value.advice


async def test_a_client_is_made_for_the_environment() -> None:
    venue = registry.trading_venue("bybit", "testnet", "KEYKEYKEY", "SECRETSECRET", LIVE)
    assert isinstance(venue, BybitVenue)
    assert venue._wire._pybit.endpoint == "https://api-testnet.bybit.com"
    await venue.close()
