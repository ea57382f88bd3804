"""Accounts on disk, one file each, so that a restarted venue still knows its customers."""

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from holdfast.core.errors import InvalidInput
from holdfast.sim.bybit.account import Account, ApiKey
from holdfast.sim.bybit.records import ClosedPnl, Execution, LogEntry, Order, Position, Wealth
from holdfast.sim.bybit.spec import AccountSpec


class SavedAccount(BaseModel):
    uid: str
    key: ApiKey
    spec: AccountSpec
    created_ms: int
    reject_beyond_band: bool
    balances: Wealth
    realised: Wealth
    leverage: Wealth
    hedge: list[str]
    orders: list[Order]
    positions: list[Position]
    executions: list[Execution]
    log: list[LogEntry]
    closed: list[ClosedPnl]


def saved(account: Account) -> SavedAccount:
    return SavedAccount.model_construct(
        uid=account.uid,
        key=account.key,
        spec=account.spec,
        created_ms=account.created_ms,
        reject_beyond_band=account.reject_beyond_band,
        balances=account.balances,
        realised=account.realised,
        leverage=account.leverage,
        hedge=sorted(account.hedge),
        orders=list(account.orders.values()),
        positions=list(account.positions.values()),
        executions=account.executions,
        log=account.log,
        closed=account.closed,
    )


def restored(state: SavedAccount) -> Account:
    """The account without its cache of recent final orders, which a restart empties."""
    return Account(
        uid=state.uid,
        key=state.key,
        spec=state.spec,
        created_ms=state.created_ms,
        balances=state.balances,
        leverage=state.leverage,
        hedge=set(state.hedge),
        orders={order.order_id: order for order in state.orders},
        open_orders={order.order_id: order for order in state.orders if order.is_open},
        order_by_link={(order.category, order.link_id): order for order in state.orders if order.link_id},
        positions={(position.symbol, position.idx): position for position in state.positions},
        executions=state.executions,
        log=state.log,
        closed=state.closed,
        realised=state.realised,
        reject_beyond_band=state.reject_beyond_band,
    )


class Archive:
    """Writes the accounts that changed since they were last written."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._written: dict[str, tuple[Any, ...]] = {}
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)

    def load(self) -> list[Account]:
        """Raises:
        InvalidInput: a file cannot be read; says which.
        """
        accounts = []
        for path in sorted(self._directory.glob("*.json")):
            try:
                account = restored(SavedAccount.model_validate_json(path.read_bytes()))
            except ValidationError as error:
                raise InvalidInput(
                    f"{path} does not hold a simulated account ({error.error_count()} problems).",
                    advice="Move the file away to start without this account.",
                ) from None
            self._written[account.uid] = _state_mark(account)
            accounts.append(account)
        return accounts

    def save(self, account: Account) -> None:
        """Write the account, unless nothing happened on it since the last time."""
        mark = _state_mark(account)
        if self._written.get(account.uid) == mark:
            return
        path = self._directory / f"{account.uid}.json"
        fresh = path.with_suffix(".new")
        fresh.write_text(saved(account).model_dump_json())
        os.replace(fresh, path)
        self._written[account.uid] = mark


def _state_mark(account: Account) -> tuple[Any, ...]:
    """Changes whenever something happens on the account."""
    return (
        len(account.orders),
        len(account.executions),
        len(account.log),
        account.reject_beyond_band,
        account.spec,
        replace(account.key),
        tuple(sorted(account.hedge)),
        tuple(account.leverage.items()),
        tuple((order.order_id, order.priority, order.filled) for order in account.open_orders.values()),
    )
