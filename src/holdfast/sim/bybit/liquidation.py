"""Liquidation: the venue takes over positions whose maintenance margin is no longer covered."""

from holdfast.sim.bybit.account import Account
from holdfast.sim.bybit.margin import Margin
from holdfast.sim.bybit.records import Position


def is_due(account: Account, margin: Margin, now_ms: int) -> bool:
    """Whether accountMMRate has reached 100 % (bybit_linear.md, section 8)."""
    if not any(position.quantity for position in account.positions.values()):
        return False
    wallet = margin.wallet(account, now_ms)
    return wallet.maintenance_margin >= wallet.margin_balance - wallet.haircut


def worst(account: Account, margin: Margin) -> Position:
    """The position that loses most: it is taken over first."""
    held = [position for position in account.positions.values() if position.quantity]
    return min(held, key=lambda position: position.unrealised(margin.mark(position.symbol)))
