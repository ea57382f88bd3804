"""What the user does at the website, and the venue to an account, without the account's own key."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import Conflict, InvalidInput, NotFound
from holdfast.sim.bybit.operations import Operations
from holdfast.sim.bybit.snapshot import Archive

from .offline import BTC, Offline

D = Decimal
FAR = {"orderType": "Limit", "timeInForce": "GTC", "qty": "0.1"}


class Desk:
    def __init__(self, **spec: Any) -> None:
        self.offline = Offline()
        self.account = self.offline.account(**spec)
        self.ear = self.offline.listen(self.account)
        self._operations = Operations(self.offline.venue)

    def do(self, operation: str, **body: Any) -> None:
        self._operations.carry_out(self.account.uid, operation, body)
        self.offline.run(100)

    def code(self, method: str = "GET", path: str = "/v5/position/list", **params: Any) -> int:
        return self.offline.send(self.account, method, path, **(params or BTC)).code

    def order(self, **body: Any) -> Any:
        sent = self.offline.order(self.account, **body)
        self.offline.run(100)
        assert sent.code == 0, sent.json
        return self.account.orders[sent.json["result"]["orderId"]]

    def told(self, topic: str, name: str) -> list[Any]:
        return [row[name] for _, heard, rows in self.ear.heard if heard == topic for row in rows]


def test_adl_takes_a_share_and_cancels_orders_first() -> None:
    desk = Desk()
    desk.order(qty="1")
    resting = desk.order(**FAR, price=str(desk.offline.market.book("linear", "BTCUSDT", 1).bids[0][0] - 900))
    desk.ear.heard.clear()
    desk.do("adl", symbol="BTCUSDT", share="0.4")
    assert (resting.status, resting.cancel_type) == ("Cancelled", "CancelAllBeforeAdl")
    taken = desk.account.executions[-1]
    assert (taken.exec_type, taken.qty, taken.side, taken.link_id) == ("AdlTrade", D("0.4"), "Sell", "")
    assert (desk.account.log[-1].type, desk.account.log[-1].size) == ("ADL", D("0.6"))
    assert desk.told("position", "positionStatus")[-3:] == ["Adl", "Adl", "Normal"]
    assert desk.account.signed_size("BTCUSDT") == D("0.6")


def test_liquidation_takes_everything_or_one_symbol() -> None:
    desk = Desk()
    desk.order(qty="1")
    desk.order(symbol="ETHUSDT", qty="3")
    desk.do("liquidate", symbol="ETHUSDT")
    assert [desk.account.signed_size(s) for s in ("BTCUSDT", "ETHUSDT")] == [D(1), D(0)]
    desk.do("liquidate")
    last = desk.account.executions[-1]
    assert (last.symbol, last.exec_type, last.create_type) == (
        "BTCUSDT",
        "BustTrade",
        "CreateByTakeOver_PassThrough",
    )
    assert "Liq" in desk.told("position", "positionStatus")
    with pytest.raises(Conflict, match="no position"):
        desk.do("liquidate")


def test_settings_changed_by_hand() -> None:
    desk = Desk()
    desk.do("leverage", symbol="BTCUSDT", leverage="7")
    assert desk.told("position", "leverage") == ["7"]
    desk.do("hedge-mode", symbol="BTCUSDT")
    assert desk.offline.order(desk.account).code == 10001
    desk.do("hedge-mode", symbol="BTCUSDT", on=False)
    desk.order()
    with pytest.raises(Conflict, match="position mode"):
        desk.do("hedge-mode", symbol="BTCUSDT")
    desk.do("margin-mode", mode="PORTFOLIO_MARGIN")
    desk.do("account-mode", unified_status=1)
    info = desk.offline.send(desk.account, "GET", "/v5/account/info").json["result"]
    assert (info["marginMode"], info["unifiedMarginStatus"]) == ("PORTFOLIO_MARGIN", 1)
    desk.do("fees", taker="0.001", maker="0.0005")
    desk.order(qty="0.1")
    assert desk.account.executions[-1].fee_rate == D("0.001")
    desk.do("limits", rate_limits={"order.create": 1})
    desk.offline.run(1000)
    assert [desk.offline.order(desk.account).code for _ in range(2)] == [0, 10006]
    desk.do("behaviour", match_delay_ms=400)
    assert desk.account.spec.behaviour.match_delay_ms == 400


@pytest.mark.parametrize(
    ("change", "read", "write", "cuts"),
    [
        ({"revoked": True}, 10003, 10003, 1),
        ({"expired": True}, 33004, 33004, 1),
        ({"expires": "2040-01-01T00:00:00Z"}, 0, 0, 0),
        ({"read_only": True}, 0, 10005, 0),
        ({"permissions": {"Wallet": ["Withdraw"]}}, 0, 10005, 0),
        ({"ips": ["203.0.113.9"]}, 10010, 10010, 0),
    ],
)
def test_the_key_changes(change: dict[str, Any], read: int, write: int, cuts: int) -> None:
    desk = Desk()
    desk.do("key", **change)
    assert (desk.code(), desk.offline.order(desk.account).code, desk.ear.cuts) == (read, write, cuts)


def test_a_trade_by_hand_carries_no_link_id_and_a_transfer_is_logged() -> None:
    desk = Desk()
    desk.do("trade", symbol="BTCUSDT", side="Sell", qty="0.2")
    assert (desk.account.executions[-1].link_id, desk.account.signed_size("BTCUSDT")) == ("", D("-0.2"))
    with pytest.raises(Conflict, match="110007"):
        desk.do("trade", symbol="BTCUSDT", side="Sell", qty="90")
    desk.do("transfer", amount="-500")
    rows = desk.offline.read(desk.account, "/v5/account/transaction-log", type="TRANSFER_OUT")
    assert [row["change"] for row in rows] == ["-500"]
    with pytest.raises(Conflict, match="USDT"):
        desk.do("transfer", amount="-9999999")
    desk.do("transfer", amount="-9999999", overdraw=True)
    (account,) = desk.offline.read(desk.account, "/v5/account/wallet-balance", accountType="UNIFIED")
    assert D(account["coin"][0]["borrowAmount"]) > 9_000_000


@pytest.mark.parametrize(
    ("operation", "body", "error"),
    [
        ("fly", {}, NotFound),
        ("adl", {}, InvalidInput),
        ("adl", {"symbol": "BTCUSDT"}, Conflict),
        ("adl", {"symbol": "BTCUSDT", "share": 2}, InvalidInput),
        ("leverage", {"symbol": "NOPE", "leverage": 2}, InvalidInput),
        ("key", {"colour": "red"}, InvalidInput),
        ("behaviour", {"max_fill": 3}, InvalidInput),
    ],
)
def test_what_cannot_be_done_is_refused(operation: str, body: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        Desk().do(operation, **body)


def test_changes_by_hand_survive_a_restart(tmp_path: Path) -> None:
    desk, archive = Desk(), Archive(tmp_path)
    archive.save(desk.account)
    desk.do("key", revoked=True)
    desk.do("margin-mode", mode="ISOLATED_MARGIN")
    archive.save(desk.account)
    (back,) = Archive(tmp_path).load()
    assert (back.key.revoked, back.spec.margin_mode) == (True, "ISOLATED_MARGIN")
