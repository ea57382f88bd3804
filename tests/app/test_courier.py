"""The courier's connection: a worker that has lost Redis looks for it again soon, and takes work again."""

from typing import Any

import pytest
from kombu import Producer
from redis.exceptions import ConnectionError

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


@pytest.mark.parametrize("end", ["ack", "reject", "requeue"])
def test_a_message_whose_end_redis_did_not_hear_keeps_no_hand_busy(
    settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    app = courier.celery_app(settings.model_copy(update={"redis_url": redis_url}))
    with app.connection() as connection, connection.channel() as channel:
        channel.basic_qos(0, 1, False)
        Producer(channel).publish({"job": 1}, routing_key="orders", declare=list(app.amqp.queues.values()))
        message = channel.basic_get("orders")
        assert not channel.qos.can_consume()
        for way in ("_remove_from_indices", "restore_by_tag"):
            monkeypatch.setattr(channel.qos, way, refuse)
        with pytest.raises(ConnectionError):
            getattr(message, end)()
        assert channel.qos.can_consume()


def refuse(*_: Any, **__: Any) -> None:
    raise ConnectionError("Redis is being started anew")
