"""What the system tells about itself."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from holdfast.platform.schemas import Schema
from holdfast.platform.settings import Mode


class SystemView(Schema):
    """``simulated`` is true in demo mode: every page then says so. ``stream_url``: where the stream is, an
    address or a path of this origin."""

    mode: Mode
    simulated: bool
    version: str
    started_at: datetime
    stream_url: str


class HealthView(Schema):
    status: str
    checks: dict[str, str] = Field(default_factory=dict)
    """part → "ok", or what is wrong"""


class StreamLoad(Schema):
    """What the stream of this process carries. ``stalled`` connections take nothing at the moment."""

    connections: int
    signed_in: int
    stalled: int
    topics: int
    subscriptions: int
    frames_waiting: int


class KeptView(Schema):
    """How often answers of one kind were found in memory, found in Redis, made, and waited for while somebody
    else made them, since this process started."""

    memory: int
    redis: int
    made: int
    shared: int


class CacheView(Schema):
    """``without_redis``: Redis failed a moment ago, and every process makes its own answers."""

    without_redis: bool
    kinds: dict[str, KeptView]


class QueueView(Schema):
    """The jobs of one queue. ``waiting``: due and not yet taken; a recurring job that is due later does not
    count. ``overdue``: waiting for longer than this queue lets anything wait."""

    waiting: int = 0
    overdue: int = 0
    failing: int = 0
    oldest_waiting_seconds: float | None = None


class SandboxView(Schema):
    """Where scripts are run. ``tier``: "A" is namespaces and an empty root, "B" what an ordinary container
    allows, "none" runs no script, and ``why`` says what is missing. ``layers``: what stands around a script,
    outermost first. Of ``places``, ``running`` are taken; ``waiting`` runs have none yet. ``ended_by_force``:
    runs that were stopped by a limit or by what they tried."""

    tier: Literal["A", "B", "none"]
    why: str
    layers: list[str]
    places: int
    running: int
    waiting: int
    runs: int
    ended_by_force: int


class StatusView(Schema):
    """How well the parts keep up. ``feed_age_seconds`` is the age of the newest price; ``None``: none yet.
    ``unknown_jobs``: open ones that only another version of Holdfast can do, by kind.
    ``stream`` is ``None`` where another process has it; ``cache`` is of the process that answers,
    ``None`` if it keeps none; ``sandbox`` is ``None`` while it does not answer, and where
    no scripts are run."""

    feed_age_seconds: float | None
    last_caps_poll_at: datetime | None
    queues: dict[str, QueueView]
    unknown_jobs: dict[str, int]
    stream: StreamLoad | None = None
    cache: CacheView | None = None
    sandbox: SandboxView | None = None
