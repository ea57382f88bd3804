"""Index mathematics: dominance ratios, capped baskets, levels. Pure; weights and levels are floats.

A ratio index with numerator N and denominator U has the level D = M_N / M_U, where M is the sum of the
members' values. Its first-order replication is the gradient of log D by log price:
``w_i = 1[i in N] M_i / M_N - 1[i in U] M_i / M_U``. With N inside U the weights sum to zero and the gross
exposure is 2 (1 - D) per unit of index notional; with N and U apart it is 2.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def ratio_level(values: Floats, numerator: Mask, denominator: Mask) -> float:
    """D = M_N / M_U. ``values`` are market caps (or prices, for a pair of single coins)."""
    return float(values[numerator].sum() / values[denominator].sum())


def ratio_weights(values: Floats, numerator: Mask, denominator: Mask) -> Floats:
    """Signed weights of a long position per unit of index notional; a short is their negative."""
    above: Floats = np.where(numerator, values, 0.0) / values[numerator].sum()
    below: Floats = np.where(denominator, values, 0.0) / values[denominator].sum()
    return above - below


def shares(values: Floats) -> Floats:
    """Each value's part of the sum."""
    part: Floats = values / values.sum()
    return part


def capped_shares(values: Floats, cap: Floats | float) -> Floats:
    """Shares with none above its cap: ``w_i = min(cap_i, k * share_i)`` with k so that they sum to one.

    Exact water-filling on the sorted breakpoints cap_i / share_i; the same as repeating "cap every breach,
    spread the excess pro rata over the rest" until nothing breaches.

    Raises:
        ValueError: the caps sum to less than one, so nothing can satisfy them.
    """
    uncapped = shares(values)
    caps: Floats = np.broadcast_to(np.asarray(cap, dtype=np.float64), uncapped.shape)
    if caps.sum() < 1 - 1e-12:
        raise ValueError(f"caps sum to {caps.sum():.4f}; they must reach 1")
    order = np.argsort(caps / uncapped, kind="stable")
    sorted_caps, sorted_shares = caps[order], uncapped[order]
    capped_so_far = np.concatenate(([0.0], np.cumsum(sorted_caps)[:-1]))
    shares_left = np.cumsum(sorted_shares[::-1])[::-1]
    scale = (1.0 - capped_so_far) / shares_left
    within = scale * sorted_shares <= sorted_caps
    if not within.any():
        return caps.copy()
    first_uncapped = int(np.argmax(within))
    weights = np.where(
        np.arange(len(order)) < first_uncapped, sorted_caps, scale[first_uncapped] * sorted_shares
    )
    result = np.empty_like(weights)
    result[order] = weights
    return result


def basket_quantities(values: Floats, prices: Floats, weights: Floats) -> Floats:
    """Quantities frozen until the next reconstitution that give ``weights`` at ``prices``.

    Supply times cap factor A_i = Z W_i / (P_i Q_i) with Z the uncapped sum of values, so that capping keeps
    the total market value.
    """
    quantities: Floats = values.sum() * weights / prices
    return quantities


def basket_level(prices: Floats, quantities: Floats, divisor: float) -> float:
    """L = sum(P_i Q_i) / divisor."""
    return float((prices * quantities).sum() / divisor)


def divisor_for(prices: Floats, quantities: Floats, level: float) -> float:
    """The divisor at which the basket has ``level``: the base, or the level just before a reconstitution."""
    return float((prices * quantities).sum() / level)
