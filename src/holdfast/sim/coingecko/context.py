"""One call to CoinGecko: what was asked, and the world it is answered from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import web

from holdfast.sim.coingecko.quotes import CURRENCIES, Quote, Quotes
from holdfast.sim.coins import SimCoin
from holdfast.sim.market import Market
from holdfast.sim.paths import MINUTE_MS, ORIGIN_MS

RATE_LIMIT_TEXT: Final = "You've exceeded the Rate Limit. Please wait, or upgrade your plan."


@dataclass(slots=True)
class ApiError(Exception):
    """``code`` 0 gives the plain form ``{"error": message}``; ``nested`` wraps the status once more."""

    status: int
    code: int
    message: str
    nested: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        status = {"error_code": self.code, "error_message": self.message}
        body: dict[str, Any] = {"error": self.message} if self.code == 0 else {"status": status}
        if self.nested:
            body = {"error": body}
        return web.Response(
            status=self.status, body=orjson.dumps(body), content_type="application/json", headers=self.headers
        )


@dataclass(slots=True)
class Context:
    """One call: the request, and the world at the minute CoinGecko last refreshed."""

    request: web.Request
    market: Market
    quotes: Quotes
    minute: int = 0

    def __post_init__(self) -> None:
        self.minute = self.quotes.minute()

    @property
    def now_ms(self) -> int:
        return ORIGIN_MS + self.minute * MINUTE_MS

    @property
    def all(self) -> dict[str, Quote]:
        return self.quotes.at(self.minute)

    def text(self, name: str, default: str = "") -> str:
        return self.request.query.get(name, default)

    def flag(self, name: str) -> bool:
        return self.text(name).lower() == "true"

    def words(self, name: str) -> list[str]:
        return [word.strip().lower() for word in self.text(name).split(",") if word.strip()]

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """Out of bounds is pulled in, as the service does."""
        raw = self.text(name)
        if not raw:
            return default
        try:
            return min(max(int(raw), least), most)
        except ValueError:
            raise ApiError(400, 0, f"invalid {name}") from None

    def currency(self, name: str = "vs_currency") -> tuple[str, float]:
        """The currency asked for and its units for one USD."""
        wanted = self.text(name).lower()
        if not wanted:
            raise ApiError(400, 0, f"Missing parameter {name}")
        if wanted not in CURRENCIES:
            raise ApiError(400, 0, f"invalid {name}")
        return wanted, self.quotes.rate(wanted, self.now_ms)

    def coin(self) -> SimCoin:
        found = self.all.get(self.request.match_info["id"])
        if found is None:
            raise ApiError(404, 0, "coin not found")
        return found.coin
