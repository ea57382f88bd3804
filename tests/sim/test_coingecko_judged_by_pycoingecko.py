"""The unmodified pycoingecko drives the simulated CoinGecko over a real socket."""

import json
import os
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import requests
from pycoingecko import CoinGeckoAPI
from tests.sim.conftest import NOON_MS
from tests.sim.live import LiveSim, running

from holdfast.sim.clock import SimClock
from holdfast.sim.coingecko import Limits
from holdfast.sim.coins import DELISTED, day_ms
from holdfast.sim.server import create_app

pytestmark = pytest.mark.judge
DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def sim() -> Iterator[LiveSim]:
    with running(create_app(11, clock=SimClock(NOON_MS, source_ns=lambda: 0))) as live:
        yield live


@pytest.fixture
def client(sim: LiveSim) -> Iterator[CoinGeckoAPI]:
    yield pointed_at(sim)
    sim.world.faults.replace([])


def pointed_at(sim: LiveSim) -> CoinGeckoAPI:
    client = CoinGeckoAPI()
    client.api_base_url = f"{sim.base}/api/v3/"
    client.request_timeout = 10
    return client


def with_limits(limits: Limits) -> Any:
    return running(create_app(11, clock=SimClock(NOON_MS, source_ns=lambda: 0), coingecko_limits=limits))


def vendor_example(name: str) -> Any:
    shared = Path(os.environ.get("HOLDFAST_SHARED", Path(__file__).parents[3] / "shared"))
    path = shared / "reference/contract_samples/coingecko" / f"{name}__200__example.json"
    if not path.exists():
        pytest.skip(f"the vendor's example {path.name} is not on this machine")
    return json.loads(path.read_text())


def kinds(value: Any) -> Any:
    """JSON types, with int and float the same."""
    if isinstance(value, dict):
        return {name: kinds(item) for name, item in value.items()}
    return "number" if type(value) in (int, float) else type(value).__name__


def test_ping(client: CoinGeckoAPI) -> None:
    assert client.ping() == {"gecko_says": "(V3) To the Moon!"}


def test_markets_are_paged_by_250_and_ordered_by_cap(client: CoinGeckoAPI) -> None:
    first = client.get_coins_markets(vs_currency="usd", order="market_cap_desc", per_page=250, page=1)
    second = client.get_coins_markets(vs_currency="usd", order="market_cap_desc", per_page=250, page=2)
    assert len(first) == len(second) == 250
    assert not {row["id"] for row in first} & {row["id"] for row in second}
    caps = [row["market_cap"] for row in first + second]
    assert caps == sorted(caps, reverse=True)
    assert [row["id"] for row in first[:2]] == ["bitcoin", "ethereum"]
    assert first[0]["market_cap"] == pytest.approx(
        first[0]["current_price"] * first[0]["circulating_supply"], rel=1e-4
    )
    assert len(client.get_coins_markets(vs_currency="usd")) == 100
    assert len(client.get_coins_markets(vs_currency="usd", per_page=1000)) == 250
    assert client.get_coins_markets(vs_currency="usd", per_page=250, page=50) == []


def test_a_market_row_has_the_vendor_fields(client: CoinGeckoAPI) -> None:
    (sample,) = vendor_example("coins_markets")
    (row,) = client.get_coins_markets(
        vs_currency="usd",
        ids="bitcoin",
        sparkline=True,
        include_rehypothecated="true",
        price_change_percentage="1h,24h,7d,14d,30d,200d,1y",
    )
    assert set(row) == set(sample)
    assert {name: kinds(value) for name, value in row.items()} == {
        name: kinds(value) for name, value in sample.items()
    }
    assert len(row["sparkline_in_7d"]["price"]) == 168
    assert row["low_24h"] <= row["current_price"] <= row["high_24h"] <= row["ath"]


def all_rows(client: CoinGeckoAPI) -> list[dict[str, Any]]:
    pages = (client.get_coins_markets(vs_currency="usd", per_page=250, page=page) for page in (1, 2, 3))
    return [row for page in pages for row in page]


def test_unknown_caps_and_ranks_are_null(client: CoinGeckoAPI) -> None:
    rows = all_rows(client)
    unknown = [row for row in rows if row["market_cap"] is None]
    assert len(unknown) >= 3
    assert all(row["circulating_supply"] is None and row["market_cap_rank"] is None for row in unknown)
    assert all(row["current_price"] > 0 for row in unknown)
    wrapped = next(row for row in rows if row["id"] == "wrapped-bitcoin")
    assert wrapped["market_cap"] > 0
    assert wrapped["market_cap_rank"] is None
    ranks = [row["market_cap_rank"] for row in rows if row["market_cap_rank"] is not None]
    assert ranks == list(range(1, len(ranks) + 1))


