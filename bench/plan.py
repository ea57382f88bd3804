"""How long a plan takes, and how near its roundings are to the best there are.

Run: ``python bench/plan.py``. Absolute times depend on the machine; the ratios are what counts.
"""

import itertools
import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal

from holdfast.core.instruments import Instrument, InstrumentKind, InstrumentStatus
from holdfast.core.targets import Target
from holdfast.portfolio.plan import build_open_plan
from holdfast.portfolio.rounding import Wish, round_lots
from holdfast.portfolio.sweep import LegMarket

BAR_MS = 5.0
LEGS = 11
SAMPLES = 300
BASKETS = 40


def main() -> None:
    """Print one row per measurement: what, measured, bar, ratio (1 or below is within the bar)."""
    chooser = random.Random(7)
    targets, markets = basket(chooser)
    times = timed(
        lambda: build_open_plan(
            targets,
            direction=1,
            size=Decimal(10_000),
            markets=markets,
            allowance=Decimal("0.005"),
            available=Decimal(25_000),
        )
    )
    p50, p99 = statistics.median(times), sorted(times)[int(0.99 * len(times))]
    print(f"{'plan of 11 legs, p50':<44}{p50:>9.2f} ms   bar {BAR_MS:.0f} ms   ratio {p50 / BAR_MS:.2f}")
    print(f"{'plan of 11 legs, p99':<44}{p99:>9.2f} ms   bar {BAR_MS:.0f} ms   ratio {p99 / BAR_MS:.2f}")
    quality, speed = against_exhaustive_search(chooser)
    print(
        f"{'rounding: left over, ours / best of all 2048':<44}{quality:>9.3f}      bar 1.10   "
        f"ratio {quality / 1.1:.2f}"
    )
    print(f"{'rounding: time, best of all 2048 / ours':<44}{speed:>9.0f} x")


def timed(work: Callable[[], object]) -> list[float]:
    """Milliseconds of each of ``SAMPLES`` runs, after a warm-up."""
    work()
    times = []
    for _ in range(SAMPLES):
        start = time.perf_counter()
        work()
        times.append((time.perf_counter() - start) * 1000)
    return times


def basket(chooser: random.Random) -> tuple[list[Target], dict[str, LegMarket]]:
    """A dominance of 11 coins with venue-like grids and books of 200 levels a side."""
    targets, markets = [], {}
    for i in range(LEGS):
        symbol = f"C{i:02}USDT"
        ticks = chooser.randrange(10_000, 900_000)
        tick, lot = Decimal("0.01"), Decimal(chooser.choice(["0.001", "0.01"]))
        instrument = Instrument(
            symbol=symbol,
            kind=InstrumentKind.LINEAR,
            base=symbol[:3],
            quote="USDT",
            tick=tick,
            lot=lot,
            min_quantity=lot,
            min_notional=Decimal(5),
            max_market_quantity=Decimal(10_000),
            max_limit_quantity=Decimal(10_000),
            status=InstrumentStatus.TRADING,
        )
        markets[symbol] = LegMarket(
            instrument,
            bids=tuple((instrument.price(ticks - n), 20 * lot) for n in range(200)),
            asks=tuple((instrument.price(ticks + 1 + n), 20 * lot) for n in range(200)),
            taker=Decimal("0.00055"),
        )
        weight = 0.4 if i == 0 else -0.04
        targets.append(Target(symbol, symbol, weight, float(markets[symbol].mid)))
    return targets, markets


def against_exhaustive_search(chooser: random.Random) -> tuple[float, float]:
    """Our roundings against the best of all choices, over random baskets: left over and time."""
    ours_left = best_left = ours_time = best_time = 0.0
    for _ in range(BASKETS):
        wishes = [
            Wish(
                Decimal(chooser.randrange(-40_000, 40_000)) / 100,
                Decimal(chooser.randrange(1, 4_000)) / 100,
                1,
            )
            for _ in range(LEGS)
        ]
        start = time.perf_counter()
        lots = round_lots(wishes)
        ours_time += time.perf_counter() - start
        ours_left += left_over(wishes, lots)
        start = time.perf_counter()
        best_left += best_of_all(wishes)
        best_time += time.perf_counter() - start
    return ours_left / best_left, best_time / ours_time


def left_over(wishes: list[Wish], lots: list[int]) -> float:
    errors = [float(wish.error(count)) for wish, count in zip(wishes, lots, strict=True)]
    return abs(sum(errors)) + sum(abs(error) for error in errors)


def best_of_all(wishes: list[Wish]) -> float:
    """The least that any choice of a neighbour for each leg leaves over."""
    pairs = []
    for wish in wishes:
        below = int(abs(wish.wanted) // wish.lot_value)
        pairs.append((float(wish.error(below)), float(wish.error(below + 1))))
    return min(abs(sum(errors)) + sum(abs(error) for error in errors) for errors in itertools.product(*pairs))


if __name__ == "__main__":
    main()
