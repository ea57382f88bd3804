"""pybit as Holdfast uses it: any endpoint, the venue's clock, and no retries of its own.

pybit 5.17 repeats requests by itself unless told otherwise, and an empty set of retry codes brings its
defaults back; code 0 is success and can never be "retried", so ``{0}`` switches repeating off.
"""

import logging
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

from pybit.unified_trading import HTTP
from requests.adapters import BaseAdapter, HTTPAdapter

from holdfast.venues.bybit.errors import ALREADY_SO

TIMEOUT_SECONDS: Final = (4, 8)
"""To connect, and between two pieces of the answer."""

RECEIVE_WINDOW_MS: Final = 5000

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})

logging.getLogger("pybit").addHandler(logging.NullHandler())


class PybitClient(HTTP):  # type: ignore[misc]
    """One key at one address. ``timestamp`` gives the venue's time in milliseconds."""

    def __init__(
        self,
        endpoint: str,
        timestamp: Callable[[], int],
        *,
        api_key: str | None = None,
        api_secret: str | None = None,
        connections: int,
        adapter: BaseAdapter | None = None,
    ) -> None:
        super().__init__(
            api_key=api_key,
            api_secret=api_secret,
            timeout=TIMEOUT_SECONDS,
            recv_window=RECEIVE_WINDOW_MS,
            retry_codes={0},
            force_retry=False,
            max_retries=1,
            ignore_codes=set(ALREADY_SO),
            return_response_headers=True,
            log_requests=False,
        )
        self.endpoint = endpoint.rstrip("/")
        self._timestamp = timestamp
        self._drop_own_log_handlers()
        self._guard_connections(adapter or HTTPAdapter(pool_maxsize=connections, max_retries=0))

    def __repr__(self) -> str:
        """Without key and secret, which pybit's own representation shows."""
        return f"PybitClient({self.endpoint!r})"

    def _drop_own_log_handlers(self) -> None:
        """pybit adds one handler per instance when nobody has set up logging."""
        for handler in [h for h in self.logger.handlers if type(h) is logging.StreamHandler]:
            self.logger.removeHandler(handler)

    def _guard_connections(self, adapter: BaseAdapter) -> None:
        """A redirect would carry the key to wherever it points; a proxy has no business on loopback."""
        self.client.max_redirects = 0
        self.client.trust_env = urlsplit(self.endpoint).hostname not in LOOPBACK
        self.client.mount("https://", adapter)
        self.client.mount("http://", adapter)

    def _prepare_headers(
        self, payload: Any, recv_window: int, content_type: str = "application/json"
    ) -> dict[str, str]:
        """As pybit's, but stamped with the venue's time instead of ours."""
        timestamp = self._timestamp()
        return {
            "Content-Type": content_type,
            "X-BAPI-API-KEY": self.api_key,
            "X-BAPI-SIGN": self._auth(payload, recv_window, timestamp),
            "X-BAPI-SIGN-TYPE": "2",
            "X-BAPI-TIMESTAMP": str(timestamp),
            "X-BAPI-RECV-WINDOW": str(recv_window),
        }