def test_one_ticker_may_belong_to_two_coins(client: CoinGeckoAPI) -> None:
    symbols = [row["symbol"] for row in client.get_coins_list()]
    (shared,) = {symbol for symbol in symbols if symbols.count(symbol) == 2}
    assert len(client.get_coins_markets(vs_currency="usd", symbols=shared)) == 1
    assert len(client.get_coins_markets(vs_currency="usd", symbols=shared, include_tokens="all")) == 2


def test_one_coin_stopped_being_updated(client: CoinGeckoAPI) -> None:
    updated = {row["id"]: datetime.fromisoformat(row["last_updated"]).timestamp() for row in all_rows(client)}
    ages = {coin: NOON_MS / 1000 - at for coin, at in updated.items()}
    stale = [coin for coin, age in ages.items() if age > 3_600]
    assert len(stale) == 1
    assert all(0 <= age <= 121 for coin, age in ages.items() if coin not in stale)


def test_coins_list(client: CoinGeckoAPI) -> None:
    rows = client.get_coins_list()
    assert len(rows) > 500
    assert {"id": "bitcoin", "symbol": "btc", "name": "Bitcoin"} in rows
    with_platforms = client.get_coins_list(include_platform=True)
    assert all(isinstance(row["platforms"], dict) for row in with_platforms)
    with pytest.raises(ValueError, match="10005"):
        client.get_coins_list(status="inactive")


def test_a_coin_leaves_the_list_at_its_time(client: CoinGeckoAPI) -> None:
    def ids_at(at_ms: int) -> set[str]:
        with running(create_app(11, clock=SimClock(at_ms, source_ns=lambda: 0))) as later:
            return {row["id"] for row in pointed_at(later).get_coins_list()}

    gone = day_ms(2026, 12, 22)
    assert day_ms(2026, 12, 15) in DELISTED.values()
    (leaver,) = ids_at(gone - 60_000) - ids_at(gone)
    assert leaver in {row["id"] for row in client.get_coins_list()}


def test_simple_price(client: CoinGeckoAPI) -> None:
    answer = client.get_price(
        ids=["bitcoin", "ethereum", "no-such-coin"],
        vs_currencies=["usd", "btc"],
        include_market_cap=True,
        include_24hr_vol=True,
        include_24hr_change=True,
        include_last_updated_at=True,
    )
    assert set(answer) == {"bitcoin", "ethereum"}
    assert answer["bitcoin"]["btc"] == pytest.approx(1, rel=1e-6)
    sample = vendor_example("simple_price")["bitcoin"]
    assert set(sample) <= set(answer["bitcoin"])
    with pytest.raises(ValueError, match="vs_currencies"):
        client.get_price(ids="bitcoin", vs_currencies="")


def test_global_figures(client: CoinGeckoAPI) -> None:
    figures = client.get_global()
    assert set(figures) == set(vendor_example("global")["data"])
    assert 40 < figures["market_cap_percentage"]["btc"] < 75
    assert figures["market_cap_percentage"]["usdt"] > 1
    assert sum(figures["market_cap_percentage"].values()) < 100


def test_categories_and_the_filter_by_category(client: CoinGeckoAPI) -> None:
    names = {row["category_id"] for row in client.get_coins_categories_list()}
    assert {"stablecoins", "wrapped-tokens", "liquid-staking-tokens"} <= names
    rows = {row["id"]: row for row in client.get_coins_categories()}
    assert set(rows) == names
    assert set(rows["layer-1"]) == set(vendor_example("coins_categories")[0])
    stable = client.get_coins_markets(vs_currency="usd", category="stablecoins", ids="bitcoin")
    assert "tether" in {row["id"] for row in stable}
    assert "bitcoin" not in {row["id"] for row in stable}
    with pytest.raises(ValueError, match="category not found"):
        client.get_coins_markets(vs_currency="usd", category="no-such-category")


@pytest.mark.parametrize(
    ("days", "spacing_ms", "count"),
    [(1, 300_000, 289), (2, 3_600_000, 49), (90, 3_600_000, 2_161), (91, DAY_MS, 93), (365, DAY_MS, 367)],
)
def test_the_spacing_of_a_chart_depends_on_its_length(
    client: CoinGeckoAPI, days: int, spacing_ms: int, count: int
) -> None:
    chart = client.get_coin_market_chart_by_id(id="bitcoin", vs_currency="usd", days=days)
    assert set(chart) == {"prices", "market_caps", "total_volumes"}
    times = [point[0] for point in chart["prices"]]
    gaps = {later - earlier for earlier, later in pairwise(times[:-1])}
    assert gaps == {spacing_ms}
    assert all([point[0] for point in chart[name]] == times for name in ("market_caps", "total_volumes"))
    assert abs(len(times) - count) <= 1
    assert all(moment % spacing_ms == 0 for moment in times[:-1])
    assert times[-1] == NOON_MS // 60_000 * 60_000


