"""Where Binance is asked: the market-data hosts, the simulator, or what the operator says."""

from holdfast.platform.settings import Mode, Settings


def test_live() -> None:
    settings = Settings(mode=Mode.LIVE)
    assert settings.binance_url == "https://data-api.binance.vision"
    assert settings.binance_stream_url == "wss://data-stream.binance.vision/stream"


def test_demo() -> None:
    settings = Settings(mode=Mode.DEMO, sim_port=9000)
    assert settings.binance_url == "http://127.0.0.1:9000/binance"
    assert settings.binance_stream_url == "ws://127.0.0.1:9000/binance/stream"


def test_elsewhere() -> None:
    settings = Settings(
        mode=Mode.LIVE, binance_rest_url="https://api1.example", binance_ws_url="wss://stream.example:9443"
    )
    assert settings.binance_url == "https://api1.example"
    assert settings.binance_stream_url == "wss://stream.example:9443/stream"
