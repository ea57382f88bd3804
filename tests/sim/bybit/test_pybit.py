"""Unmodified pybit drives every endpoint over a real socket."""

import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import requests
from pybit.exceptions import FailedRequestError

from .conftest import Served

D = Decimal

BTC = {"category": "linear", "symbol": "BTCUSDT"}
Code = Callable[..., int]


def until(found: Callable[[], Any], seconds: float = 30) -> Any:
    """Poll until the answer is truthy, as a client must: orders are acknowledged before they are matched."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if answer := found():
            return answer
        time.sleep(0.03)
    raise AssertionError("nothing came in time")


def rests(served: Served, symbol: str, link_id: str, price: str = "") -> bool:
    """Whether the order is on the book: an acknowledged order, or amendment, is not there yet."""
    return any(
        one.order.link_id == link_id and price in ("", str(one.order.bound))
        for one in served.venue.liquidity.resting(("linear", symbol))
    )


def listens(account: Any, *topics: str) -> bool:
    """Whether a private stream of the account has subscribed."""
    return any(
        all(push.__self__._wants(topic, "linear") for topic in topics) for push in tuple(account.listeners)
    )


def final(client: Any, link_id: str, category: str = "linear", symbol: str = "BTCUSDT") -> dict[str, Any]:
    def look() -> Any:
        rows = client.get_open_orders(category=category, symbol=symbol, orderLinkId=link_id)["result"]["list"]
        return rows and rows[0]["orderStatus"] not in ("New", "PartiallyFilled") and rows[0]

    return dict(until(look))


def far_price(client: Any, side: str = "Buy") -> str:
    """A price inside the band that will not trade soon."""
    limits = client.get_price_limit(**BTC)["result"]
    return str(limits["sellLmt"] if side == "Buy" else limits["buyLmt"])


class TestMarket:
    def test_time(self, served: Served) -> None:
        client = served.client()
        before = time.time_ns() // 1_000_000
        answer = client.get_server_time()
        assert before <= answer["time"] <= time.time_ns() // 1_000_000
        assert answer["result"]["timeNano"].startswith(answer["result"]["timeSecond"])

    def test_instruments_are_paged_and_filtered_by_status(self, served: Served, refused: Code) -> None:
        client = served.client()
        seen: list[str] = []
        cursor = ""
        while True:
            page = client.get_instruments_info(category="linear", limit=200, cursor=cursor)["result"]
            seen += [row["symbol"] for row in page["list"]]
            cursor = page["nextPageCursor"]
            if not cursor:
                break
            assert len(page["list"]) == 200
        everything = client.get_instruments_info(category="linear", limit=1000)["result"]["list"]
        assert seen == [row["symbol"] for row in everything]
        assert len(set(seen)) == len(seen) > 300
        assert {row["status"] for row in everything} == {"Trading"}
        pre = client.get_instruments_info(category="linear", status="PreLaunch")["result"]["list"]
        assert pre
        assert all(row["isPreListing"] for row in pre)
        assert len(client.get_instruments_info(category="linear")["result"]["list"]) == min(500, len(seen))
        spot = client.get_instruments_info(category="spot")["result"]
        assert "nextPageCursor" not in spot
        assert len(spot["list"]) > 100
        assert refused(client.get_instruments_info, category="linear", symbol="NOPEUSDT") == 10001
        assert refused(client.get_instruments_info, category="linear", limit=1001) == 10001

    def test_instruments_differ_as_the_real_ones_do(self, served: Served) -> None:
        rows = served.client().get_instruments_info(category="linear", limit=1000)["result"]["list"]
        assert {row["fundingInterval"] for row in rows} >= {60, 240, 480}
        assert any(row["symbol"].startswith("1000") for row in rows)
        assert any(
            D(row["lotSizeFilter"]["maxMktOrderQty"]) < D(row["lotSizeFilter"]["maxOrderQty"]) for row in rows
        )
        assert len({row["lotSizeFilter"]["qtyStep"] for row in rows}) > 3

    def test_tickers(self, served: Served, refused: Code) -> None:
        client = served.client()
        everything = client.get_tickers(category="linear")["result"]["list"]
        assert len(everything) > 300
        one = client.get_tickers(**BTC)["result"]["list"][0]
        assert D(one["bid1Price"]) < D(one["ask1Price"])
        assert one["fundingIntervalHour"] == "8"
        assert all(isinstance(value, str) for value in one.values())
        assert "usdIndexPrice" in client.get_tickers(category="spot", symbol="BTCUSDT")["result"]["list"][0]
        assert refused(client.get_tickers, category="spot", symbol="NOPE") == 170121

    def test_orderbook_is_sorted_on_the_grid_and_not_crossed(self, served: Served) -> None:
        book = served.client().get_orderbook(**BTC, limit=200)["result"]
        bids, asks = [D(p) for p, _ in book["b"]], [D(p) for p, _ in book["a"]]
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert bids[0] < asks[0]
        assert (len(bids), len(asks)) == (200, 200)
        assert all(
            D(p) % D("0.1") == 0 and D(q) % D("0.001") == 0 and D(q) > 0 for p, q in book["b"] + book["a"]
        )
        assert len(served.client().get_orderbook(category="spot", symbol="BTCUSDT")["result"]["b"]) == 1
        assert len(served.client().get_orderbook(**BTC)["result"]["b"]) == 25

    def test_kline_newest_first(self, served: Served, refused: Code) -> None:
        client = served.client()
        rows = client.get_kline(**BTC, interval=5, limit=50)["result"]["list"]
        starts = [int(row[0]) for row in rows]
        assert len(rows) == 50
        assert starts == sorted(starts, reverse=True)
        assert all(
            D(low) <= min(D(o), D(c)) <= max(D(o), D(c)) <= D(high) for _, o, high, low, c, _, _ in rows
        )
        inside = client.get_kline(**BTC, interval=5, start=starts[9], end=starts[0])["result"]["list"]
        assert [int(row[0]) for row in inside] == starts[:10]
        first = client.get_kline(**BTC, interval=5, start=starts[9], limit=3)["result"]["list"]
        assert [int(row[0]) for row in first] == starts[7:10]
        assert len(client.get_mark_price_kline(**BTC, interval="D", limit=2)["result"]["list"][0]) == 5
        assert refused(client.get_kline, **BTC, interval="7") == 10001

    def test_price_limit_recent_trades_and_funding(self, served: Served, refused: Code) -> None:
        client = served.client()
        limits, mark = (
            client.get_price_limit(**BTC)["result"],
            D(client.get_tickers(**BTC)["result"]["list"][0]["markPrice"]),
        )
        assert D(limits["sellLmt"]) < mark < D(limits["buyLmt"])
        trades = client.get_public_trade_history(**BTC, limit=20)["result"]["list"]
        assert [int(t["time"]) for t in trades] == sorted((int(t["time"]) for t in trades), reverse=True)
        assert 0 < len(trades) <= 20
        rates = client.get_funding_rate_history(**BTC, limit=5)["result"]["list"]
        stamps = [int(row["fundingRateTimestamp"]) for row in rates]
        assert all(stamp % (8 * 3_600_000) == 0 for stamp in stamps)
        assert len(stamps) == 5
        assert refused(client.get_funding_rate_history, **BTC, startTime=stamps[-1]) == 10001
        assert len(client.get_risk_limit(category="linear")["result"]["list"]) == 15


class TestAccount:
    def test_the_wallet_shows_what_was_given(self, served: Served) -> None:
        client = served.client(served.account(balances={"USDT": "1234.5", "BTC": "0.25"}))
        wallet = client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
        coins = {row["coin"]: row for row in wallet["coin"]}
        assert coins["USDT"]["walletBalance"] == "1234.5"
        assert coins["BTC"]["equity"] == "0.25"
        total = sum(D(row["usdValue"]) for row in coins.values())
        assert abs(D(wallet["totalEquity"]) - total) < D("0.0001")
        only = client.get_wallet_balance(accountType="UNIFIED", coin="USDT,ETH")["result"]["list"][0]["coin"]
        assert [row["coin"] for row in only] == ["USDT"]

    def test_key_information(self, served: Served) -> None:
        plain = served.client(served.account()).get_api_key_information()["result"]
        assert (plain["readOnly"], plain["uta"], plain["ips"], plain["permissions"]["Wallet"]) == (
            0,
            1,
            ["*"],
            [],
        )
        assert plain["permissions"]["ContractTrade"] == ["Order", "Position"]
        assert not plain["expiredAt"].startswith("1970")
        odd = served.account(
            permissions={"ContractTrade": ["Order"], "Wallet": ["Withdraw"], "Novelty": ["Fly"]},
            read_only=True, ips=["127.0.0.1"], unified_status=1,
        )  # fmt: skip
        shown = served.client(odd).get_api_key_information()["result"]
        assert shown["permissions"]["Wallet"] == ["Withdraw"]
        assert shown["permissions"]["Novelty"] == ["Fly"]
        assert (shown["readOnly"], shown["uta"], shown["expiredAt"]) == (1, 0, "1970-01-01T00:00:00Z")

    def test_account_info_settings_and_fees(self, served: Served) -> None:
        account = served.account(
            margin_mode="ISOLATED_MARGIN",
            fee_rates={"linear:ETHUSDT": {"taker": "0.0006", "maker": "0.0001"}},
        )
        client = served.client(account)
        info = client.get_account_info()["result"]
        assert (info["unifiedMarginStatus"], info["marginMode"]) == (5, "ISOLATED_MARGIN")
        assert client.get_user_setting_config()["result"]["lpaPerp"] is False
        client.set_limit_price_action(category="linear", modifyEnable=False)
        assert client.get_user_setting_config()["result"]["lpaPerp"] is True
        rates = {row["symbol"]: row for row in client.get_fee_rates(category="linear")["result"]["list"]}
        assert rates["BTCUSDT"]["takerFeeRate"] == "0.00055"
        assert rates["ETHUSDT"]["makerFeeRate"] == "0.0001"

    def test_leverage_and_modes(self, served: Served, refused: Code) -> None:
        client = served.client(served.account(default_leverage="10"))
        one = {**BTC, "buyLeverage": "1", "sellLeverage": "1"}
        assert client.set_leverage(**one)["result"] == {}
        assert refused(client.set_leverage, **one) == 110043
        assert refused(client.set_leverage, **BTC, buyLeverage="2", sellLeverage="3") == 10001
        assert refused(client.set_leverage, **BTC, buyLeverage="5000", sellLeverage="5000") == 110013
        row = client.get_positions(**BTC)["result"]["list"][0]
        assert (row["leverage"], row["side"], row["size"], row["positionIdx"]) == ("1", "", "0.000", 0)
        info = client._submit_request(
            method="GET", path=f"{served.url}/v5/position/symbol-info", query=dict(BTC), auth=True
        )
        assert info["result"]["list"][0]["leverage"] == "1"
        assert refused(client.switch_position_mode, **BTC, mode=0) == 110025
        client.switch_position_mode(**BTC, mode=3)
        assert [p["positionIdx"] for p in client.get_positions(**BTC)["result"]["list"]] == [1, 2]
        client.switch_position_mode(**BTC, mode=0)
        client.place_order(
            **BTC, side="Buy", orderType="Limit", qty="0.001", price=far_price(client), orderLinkId="m1"
        )
        assert refused(client.switch_position_mode, **BTC, mode=3) == 110028
        client.cancel_order(**BTC, orderLinkId="m1")
        final(client, "m1")
        client.place_order(**BTC, side="Buy", orderType="Market", qty="0.001", orderLinkId="m2")
        final(client, "m2")
        assert refused(client.switch_position_mode, **BTC, mode=3) == 110024
        portfolio = served.client(served.account(margin_mode="PORTFOLIO_MARGIN"))
        assert refused(portfolio.set_leverage, **one) == 110038

    def test_position_list_shows_twenty_rows_unless_asked_for_more(
        self, served: Served, refused: Code
    ) -> None:
        symbols = [row["symbol"] for row in served.client().get_tickers(category="linear")["result"]["list"]]
        usdt = [symbol for symbol in symbols if symbol.endswith("USDT")][:25]
        client = served.client(
            served.account(positions=[{"symbol": s, "size": "-1", "price": "1"} for s in usdt])
        )
        first = client.get_positions(category="linear", settleCoin="USDT")["result"]
        assert len(first["list"]) == 20
        second = client.get_positions(category="linear", settleCoin="USDT", cursor=first["nextPageCursor"])[
            "result"
        ]
        assert len(second["list"]) == 5
        assert {row["symbol"] for row in first["list"] + second["list"]} == set(usdt)
        assert (
            len(client.get_positions(category="linear", settleCoin="USDT", limit=200)["result"]["list"]) == 25
        )
        assert refused(client.get_positions, category="linear") == 10001


class TestOrders:
    def test_a_market_order_from_acknowledgement_to_closed_pnl(self, served: Served) -> None:
        client = served.client(served.account())
        ack = client.place_order(**BTC, side="Buy", orderType="Market", qty="0.02", orderLinkId="open-1")[
            "result"
        ]
        order = final(client, "open-1")
        assert (order["orderId"], order["orderStatus"], order["cumExecQty"]) == (
            ack["orderId"],
            "Filled",
            "0.020",
        )
        fills = client.get_executions(category="linear", orderLinkId="open-1")["result"]["list"]
        assert sum(D(fill["execQty"]) for fill in fills) == D("0.02")
        position = client.get_positions(**BTC)["result"]["list"][0]
        assert (position["side"], position["size"]) == ("Buy", "0.020")
        client.place_order(
            **BTC, side="Sell", orderType="Market", qty="0.02", reduceOnly=True, orderLinkId="close-1",
            slippageToleranceType="Percent", slippageTolerance="0.30",
        )  # fmt: skip
        assert final(client, "close-1")["orderStatus"] == "Filled"
        assert client.get_positions(category="linear", settleCoin="USDT")["result"]["list"] == []
        closed = client.get_closed_pnl(category="linear")["result"]["list"][0]
        change = (
            D(client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["totalEquity"])
            - 1_000_000
        )
        assert D(closed["closedPnl"]) == change
        log = client.get_transaction_log(accountType="UNIFIED", category="linear", currency="USDT")["result"][
            "list"
        ]
        assert sum(D(row["change"]) for row in log) == change
        assert all(D(row["change"]) == D(row["cashFlow"]) - D(row["fee"]) for row in log)

    def test_amend_and_cancel(self, served: Served, refused: Code) -> None:
        client = served.client(served.account())
        price = far_price(client)
        client.place_order(
            **BTC, side="Buy", orderType="Limit", qty="0.01", price=price, orderLinkId="rest-1"
        )
        until(lambda: client.get_open_orders(**BTC)["result"]["list"])
        client.amend_order(**BTC, orderLinkId="rest-1", qty="0.02")
        assert client.get_open_orders(**BTC)["result"]["list"][0]["qty"] == "0.020"
        client.cancel_order(**BTC, orderLinkId="rest-1")
        gone = final(client, "rest-1")
        assert (gone["orderStatus"], gone["cancelType"], gone["leavesQty"]) == (
            "Cancelled",
            "CancelByUser",
            "0.000",
        )
        assert (
            client.get_order_history(**BTC, orderLinkId="rest-1")["result"]["list"][0]["orderId"]
            == gone["orderId"]
        )
        assert refused(client.cancel_order, **BTC, orderLinkId="rest-1") == 110001
        assert refused(client.amend_order, **BTC, orderLinkId="nobody", qty="1") == 110001
        assert refused(client.cancel_order, category="spot", symbol="BTCUSDT", orderLinkId="nobody") == 170213

    def test_cancel_all_needs_a_filter_on_linear(self, served: Served, refused: Code) -> None:
        client = served.client(served.account())
        price = far_price(client)
        for _ in range(3):
            client.place_order(**BTC, side="Buy", orderType="Limit", qty="0.001", price=price)
        assert refused(client.cancel_all_orders, category="linear") == 10001
        answer = client.cancel_all_orders(category="linear", settleCoin="USDT")["result"]
        assert (answer["success"], len(answer["list"])) == ("1", 3)
        until(lambda: not client.get_open_orders(**BTC)["result"]["list"])
        assert client.cancel_all_orders(category="spot")["result"]["success"] == "1"

    def test_batches_answer_item_by_item(self, served: Served, refused: Code) -> None:
        client = served.client(served.account())
        good = {
            "symbol": "BTCUSDT",
            "side": "Buy",
            "orderType": "Limit",
            "qty": "0.001",
            "price": far_price(client),
        }
        items = [
            {**good, "orderLinkId": "b-0"}, {**good, "orderLinkId": "b-1", "qty": "0"},
            {**good, "orderLinkId": "b-0"}, {**good, "orderLinkId": "b-3", "symbol": "NOPE"},
            {**good, "orderLinkId": "b-4"},
        ]  # fmt: skip
        answer: Any = client.place_batch_order(category="linear", request=items)
        assert [one["code"] for one in answer["retExtInfo"]["list"]] == [0, 10001, 110072, 10001, 0]
        assert [bool(row["orderId"]) for row in answer["result"]["list"]] == [True, False, False, False, True]
        assert answer["result"]["list"][1]["createAt"] == ""
        amended: Any = client.amend_batch_order(
            category="linear",
            request=[{"symbol": "BTCUSDT", "orderLinkId": link, "qty": "0.002"} for link in ("b-0", "x")],
        )
        assert [one["code"] for one in amended["retExtInfo"]["list"]] == [0, 110001]
        cancelled: Any = client.cancel_batch_order(
            category="linear",
            request=[{"symbol": "BTCUSDT", "orderLinkId": link} for link in ("b-0", "b-4", "b-9")],
        )
        assert [one["code"] for one in cancelled["retExtInfo"]["list"]] == [0, 0, 110001]
        assert refused(client.place_batch_order, category="linear", request=[good] * 21) == 10001
        assert refused(client.place_batch_order, category="spot", request=[good] * 11) == 10001

    def test_reads_need_filters_and_page(self, served: Served, refused: Code) -> None:
        client = served.client(served.account(rate_limits={"order.create": 100}))
        assert refused(client.get_open_orders, category="linear") == 10001
        price = far_price(client)
        for number in range(23):
            client.place_order(
                **BTC, side="Buy", orderType="Limit", qty="0.001", price=price, orderLinkId=f"p-{number}"
            )
        first = client.get_open_orders(category="linear", settleCoin="USDT")["result"]
        second = client.get_open_orders(category="linear", settleCoin="USDT", cursor=first["nextPageCursor"])[
            "result"
        ]
        assert (len(first["list"]), len(second["list"]), second["nextPageCursor"]) == (20, 3, "")
        links = [row["orderLinkId"] for row in first["list"] + second["list"]]
        assert links == [f"p-{number}" for number in reversed(range(23))]
        client.cancel_all_orders(**BTC)

    def test_spot_market_buy_in_quote(self, served: Served) -> None:
        account = served.account(balances={"USDT": "1000"})
        client = served.client(account)
        spot = {"category": "spot", "symbol": "BTCUSDT"}
        client.place_order(
            **spot, side="Buy", orderType="Market", qty="100", marketUnit="quoteCoin", orderLinkId="s-1"
        )
        order = final(client, "s-1", "spot")
        assert order["orderStatus"] in ("PartiallyFilledCanceled", "Filled")
        fill = client.get_executions(category="spot", orderLinkId="s-1")["result"]["list"][0]
        assert fill["feeCurrency"] == "BTC"
        coins = {
            row["coin"]: D(row["walletBalance"])
            for row in client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]["coin"]
        }
        assert coins["BTC"] == D(order["cumExecQty"]) - D(order["cumFeeDetail"]["BTC"])
        assert coins["USDT"] == 1000 - D(order["cumExecValue"])

    def test_realtime_may_lag(self, served: Served) -> None:
        client = served.client(served.account(behaviour={"realtime_lag_ms": 150}))
        client.place_order(**BTC, side="Buy", orderType="Market", qty="0.001", orderLinkId="lag")
        assert client.get_open_orders(**BTC, orderLinkId="lag")["result"]["list"] == []
        assert final(client, "lag")["orderStatus"] == "Filled"

    def test_the_truth_of_the_control_door_agrees(self, served: Served) -> None:
        account = served.account()
        client = served.client(account)
        client.place_order(**BTC, side="Sell", orderType="Market", qty="0.003", orderLinkId="t-1")
        order = final(client, "t-1")
        truth = requests.get(f"{served.url}/_sim/accounts/{account.uid}/truth", timeout=30).json()
        assert truth["positions"][0]["size"] == "-0.003"
        assert [one["link_id"] for one in truth["orders"]] == ["t-1"]
        assert sum(D(one["value"]) for one in truth["fills"]) == D(order["cumExecValue"])


class TestFaults:
    @pytest.fixture(autouse=True)
    def _heal(self, served: Served) -> Any:
        yield
        served.world.faults.replace([])

    def test_a_lost_answer_leaves_the_order_standing(self, served: Served) -> None:
        client = served.client(served.account())
        served.world.faults.replace([{"where": "bybit.order.create", "kind": "drop_answer", "count": 1}])
        with pytest.raises((requests.ConnectionError, FailedRequestError)):
            client.place_order(**BTC, side="Buy", orderType="Market", qty="0.001", orderLinkId="lost")
        assert final(client, "lost")["orderStatus"] == "Filled"

    def test_a_lost_request_leaves_nothing(self, served: Served) -> None:
        account = served.account()
        served.world.faults.replace([{"where": "bybit.order.create", "kind": "drop_request", "count": 1}])
        with pytest.raises((requests.ConnectionError, FailedRequestError)):
            served.client(account).place_order(**BTC, side="Buy", orderType="Market", qty="0.001")
        assert account.orders == {}

    def test_server_errors_before_and_after(self, served: Served) -> None:
        account = served.account()
        client = served.client(account)
        for kind, placed in (("error_500_before", 0), ("error_500_after", 1), ("maintenance", 1)):
            served.world.faults.replace([{"where": "bybit.order.create", "kind": kind, "count": 1}])
            with pytest.raises(FailedRequestError):
                client.place_order(**BTC, side="Buy", orderType="Market", qty="0.001")
            assert len(account.orders) == placed

    def test_rate_limit_and_clock_skew(self, served: Served, refused: Code) -> None:
        client = served.client(served.account())
        served.world.faults.replace([{"where": "bybit.position.*", "kind": "rate_limit", "count": 1}])
        assert refused(client.get_positions, **BTC) == 10006
        served.world.faults.replace(
            [{"where": "bybit.*", "kind": "clock_skew", "skew_ms": -1500, "count": 1}]
        )
        assert refused(client.get_positions, **BTC) == 10002
        assert client.get_positions(**BTC)["retCode"] == 0
