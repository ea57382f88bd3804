"""Who carries which background work."""

from holdfast.app import crew
from holdfast.app.handlers import BACKTESTS, HANDLERS, HISTORY, ORDERS, POLLING, QUEUES, STRATEGIES, queue_of
from holdfast.platform.settings import Settings

POLLED = {
    "indices.poll_market_caps",
    "journal.sweep",
    "market.refresh_instruments",
    "market.refresh_pairs",
    "news.poll",
}
LONG = {
    "charts.read_dataset",
    "indices.backfill_history",
    "market.backfill_candles",
    "market.import_candles",
    "market.seal_candles",
}


def test_what_takes_long_shares_no_queue_with_what_is_polled() -> None:
    found = {kind: queue_of(kind) for kind in HANDLERS}
    assert {kind for kind, queue in found.items() if queue == HISTORY} == LONG
    assert {kind for kind, queue in found.items() if queue == POLLING} == POLLED
    assert {kind for kind, queue in found.items() if queue == BACKTESTS} == {"backtest.run"}
    assert {kind for kind, queue in found.items() if queue == STRATEGIES} == {
        "strategies.recheck",
        "strategies.remove",
        "strategies.step",
        "strategies.thin",
    }
    assert {kind.partition(".")[0] for kind, queue in found.items() if queue == ORDERS} == {
        "accounts",
        "execution",
    }


def test_every_queue_has_a_process_of_its_own(settings: Settings) -> None:
    members = crew.processes(settings.model_copy(update={"redis_url": "redis://x", "database_url": "y"}))
    served = [
        member.program.argv[member.program.argv.index("--queues") + 1]
        for member in members
        if "--queues" in member.program.argv
    ]
    assert sorted(served) == sorted(QUEUES)
