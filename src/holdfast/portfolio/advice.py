"""Why a plan cannot be carried out, and what its owner should know before it is: in words."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_CEILING, Decimal

from holdfast.accounts.models import Connection
from holdfast.core.errors import InvalidInput
from holdfast.core.money import plain
from holdfast.indices.minimum import LEFT_OUT_BOUND, TRACKING_BOUND
from holdfast.indices.schemas import MinimumSize
from holdfast.portfolio.legs import cents
from holdfast.portfolio.models import BalanceSnapshot
from holdfast.portfolio.plan import PlanDraft
from holdfast.portfolio.tactics import DRIFT, Tactic

NOTICEABLE_TRACKING = 0.03

BALANCE_STALE = timedelta(minutes=3)
MAINTENANCE_WARN = Decimal("0.5")
MAINTENANCE_STOP = Decimal("0.8")
"""Share of the margin the venue needs to keep the account open; it liquidates at 1."""

NOTICEABLE_SLIPPAGE = Decimal("0.001")
NOTICEABLE_NET = Decimal("0.01")

_STATES = {
    "checking": "The connection is still being checked. Wait a few seconds and preview again.",
    "refused": "This connection's key was refused: {reason} Connect another key.",
    "failing": "This connection does not work at the moment: {reason} Check it under Connections.",
}


class BelowMinimum(InvalidInput):
    code = "below-minimum"
    title = "This size is too small for the index."


def refuse_below_minimum(draft: PlanDraft, size: Decimal, minimum: MinimumSize | None) -> None:
    """Refuse a size that only the venue's minimums make miss too much of the index.

    Raises:
        BelowMinimum: with the minimum and what decides it.
    """
    if any(leg.problem for leg in draft.legs):
        return
    wanted = sum((abs(leg.target_notional) for leg in draft.legs), Decimal(0))
    left_out = float(draft.left_out / wanted) if wanted else 1.0
    if left_out <= LEFT_OUT_BOUND and draft.tracking_error <= TRACKING_BOUND:
        return
    least = f"The least size is {plain(minimum.size)} USDT." if minimum else "Choose a larger size."
    raise BelowMinimum(
        f"{plain(size)} USDT is too small: with the orders the venue takes, {draft.tracking_error:.0%} of "
        "the exposure would differ from the index.",
        advice=f"{least} {minimum.reason}" if minimum else least,
        minimum=plain(minimum.size) if minimum else None,
    )


def account_problems(connection: Connection, balance: BalanceSnapshot | None) -> list[str]:
    """Why nothing new may be opened on this account."""
    problems = connection_problems(connection)
    if balance and balance.maintenance_rate >= MAINTENANCE_STOP:
        problems.append(
            f"The account already needs {balance.maintenance_rate:.0%} of its margin to stay open, and is "
            "liquidated at 100%. Add funds or close positions first."
        )
    return problems


def connection_problems(connection: Connection) -> list[str]:
    """Why nothing at all can be traded through this connection."""
    if connection.state == "active":
        return []
    if connection.state == "watch_only":
        return [_why_it_watches(connection)]
    words = _STATES.get(connection.state, "This connection cannot trade: {reason}")
    return [words.format(reason=connection.state_reason or "the reason is not known.").strip()]


def _why_it_watches(connection: Connection) -> str:
    purpose = next((each for each in connection.checks if each["check"] == "purpose"), None)
    return f"{purpose['message']} {purpose['advice']}" if purpose else "This connection only watches."


def undecided_problems(symbols: list[str]) -> list[str]:
    if not symbols:
        return []
    return [
        f"The venue has not told yet what became of an order in {', '.join(symbols)}. "
        "Until it has, this position cannot be traded."
    ]


def account_warnings(balance: BalanceSnapshot | None, now: datetime) -> list[str]:
    if balance is None:
        return []
    warnings = []
    if now - balance.taken_at > BALANCE_STALE:
        minutes = int((now - balance.taken_at).total_seconds() // 60)
        warnings.append(
            f"The balance is {minutes} minutes old. It is checked again before anything is traded."
        )
    if MAINTENANCE_WARN <= balance.maintenance_rate < MAINTENANCE_STOP:
        warnings.append(
            f"The account needs {balance.maintenance_rate:.0%} of its margin to stay open, and is liquidated "
            "at 100%."
        )
    return warnings


def opening_warnings(
    draft: PlanDraft, manual: Mapping[str, Decimal], minimum: MinimumSize | None, *, is_ratio: bool
) -> list[str]:
    traded = [leg for leg in draft.legs if leg.action == "trade"]
    warnings = []
    left_out = [leg.symbol for leg in draft.legs if leg.action == "skip" and leg.target_notional]
    if left_out and not draft.problems:
        full = f" From {plain(minimum.full_size)} USDT on nothing is left out." if minimum else ""
        warnings.append(
            f"Too small for the venue and left out: {', '.join(left_out)} "
            f"({_cents(draft.left_out)} USDT).{full}"
        )
    if draft.tracking_error > NOTICEABLE_TRACKING:
        warnings.append(
            f"Whole lots are coarse at this size: {draft.tracking_error:.1%} of the exposure differs from "
            "the index. A larger size follows it more closely."
        )
    if is_ratio and abs(draft.net) > NOTICEABLE_NET * draft.gross:
        more = "bought than sold" if draft.net > 0 else "sold than bought"
        warnings.append(
            f"{_cents(abs(draft.net))} USDT more are {more}, because quantities are whole lots: to that "
            "extent the position follows the market as a whole."
        )
    warnings += _opposed_warnings(draft, manual)
    if any(leg.side.sign < 0 for leg in traded):
        warnings.append(
            "Sold legs lose when their coin rises, without limit. Even without leverage they can be "
            "liquidated: in cross margin the whole account stands behind them."
        )
    return [*warnings, *_slippage_warnings(draft), FUNDING]


FUNDING = (
    "Perpetuals pay or receive funding every few hours. It is not part of this preview and is shown with the "
    "position."
)
FEES = "Fees are estimated at Bybit's standard rate of 0.055% per trade; your account's rate may differ."


def _opposed_warnings(draft: PlanDraft, manual: Mapping[str, Decimal]) -> list[str]:
    adding = [leg for leg in draft.legs if leg.action == "trade" and not leg.reduces]
    opposed = [leg.symbol for leg in adding if leg.side.sign * manual.get(leg.symbol, Decimal(0)) < 0]
    if not opposed:
        return []
    return [
        f"You hold {', '.join(opposed)} of your own in the other direction. The venue shows one net "
        "position; Holdfast keeps yours and this one apart."
    ]


def rebalancing_warnings(draft: PlanDraft, manual: Mapping[str, Decimal]) -> list[str]:
    warnings = []
    if any(leg.action == "by_hand" for leg in draft.legs):
        warnings.append(
            "Part of this position was closed outside Holdfast. That part is booked at the price it was "
            "closed at before anything is traded."
        )
    left_out = [leg.symbol for leg in draft.legs if leg.action == "skip" and leg.target_notional]
    if left_out and not draft.problems:
        warnings.append(f"Not brought to its weight: {', '.join(left_out)} ({_cents(draft.left_out)} USDT).")
    return [*warnings, *_opposed_warnings(draft, manual), *_slippage_warnings(draft)]


def tactic_note(tactic: Tactic, draft: PlanDraft, allowance: float) -> str:
    """How the orders are sent, and what that means for what is paid, in words."""
    traded = [leg for leg in draft.legs if leg.action == "trade"]
    cost = f"About {cents(draft.fees + draft.slippage)} USDT in fees and slippage"
    sliced = [leg.symbol for leg in traded if leg.slices > 1]
    most = max((leg.slices for leg in traded), default=1)
    match tactic.kind:
        case "market":
            return (
                f"{cost}, by the order books as they are now. Each order takes at once, up to "
                f"{allowance:.1%} from the best price at that moment, wherever that is then."
            )
        case "passive":
            return (
                f"{cost}, if one half is had while resting. The orders rest at the best price, follow it, "
                f"and take what is missing after {tactic.seconds} seconds. The price may move by up to "
                f"{allowance + float(DRIFT):.1%} in that time before a leg is not filled."
            )
        case "twap" if sliced:
            return (
                f"{cost}, if the order books fill up again between slices. {', '.join(sliced)} "
                f"{'is' if len(sliced) == 1 else 'are'} sent in up to {most} slices "
                f"over {tactic.seconds} seconds, the rest at once. The price may move by up to "
                f"{allowance + float(DRIFT):.1%} in that time before a leg is not filled."
            )
        case "twap":
            return f"{cost}. No leg is large enough to be worth slicing: all are sent at once."
        case _:
            return (
                f"{cost}, by the order books as they are now. Each order takes at once what it can, up to "
                f"{allowance:.1%} beyond the expected price."
            )


def closing_warnings(draft: PlanDraft) -> list[str]:
    warnings = []
    if any(leg.action == "by_hand" for leg in draft.legs):
        warnings.append(
            "Part of this position was closed outside Holdfast. That part is booked at the price it was "
            "closed at; only the rest is traded."
        )
    return [*warnings, *_slippage_warnings(draft)]


def fee_warnings(draft: PlanDraft, known: Collection[str]) -> list[str]:
    """Whether fees are the account's own or had to be estimated."""
    guessed = any(leg.action == "trade" and leg.symbol not in known for leg in draft.legs)
    return [FEES] if guessed else []


def _slippage_warnings(draft: PlanDraft) -> list[str]:
    thin = [leg for leg in draft.legs if leg.notional and leg.slippage > NOTICEABLE_SLIPPAGE * leg.notional]
    if not thin:
        return []
    legs = ", ".join(f"{leg.symbol} ({leg.slippage / leg.notional:.2%})" for leg in thin)
    return [f"Thin order books make these legs cost more than the middle price: {legs}."]


def _cents(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.01'), ROUND_CEILING):,f}"
