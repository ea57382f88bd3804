"""From confirm to the last acknowledgement, and what it costs against the venue's own slowest order.

Starts a whole installation on the simulated market, as ``make up`` does.
"""

import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.e2e.installation import Installation, start
from tests.e2e.trader import Trader

ROUNDS = 7
BAR = 2.0
SIZE = "5000"


def main() -> None:
    """Print one row per measurement: what, measured, bar, ratio."""
    with tempfile.TemporaryDirectory(prefix="holdfast-bench-") as place:
        home = Path(place)
        home.chmod(0o755)
        begun = time.perf_counter()
        installation = start(home)
        cold = time.perf_counter() - begun
        try:
            measure(installation)
        finally:
            installation.stop()
        begun = time.perf_counter()
        again = start(home)
        warm = time.perf_counter() - begun
        again.stop()
    print(f"{'cold start until an index can be traded':<52}{cold:>8.1f} s")
    print(f"{'warm start until an index can be traded':<52}{warm:>8.1f} s    ratio to cold {warm / cold:.2f}")


def measure(installation: Installation) -> None:
    trader = Trader(installation)
    one_round(trader, "btc-d")
    eleven = [one_round(trader, "btc-d") for _ in range(ROUNDS)]
    two = [one_round(trader, "eth-btc") for _ in range(ROUNDS)]
    whole = statistics.median(total for total, _ in eleven)
    slowest = statistics.median(slowest for _, slowest in eleven)
    small = statistics.median(total for total, _ in two)
    row = f"{whole * 1000:>8.0f} ms"
    print(f"{'confirm to 11 acknowledgements, median':<52}{row}")
    print(f"{'  of which on the wire':<52}{slowest * 1000:>8.0f} ms   ratio {whole / slowest:.2f}")
    print(f"{'  an execution of 2 legs':<52}{small * 1000:>8.0f} ms   ratio {whole / small:.2f}   bar {BAR}")


def one_round(trader: Trader, index_id: str) -> tuple[float, float]:
    """Open and close once. Returns seconds from confirm to the last acknowledgement, and on the wire."""
    execution = trader.execute(trader.preview(index_id, SIZE))
    orders = trader.get("/api/orders", position=execution["position_id"], limit=50)["items"]
    total = max(seconds(execution["created_at"], order["acknowledged_at"]) for order in orders)
    slowest = max(seconds(order["sent_at"], order["acknowledged_at"]) for order in orders)
    trader.execute(trader.preview_close(execution["position_id"]))
    time.sleep(1.2)
    return total, slowest


def seconds(start_at: Any, end_at: Any) -> float:
    return (datetime.fromisoformat(end_at) - datetime.fromisoformat(start_at)).total_seconds()


if __name__ == "__main__":
    main()
