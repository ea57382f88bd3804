"""Celery on Redis, the distributed courier: it carries job ids and nothing else.

Whatever it loses or delivers twice is made good by the rows in PostgreSQL (``platform.jobs``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from celery import Celery
from celery.app.amqp import AMQP
from kombu import Connection, Exchange, Queue
from kombu.transport import redis as redis_transport
from kombu.transport import virtual
from redis.asyncio import Redis
from redis.exceptions import RedisError

from holdfast.app.handlers import QUEUES
from holdfast.platform.settings import Settings

RUN_JOB: Final = "holdfast.run_job"
SOFT_LIMIT_SECONDS: Final = 840
HARD_LIMIT_SECONDS: Final = 900
RECONNECT_SECONDS: Final = 3.0
"""A worker that has lost Redis looks for it at least this often. Left alone it would come to look only every
30 s, and every execution would wait for it."""


class _Deliveries(redis_transport.QoS):
    """Kombu goes on counting a message that Redis was not there to hear the end of as being worked on: after
    as many of them as it has hands, a worker would take nothing any more, for ever."""

    def ack(self, delivery_tag: str) -> None:
        with self._counted_out(delivery_tag):
            super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        with self._counted_out(delivery_tag):
            super().reject(delivery_tag, requeue)

    @contextmanager
    def _counted_out(self, delivery_tag: str) -> Iterator[None]:
        try:
            yield
        except (RedisError, OSError):
            virtual.QoS.ack(self, delivery_tag)
            raise


class _Channel(redis_transport.Channel):
    QoS = _Deliveries


class _Transport(redis_transport.Transport):
    Channel = _Channel


class _Connection(Connection):
    def get_transport_cls(self) -> type[_Transport]:
        return _Transport

    def ensure_connection(self, *args: Any, **options: Any) -> Any:
        every = {"interval_start": 0.5, "interval_step": 0.5, "interval_max": RECONNECT_SECONDS}
        return super().ensure_connection(*args, **every | options)


class _Wire(AMQP):
    Connection = _Connection


def celery_app(settings: Settings) -> Celery:
    """The Celery application of one process.

    Queues hang on the anonymous exchange, whose routing needs no key in Redis that a flush could take away.
    No result backend, no countdown or ETA: when a job is due is a row's business.
    """
    app = Celery("holdfast", broker=settings.redis_url, amqp=_Wire, set_as_current=False)
    app.conf.update(
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        worker_prefetch_multiplier=1,
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_soft_time_limit=SOFT_LIMIT_SECONDS,
        task_time_limit=HARD_LIMIT_SECONDS,
        task_queues=[Queue(name, Exchange(""), routing_key=name) for name in QUEUES],
        task_default_queue=QUEUES[0],
        task_create_missing_queues=False,
        broker_transport_options={"visibility_timeout": 3600, "socket_keepalive": True},
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        worker_hijack_root_logger=False,
        worker_redirect_stdouts=False,
    )
    return app


async def waiting(redis: Redis) -> dict[str, int]:
    """How many messages stand in each queue: Celery keeps a queue in Redis as a list of its name."""
    async with redis.pipeline(transaction=False) as pipe:
        for queue in QUEUES:
            pipe.llen(queue)
        return dict(zip(QUEUES, await pipe.execute(), strict=True))