def test_a_chart_ends_at_the_present_price(client: CoinGeckoAPI) -> None:
    chart = client.get_coin_market_chart_by_id(id="solana", vs_currency="usd", days=1)
    (row,) = client.get_coins_markets(vs_currency="usd", ids="solana", precision="full")
    assert chart["prices"][-1][1] == row["current_price"]
    assert chart["market_caps"][-1][1] == pytest.approx(row["market_cap"], rel=1e-9)
    day_ago = row["current_price"] - row["price_change_24h"]
    assert chart["prices"][0][1] == pytest.approx(day_ago, rel=0.01)


def test_charts_by_range_and_in_other_currencies(client: CoinGeckoAPI) -> None:
    end = NOON_MS // 1000
    by_range = client.get_coin_market_chart_range_by_id(
        id="ethereum", vs_currency="eur", from_timestamp=end - 10 * 86_400, to_timestamp=end
    )
    by_days = client.get_coin_market_chart_by_id(id="ethereum", vs_currency="usd", days=10)
    euros, dollars = dict(by_range["prices"]), dict(by_days["prices"])
    common = sorted(set(euros) & set(dollars))
    assert len(common) > 200
    assert {round(euros[at] / dollars[at], 6) for at in common} == {0.858}


@pytest.mark.parametrize(("days", "width_ms"), [(1, 1_800_000), (30, 4 * 3_600_000), (365, 4 * DAY_MS)])
def test_candles_are_stamped_with_their_close(client: CoinGeckoAPI, days: int, width_ms: int) -> None:
    candles = client.get_coin_ohlc_by_id(id="bitcoin", vs_currency="usd", days=days)
    times = [candle[0] for candle in candles]
    assert {later - earlier for earlier, later in pairwise(times[:-1])} == {width_ms}
    assert times[-1] == NOON_MS // 60_000 * 60_000
    assert all(
        low <= min(opened, closed) <= max(opened, closed) <= high for _, opened, high, low, closed in candles
    )
    with pytest.raises(ValueError, match="invalid days"):
        client.get_coin_ohlc_by_id(id="bitcoin", vs_currency="usd", days=3)


def test_history_of_one_day(client: CoinGeckoAPI) -> None:
    snapshot = client.get_coin_history_by_id(id="bitcoin", date="01-11-2026", localization="false")
    price = snapshot["market_data"]["current_price"]["usd"]
    at = day_ms(2026, 11, 1)
    chart = dict(client.get_coin_market_chart_by_id(id="bitcoin", vs_currency="usd", days=60)["prices"])
    assert price == chart[at]
    with pytest.raises(ValueError, match="invalid date"):
        client.get_coin_history_by_id(id="bitcoin", date="2026-11-01")


def test_the_free_plan_sees_365_days(client: CoinGeckoAPI) -> None:
    with pytest.raises(ValueError, match="10012"):
        client.get_coin_market_chart_by_id(id="bitcoin", vs_currency="usd", days=366)
    with pytest.raises(ValueError, match="10012"):
        client.get_coin_history_by_id(id="bitcoin", date="01-11-2024")
    with pytest.raises(ValueError, match="10012"):
        client.get_coin_market_chart_range_by_id(
            id="bitcoin", vs_currency="usd", from_timestamp=1_600_000_000, to_timestamp=1_700_000_000
        )


def test_one_coin_with_its_categories(client: CoinGeckoAPI) -> None:
    steth = client.get_coin_by_id(id="staked-ether")
    assert steth["categories"] == ["Liquid Staking Tokens"]
    with pytest.raises(ValueError, match="coin not found"):
        client.get_coin_by_id(id="no-such-coin")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"vs_currency": ""}, "Missing"), ({"vs_currency": "doubloon"}, "invalid"),
     ({"vs_currency": "usd", "page": "two"}, "invalid page"),
     ({"vs_currency": "usd", "order": "luck"}, "order"),
     ({"vs_currency": "usd", "precision": "much"}, "precision")],
)  # fmt: skip
def test_bad_parameters_are_400(sim: LiveSim, arguments: dict[str, str], message: str) -> None:
    answer = requests.get(f"{sim.base}/api/v3/coins/markets", params=arguments, timeout=30)
    assert answer.status_code == 400
    assert message in answer.json()["error"]


