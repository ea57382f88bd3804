from collections import Counter

from holdfast.sim.coins import all_coins, category_names
from holdfast.sim.instruments import scheduled


def test_coins_are_many_and_have_ids_of_their_own() -> None:
    coins = all_coins()
    assert len(coins) > 500
    assert len({coin.id for coin in coins}) == len(coins)
    assert coins == all_coins()


def test_only_two_coins_share_a_ticker() -> None:
    tickers = Counter(coin.symbol for coin in all_coins())
    assert [count for count in tickers.values() if count > 1] == [2]


def test_every_kind_of_coin_is_there() -> None:
    coins = [coin for coin in all_coins() if coin.on_coingecko]
    categories = {category for coin in coins for category in coin.categories}
    assert categories == set(category_names())
    assert sum(coin.pegged for coin in coins) > 10
    assert {coin.parent for coin in coins if coin.parent} == {"bitcoin", "ethereum", "solana", "binancecoin"}
    assert any(coin.supply is None for coin in coins)
    assert any(coin.leaves_ms for coin in coins)
    assert any(coin.frozen_ms for coin in coins)
    assert any(coin.redenominations for coin in coins)


def test_pegged_wrapped_and_staked_coins_say_so_by_category() -> None:
    derived = {"stablecoins", "wrapped-tokens", "liquid-staking-tokens", "tokenized-gold"}
    for coin in all_coins():
        assert bool(derived & set(coin.categories)) == bool(coin.pegged or coin.parent), coin.id


def test_instruments_name_coins_and_keep_to_sane_grids() -> None:
    coins = {coin.id: coin for coin in all_coins()}
    for one in scheduled(coins.values()):
        price = coins[one.coin_id].price * one.multiplier
        assert one.tick > 0
        assert float(one.tick) < price * 0.01, one.symbol
        assert float(one.lot) * price < 100, one.symbol
        assert one.min_qty % one.lot == 0
        assert one.max_market_qty % one.lot == 0, one.symbol
        assert one.max_limit_qty % one.lot == 0, one.symbol
        assert float(one.max_market_qty) * price > 100, one.symbol
        assert "E+" not in f"{one.lot}{one.max_limit_qty}{one.max_market_qty}"
