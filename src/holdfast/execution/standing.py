"""How the legs of an execution stand, as the facts its next act is decided from. Pure; everything in lots."""

from dataclasses import dataclass
from typing import Literal

from holdfast.execution.orders import BOOKS_DIFFER, FINAL, WORKING, OrderState
from holdfast.venues.protocol import OrderStyle

Role = Literal["open", "close", "rebalance", "unwind"]


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """One order of a leg. ``booked`` are the lots whose fills are in the ledger, ``wait`` the seconds until
    it may be sent."""

    role: Role
    attempt: int
    state: OrderState
    lots: int
    filled: int
    booked: int
    reject_code: str = ""
    style: OrderStyle = OrderStyle.IOC
    wait: float = 0.0

    @property
    def resting(self) -> bool:
        return self.state in WORKING and self.style is OrderStyle.POST_ONLY

    @property
    def planned(self) -> bool:
        return self.state is OrderState.PLANNED

    @property
    def given_up(self) -> bool:
        """Never sent, because the books differ from the account."""
        return self.state is OrderState.REJECTED and self.reject_code == BOOKS_DIFFER


@dataclass(frozen=True, slots=True)
class LegFacts:
    """One leg to be traded: planned lots, the venue's minimum in lots, and its orders in order of attempt.
    ``slices``: into how many parts it is cut. ``adds``: it makes the position larger, or turns it around.
    ``gone``: what others have closed of it again, the venue by force or the user by hand. ``left``: what a
    leg that closes still finds in the position, where that was asked for: no order of it is for more."""

    index: int
    lots: int
    min_lots: int
    orders: tuple[OrderFacts, ...] = ()
    slices: int = 1
    adds: bool = True
    gone: int = 0
    left: int | None = None

    def filled(self, *roles: str) -> int:
        return sum(order.filled for order in self.orders if order.role in roles)

    @property
    def tries(self) -> list[OrderFacts]:
        """Its orders, without those that take it back."""
        return [order for order in self.orders if order.role != "unwind"]

    @property
    def forward(self) -> int:
        return sum(order.filled for order in self.tries)

    @property
    def unfilled(self) -> int:
        return self.lots - self.forward

    @property
    def missing(self) -> int:
        """What is still to be had of it."""
        return self.unfilled if self.left is None else min(self.unfilled, self.left)

    @property
    def short(self) -> bool:
        """Whether more of it must be had. Less than the venue's minimum is a residual, but never a whole leg
        of an opening: that would be half a hedge."""
        if self.missing >= self.min_lots:
            return True
        return self.missing > 0 and not self.forward and any(order.role == "open" for order in self.orders)

    @property
    def live(self) -> bool:
        """Whether one of its orders has not ended: there is never more than one."""
        return any(order.state not in FINAL for order in self.orders)

    @property
    def still_open(self) -> int:
        """Lots this execution has opened, and nobody has closed yet."""
        return max(0, self.filled("open") - self.filled("unwind") - self.gone)

    @property
    def unwinds_missed(self) -> int:
        """Orders to take it back that the market did not fill whole; as long as it does, there is an end."""
        return sum(1 for order in self.orders if order.role == "unwind" and order.filled < order.lots)

    @property
    def disputed(self) -> bool:
        """Whether taking it back was given up, because the books differ from the account."""
        return any(order.role == "unwind" and order.given_up for order in self.orders)
