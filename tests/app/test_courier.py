"""The courier's connection: how long a worker that has lost Redis takes to look for it again."""

import pytest

from holdfast.app import courier
from holdfast.platform.settings import Settings


class Enough(Exception):
    pass


@pytest.mark.parametrize("way", ["connection_for_read", "connection_for_write"])
def test_a_lost_redis_is_looked_for_every_few_seconds(monkeypatch: pytest.MonkeyPatch, way: str):
    monkeypatch.setattr("kombu.utils.functional.sleep", lambda _: None)
    app = courier.celery_app(Settings(redis_url="redis://127.0.0.1:1/0"))
    waits: list[float] = []

    def note(_error: Exception, seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 20:
            raise Enough

    with pytest.raises(Enough):
        getattr(app, way)().ensure_connection(note, None, callback=lambda: None)
    assert waits == sorted(waits)
    assert waits[-1] == courier.RECONNECT_SECONDS
