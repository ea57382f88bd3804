"""Celery on Redis, the distributed courier: it carries job ids and nothing else.

Whatever it loses or delivers twice is made good by the rows in PostgreSQL (``platform.jobs``).
"""

from typing import Final

from celery import Celery
from kombu import Exchange, Queue

from holdfast.app.handlers import QUEUES
from holdfast.platform.settings import Settings

RUN_JOB: Final = "holdfast.run_job"
SOFT_LIMIT_SECONDS: Final = 840
HARD_LIMIT_SECONDS: Final = 900


def celery_app(settings: Settings) -> Celery:
    """The Celery application of one process.

    Queues hang on the anonymous exchange, whose routing needs no key in Redis that a flush could take away.
    No result backend, no countdown or ETA: when a job is due is a row's business.
    """
    app = Celery("holdfast", broker=settings.redis_url, set_as_current=False)
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
