"""A user who also trades by hand, with pybit on the same key; and keys that may do too much or too little."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from pybit.unified_trading import HTTP
from tests.e2e.installation import Installation
from tests.e2e.trader import ENDED, Trader, eventually, held, venue_sizes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

WITHDRAWS = {"ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer", "Withdraw"]}
TRANSFERS = {"ContractTrade": ["Order", "Position"], "Wallet": ["AccountTransfer"]}


class OwnAccount:
    """An account of the user's own at the simulated venue."""

    def __init__(self, installation: Installation, **spec: Any) -> None:
        wanted = {"balances": {"USDT": "25000"}, **spec}
        made = httpx2.post(f"{installation.sim}/accounts", json=wanted, timeout=30).raise_for_status().json()
        self.uid, self.key, self.secret = made["uid"], made["api_key"], made["api_secret"]
        self._pybit = HTTP(api_key=self.key, api_secret=self.secret)
        self._pybit.endpoint = f"http://127.0.0.1:{installation.sim_port}"

    def trade(self, symbol: str, signed: Decimal) -> None:
        """A market order placed by hand."""
        answer = self._pybit.place_order(
            category="linear",
            symbol=symbol,
            side="Buy" if signed > 0 else "Sell",
            orderType="Market",
            qty=f"{abs(signed):f}",
        )
        assert answer["retCode"] == 0, answer


def connect(trader: Trader, account: OwnAccount, **changes: Any) -> dict[str, Any]:
    """Connect the account through the API; the connection once a worker has judged the key."""
    body = {
        "environment": "simulated",
        "label": "My own",
        "api_key": account.key,
        "api_secret": account.secret,
        **changes,
    }
    answer = trader.http.post("/api/connections", json=body, headers={"Idempotency-Key": uuid4().hex})
    assert answer.status_code == 201, answer.text
    assert account.secret not in answer.text
    path = f"/api/connections/{answer.json()['id']}"

    def judged() -> dict[str, Any] | None:
        found: dict[str, Any] = trader.get(path)
        if found["state"] == "active" and not found["reconciled_at"]:
            return None
        return found if found["state"] != "checking" else None

    return eventually(judged, what="the judgement of the key")


@pytest.fixture(scope="module")
def trader(installation: Installation) -> Trader:
    return Trader(installation)


def test_parts_closed_by_hand_are_noticed_booked_and_not_traded_again(
    installation: Installation, trader: Trader
) -> None:
    own = Decimal(40)
    account = OwnAccount(installation, positions=[{"symbol": "XRPUSDT", "size": str(own)}])
    trader.connection = connect(trader, account)
    assert (trader.connection["state"], trader.connection["venue_uid"]) == ("active", account.uid)
    execution = trader.execute(trader.preview(size="3000"))
    assert execution["state"] == "complete", execution["reason"]
    path = f"/api/positions/{execution['position_id']}"
    opened = held(trader.get(path))
    assert venue_sizes(trader.truth()) == {**opened, "XRPUSDT": opened["XRPUSDT"] + own}

    wholly, partly = "ETHUSDT", "BNBUSDT"
    part = -(opened[partly] / 2).quantize(Decimal("0.01"))
    account.trade(wholly, -opened[wholly])
    account.trade(partly, part)
    account.trade("LTCUSDT", Decimal("1.5"))
    by_hand = {wholly: -opened[wholly], partly: part}

    def noticed() -> dict[str, Any] | None:
        found: dict[str, Any] = trader.get(path)
        told = {leg["symbol"]: Decimal(leg["altered"]) for leg in found["legs"] if Decimal(leg["altered"])}
        return found if told == by_hand else None

    altered = eventually(noticed, what="noticing the trades by hand")
    assert altered["altered"]
    assert altered["notices"]
    assert [leg["symbol"] for leg in altered["legs"] if leg["halted_reason"]] == []
    trader.check_books()

    plan = trader.preview_close(altered["id"])
    assert plan["executable"], plan["blocked_reason"]
    booked = {leg["symbol"]: leg for leg in plan["legs"] if leg["action"] == "by_hand"}
    traded = {leg["symbol"]: leg for leg in plan["legs"] if leg["action"] == "trade"}
    assert {s: Decimal(leg["quantity"]) for s, leg in booked.items()} == {
        s: abs(q) for s, q in by_hand.items()
    }
    assert {s: Decimal(leg["quantity"]) for s, leg in traded.items()} == {
        symbol: abs(quantity + by_hand.get(symbol, 0))
        for symbol, quantity in opened.items()
        if quantity + by_hand.get(symbol, 0)
    }
    closed = trader.execute(plan)
    assert closed["state"] in ENDED, closed["reason"]

    assert venue_sizes(trader.truth()) == {"XRPUSDT": own, "LTCUSDT": Decimal("1.5")}
    trader.check_books()
    over = trader.get(path)
    assert (over["state"], held(over)) == ("closed", {})
    fills = [fill for fill in trader.fills() if fill["position_id"] == over["id"] or fill["by_hand"]]
    of_sleeve = [fill for fill in fills if fill["symbol"] in opened]
    cash = sum(Decimal(fill["value"]) * (1 if fill["side"] == "sell" else -1) for fill in of_sleeve)
    fees = sum(Decimal(fill["fee"]) for fill in of_sleeve if fill["position_id"] == over["id"])
    assert (Decimal(over["price_pnl"]), Decimal(over["fees"])) == (cash, fees)


