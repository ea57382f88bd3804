"""Every scenario, one after another."""

from typing import Final

from holdfast.torture.crash.api import ApiDies
from holdfast.torture.crash.commits import CommitsSurvive
from holdfast.torture.crash.cut import ConnectionsCut
from holdfast.torture.crash.run import Suite, WorkerDies
from holdfast.torture.crash.scenarios import SCENARIOS, scenario_of
from holdfast.torture.crash.scheduler import SchedulerDies
from holdfast.torture.crash.servers import ServerDies
from holdfast.torture.crash.site import ProcessesDie
from holdfast.torture.crash.watch import WatchDies

JOBS: Final[tuple[Suite, ...]] = (
    *(WorkerDies(scenario) for scenario in SCENARIOS if not scenario.hours),
    WorkerDies(scenario_of("open"), deaths=4),
    WorkerDies(scenario_of("unwind"), deaths=3),
    SchedulerDies(),
    ApiDies(),
    WatchDies(),
    ServerDies("redis", forget=True),
    ConnectionsCut("postgres"),
    ConnectionsCut("venue"),
    ServerDies("postgres"),
    ServerDies("postgres", at_once=True),
)
"""One process made for the purpose dies, or loses its server or its connections."""
LATER: Final[tuple[Suite, ...]] = tuple(WorkerDies(scenario) for scenario in SCENARIOS if scenario.hours)
"""The same at a venue whose clock goes on by hours: our moments cannot be put in order with its own then."""
SITE: Final[tuple[Suite, ...]] = (
    ProcessesDie("worker-parent", ("worker",), who="parent"),
    ProcessesDie("worker-children", ("worker",), who="children"),
    ProcessesDie("worker", ("worker",)),
    ProcessesDie("scheduler-process", ("scheduler",)),
    ProcessesDie("watch-process", ("watch",)),
    ProcessesDie("redis", ("redis",), forget=True),
    ProcessesDie("postgres", ("postgres",)),
    ProcessesDie("power-cut", ("postgres", "redis", "worker", "scheduler", "watch"), forget=True),
)
"""Whole processes of an installation die, the servers among them."""
DISK: Final[tuple[Suite, ...]] = (CommitsSurvive(),)
"""What needs a server that forces everything to the disk, as a real one does."""
GROUPS: Final = (JOBS, LATER, SITE, DISK)
"""Each has servers of its own: in the third somebody carries out every job there is."""
SUITES: Final = {suite.name: suite for group in GROUPS for suite in group}
