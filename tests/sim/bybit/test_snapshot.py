"""Accounts survive a restart of the venue, to the last digit."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast.core.errors import InvalidInput
from holdfast.sim.bybit.snapshot import Archive
from holdfast.sim.bybit.truth import truth

from .scripted import Exchange


def busy_account(exchange: Exchange) -> Any:
    account = exchange.account(leverage={"ETHUSDT": "3"}, hedge_symbols=["XUSDT"], ips=["127.0.0.1"])
    exchange.place(account, qty="1.5", orderLinkId="in")
    exchange.place(account, side="Sell", qty="0.5", orderLinkId="out")
    exchange.place(account, category="spot", symbol="XRPUSDT", qty="100")
    exchange.place(account, orderType="Limit", price="999.0", qty="1", orderLinkId="rest")
    exchange.pass_time(8 * 3_600_000)
    return account


def test_an_account_comes_back_as_it_was(tmp_path: Path) -> None:
    exchange = Exchange()
    account = busy_account(exchange)
    Archive(tmp_path).save(account)
    (back,) = Archive(tmp_path).load()
    assert truth(back) == truth(account)
    assert (back.key, back.spec, back.hedge) == (account.key, account.spec, account.hedge)
    resting = back.order_by_link["linear", "rest"]
    assert resting is back.open_orders[resting.order_id] is back.orders[resting.order_id]
    assert back.positions.keys() == account.positions.keys()
    assert [row.pnl for row in back.closed] == [row.pnl for row in account.closed]


def test_a_restarted_venue_goes_on_with_open_orders_and_funding(tmp_path: Path) -> None:
    before, after = Exchange(state=tmp_path), Exchange(state=tmp_path)
    account = busy_account(before)
    before.venue.save_books()
    after.clock.ms = before.clock.ms
    after.venue.open_books()
    after.run()
    back = after.venue.accounts.of_key(account.key.key)
    assert back is not None
    after.market.quote("BTCUSDT", "998.0", "998.5")
    after.pass_time(8 * 3_600_000)
    rest = back.order_by_link["linear", "rest"]
    assert (rest.status, rest.filled) == ("Filled", Decimal(1))
    assert sum(e.type == "SETTLEMENT" for e in back.log) == 2


def test_only_what_changed_is_written(tmp_path: Path) -> None:
    exchange = Exchange()
    account = busy_account(exchange)
    archive = Archive(tmp_path)
    archive.save(account)
    path = tmp_path / f"{account.uid}.json"
    path.unlink()
    archive.save(account)
    assert not path.exists()
    exchange.place(account, orderType="Limit", price="998.0", qty="1")
    archive.save(account)
    assert path.exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "7.json").write_text("{}")
    with pytest.raises(InvalidInput, match=r"7\.json"):
        Archive(tmp_path).load()