@pytest.mark.parametrize("permissions", [WITHDRAWS, TRANSFERS], ids=["withdraw", "transfer"])
def test_a_key_that_can_move_money_away_is_refused(
    installation: Installation, trader: Trader, permissions: dict[str, list[str]]
) -> None:
    refused = connect(trader, OwnAccount(installation, permissions=permissions))
    assert refused["state"] == "refused"
    assert "withdraw" in refused["state_reason"]
    findings = [finding for finding in refused["checks"] if finding["level"] == "refused"]
    assert findings
    assert all(finding["advice"] for finding in findings)
    _assert_cannot_open(trader, refused, "refused")


def test_a_read_only_key_watches_and_cannot_trade(installation: Installation, trader: Trader) -> None:
    account = OwnAccount(installation, read_only=True)
    watching = connect(trader, account)
    assert watching["state"] == "watch_only"
    _assert_cannot_open(trader, watching, "read-only")
    assert installation.truth(account.uid)["orders"] == []


def test_a_wrong_secret_is_refused(installation: Installation, trader: Trader) -> None:
    refused = connect(trader, OwnAccount(installation), api_secret="x" * 36)
    assert refused["state"] == "refused"
    assert refused["state_reason"]
    assert refused["checks"][0]["advice"]


def test_a_connection_with_an_open_position_stays(installation: Installation) -> None:
    trader = Trader(installation)
    position = trader.execute(trader.preview(index_id="eth-btc", size="1000"))["position_id"]
    path = f"/api/connections/{trader.connection['id']}"
    refused = trader.http.delete(path)
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    assert "1 position is still open" in refused.json()["detail"]
    assert refused.json()["advice"]
    assert trader.get(path)["state"] == "active"

    assert trader.execute(trader.preview_close(position))["state"] in ENDED
    assert trader.http.delete(path).status_code == 204
    assert trader.http.get(path).status_code == 404
    assert trader.get("/api/connections") == []
    assert trader.get(f"/api/positions/{position}")["state"] == "closed"
    trader.check_books()


def _assert_cannot_open(trader: Trader, connection: dict[str, Any], word: str) -> None:
    body = {"kind": "open", "connection_id": connection["id"], "index_id": "btc-d", "direction": "long"}
    plan = trader.http.post("/api/previews", json={**body, "size": "2000"}).raise_for_status().json()
    assert not plan["executable"]
    assert word in plan["blocked_reason"]
    refused = trader.confirm(plan)
    assert refused.status_code == 409
    assert refused.json()["detail"]
    assert refused.json()["advice"]