@pytest.mark.parametrize("days", ["0", "-3", "many", "1e999"])
def test_bad_days_are_400(sim: LiveSim, days: str) -> None:
    answer = requests.get(
        f"{sim.base}/api/v3/coins/bitcoin/market_chart",
        params={"vs_currency": "usd", "days": days},
        timeout=30,
    )
    assert answer.status_code == 400


def test_paid_calls_say_so(sim: LiveSim) -> None:
    for path in ("global/market_cap_chart", "coins/list/new", "coins/bitcoin/ohlc/range", "key"):
        answer = requests.get(f"{sim.base}/api/v3/{path}", timeout=30)
        assert answer.status_code == 401
        assert answer.json()["status"]["error_code"] == 10005


def test_keys(sim: LiveSim, client: CoinGeckoAPI) -> None:
    client.session.headers["x-cg-demo-api-key"] = "CG-test"
    assert client.ping()
    client.session.headers["x-cg-demo-api-key"] = "wrong"
    answer = requests.get(f"{sim.base}/api/v3/ping", headers={"x-cg-demo-api-key": "wrong"}, timeout=30)
    assert (answer.status_code, answer.json()["status"]["error_code"]) == (401, 10002)
    with pytest.raises(ValueError, match="10002"):
        client.ping()
    pro = requests.get(f"{sim.base}/api/v3/ping", headers={"x-cg-pro-api-key": "CG-test"}, timeout=30)
    assert (pro.status_code, pro.json()["status"]["error_code"]) == (400, 10010)


def test_the_limit_per_minute_counts_every_call() -> None:
    with with_limits(Limits(keyless=3, demo=4)) as live:
        url = f"{live.base}/api/v3/"
        codes = [
            requests.get(url + path, timeout=30).status_code
            for path in ("ping", "coins/none", "ping", "ping")
        ]
        assert codes == [200, 404, 200, 429]
        refused = requests.get(url + "ping", timeout=30)
        assert refused.headers["Retry-After"] == "60"
        with_key = requests.get(url + "ping", headers={"x-cg-demo-api-key": "CG-a"}, timeout=30)
        assert with_key.status_code == 200


def test_keyless_access_can_be_refused() -> None:
    with (
        with_limits(Limits(keyless_allowed=False)) as live,
        pytest.raises(ValueError, match="API Key Missing"),
    ):
        pointed_at(live).ping()


@pytest.mark.parametrize(
    ("rule", "status", "retry_after", "is_json"),
    [({"kind": "rate_limit", "retry_after_s": 7}, 429, "7", True), ({"kind": "rate_limit"}, 429, None, True),
     ({"kind": "rate_limit", "text_body": True}, 429, None, False),
     ({"kind": "maintenance"}, 503, None, False),
     ({"kind": "error_500_before"}, 500, None, False), ({"kind": "error_500_after"}, 500, None, False)],
)  # fmt: skip
def test_faults_answer_as_ordered_and_then_heal(
    sim: LiveSim,
    client: CoinGeckoAPI,
    rule: dict[str, Any],
    status: int,
    retry_after: str | None,
    is_json: bool,
) -> None:
    sim.world.faults.replace([{"where": "coingecko.coins.markets", "count": 1, **rule}])
    url = f"{sim.base}/api/v3/coins/markets?vs_currency=usd"
    assert client.ping()
    answer = requests.get(url, timeout=30)
    assert answer.status_code == status
    assert answer.headers.get("Retry-After") == retry_after
    assert answer.headers["Content-Type"].startswith("application/json") == is_json
    assert requests.get(url, timeout=30).status_code == 200


@pytest.mark.parametrize("kind", ["drop_request", "drop_answer"])
def test_a_dropped_call_gets_no_answer(sim: LiveSim, client: CoinGeckoAPI, kind: str) -> None:
    sim.world.faults.replace([{"where": "coingecko.*", "kind": kind, "count": 1}])
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{sim.base}/api/v3/ping", timeout=30)
    assert client.ping()


def test_a_slow_answer_is_slow(sim: LiveSim, client: CoinGeckoAPI) -> None:
    sim.world.faults.replace([{"where": "coingecko.ping", "kind": "delay", "delay_ms": 5000, "count": 1}])
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{sim.base}/api/v3/ping", timeout=1)
    assert client.ping()


def test_prices_of_coingecko_and_of_the_venue_are_of_one_market(sim: LiveSim, client: CoinGeckoAPI) -> None:
    prices = client.get_price(ids="bitcoin,pepe", vs_currencies="usd", precision="full")
    venue = sim.world.market
    assert prices["bitcoin"]["usd"] == pytest.approx(float(venue.last_price("spot", "BTCUSDT")), rel=0.005)
    per_coin = float(venue.last_price("linear", "1000PEPEUSDT")) / 1000
    assert prices["pepe"]["usd"] == pytest.approx(per_coin, rel=0.01)
