"""A demo user who trades over HTTP, and compares Holdfast's books with the venue's own."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeVar
from uuid import uuid4

import httpx2
from tests.e2e.installation import Installation, from_elsewhere

Found = TypeVar("Found")
ENDED = ("complete", "complete_with_residual", "unwound")


def eventually(look: Callable[[], Found | None], *, within: float = 60, what: str = "it") -> Found:
    """The first truthy answer of ``look``."""
    deadline = time.monotonic() + within
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {within} s"
        time.sleep(0.2)


@dataclass
class Trader:
    installation: Installation
    token: str = ""
    """Of somebody who has signed in to the demo; a new user's by default."""
    http: httpx2.Client = field(init=False)
    connection: dict[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx2.Client(base_url=self.installation.url, timeout=30)
        self.http.headers["Authorization"] = f"Bearer {self.token or self._sign_in()}"
        self.connection = eventually(self._connected, what="the connection's check")

    def _sign_in(self) -> str:
        headers = {"Sec-Fetch-Site": "same-origin"} | from_elsewhere()
        signed_in = self.http.post("/api/auth/demo", headers=headers).raise_for_status().json()
        return str(signed_in["access_token"])

    def _connected(self) -> dict[str, Any] | None:
        found = self.get("/api/connections")
        ready = found and found[0]["state"] == "active" and found[0]["reconciled_at"]
        return found[0] if ready else None

    def get(self, path: str, **query: Any) -> Any:
        return self.http.get(path, params=query).raise_for_status().json()

    def preview(self, index_id: str = "btc-d", size: str = "2000", direction: str = "long") -> dict[str, Any]:
        """That can be executed."""
        wanted = {"kind": "open", "connection_id": self.connection["id"], "index_id": index_id}
        return self._executable({**wanted, "direction": direction, "size": size})

    def preview_close(self, position_id: str) -> dict[str, Any]:
        """That can be executed."""
        return self._executable({"kind": "close", "position_id": position_id})

    def _executable(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """On a busy machine prices grow old and the venue is slow: then once more, as a user would."""

        def executable() -> dict[str, Any] | None:
            answer = self.http.post("/api/previews", json=wanted)
            if answer.status_code == 503:
                return None
            shown: dict[str, Any] = answer.raise_for_status().json()
            if shown["executable"]:
                return shown
            print("not executable:", shown["blocked_reason"])
            return None

        return eventually(executable, what="a preview that can be executed")

    def confirm(self, plan: dict[str, Any], *, key: str = "") -> httpx2.Response:
        body = {"plan_id": plan["id"], "digest": plan["digest"]}
        return self.http.post("/api/executions", json=body, headers={"Idempotency-Key": key or uuid4().hex})

    def execute(self, plan: dict[str, Any]) -> dict[str, Any]:
        """Confirmed again, as the refusal advises, where the prices of a busy machine have grown old."""

        def answered() -> httpx2.Response | None:
            answer = self.confirm(plan)
            return None if answer.status_code == 503 else answer

        started = eventually(answered, what="prices to confirm at").raise_for_status().json()
        return self.until_ended(started["id"])

    def until_ended(self, execution_id: str, *, within: float = 90) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            execution: dict[str, Any] = self.get(f"/api/executions/{execution_id}")
            return execution if execution["finished_at"] else None

        return eventually(ended, within=within, what="the end of the execution")

    def truth(self) -> dict[str, Any]:
        return self.installation.truth(self.connection["venue_uid"])

    def fills(self) -> list[dict[str, Any]]:
        return self._all("/api/fills")

    def _all(self, path: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = self.get(path, limit=200, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next_cursor"]
            if not cursor:
                return items

    def check_books(self) -> None:
        """Every fill, fee and quantity of ours is the venue's, to the last unit; no more and no less."""
        truth = self.truth()
        ours = {fill["exec_id"]: fill for fill in self.fills()}
        theirs = {fill["exec_id"]: fill for fill in truth["fills"]}
        assert ours.keys() == theirs.keys()
        for exec_id, fill in theirs.items():
            mine = ours[exec_id]
            assert (
                mine["symbol"],
                Decimal(mine["quantity"]),
                Decimal(mine["price"]),
                Decimal(mine["fee"]),
            ) == (fill["symbol"], Decimal(fill["qty"]), Decimal(fill["price"]), Decimal(fill["fee"]))
        links = [order["link_id"] for order in truth["orders"] if order["link_id"]]
        assert len(links) == len(set(links))
        assert set(links) <= {order["client_id"] for order in self._all("/api/orders")}


def venue_sizes(truth: dict[str, Any]) -> dict[str, Decimal]:
    return {position["symbol"]: Decimal(position["size"]) for position in truth["positions"]}


def held(position: dict[str, Any]) -> dict[str, Decimal]:
    legs = {leg["symbol"]: Decimal(leg["quantity"]) for leg in position["legs"]}
    return {symbol: quantity for symbol, quantity in legs.items() if quantity}
