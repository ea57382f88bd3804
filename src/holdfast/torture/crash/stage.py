"""Sets each scene: a user with a fresh account at the simulator, a plan confirmed, a job waiting.

The stage lives in a process of its own, which nobody kills.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts.models import Connection, SignIn
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.execution.models import Execution
from holdfast.execution.risk import flatten
from holdfast.execution.risk.models import Flatten
from holdfast.execution.risk.schemas import NewFlatten
from holdfast.platform.jobs import REDISPATCH_AFTER, enqueue
from holdfast.platform.models import Job
from holdfast.portfolio.models import Sleeve
from holdfast.portfolio.schemas import (
    PreviewClose,
    PreviewRebalance,
    PreviewRequest,
)
from holdfast.torture.crash.desk import Desk
from holdfast.torture.crash.judge import judge
from holdfast.torture.crash.scenarios import Scenario, scenario_of

RECONCILE = "execution.reconcile"
REGULAR = timedelta(seconds=45)
"""A job that waits longer than this does so because it is done until its next regular run."""


class Stage(Desk):
    """``prepare`` sets a scene; ``Scene`` says which job is to be done and what to compare afterwards."""

    async def prepare(self, scenario: Scenario) -> dict[str, Any]:
        """A scene of its own: nobody else's rows, nobody else's account."""
        user_id, connection_id, uid = await self._account(scenario)
        scene: dict[str, Any] = {
            "connection": connection_id,
            "uid": uid,
            "execution": None,
            "holding": dict(scenario.holding),
            "ends": sorted(scenario.ends),
            "incidents": sorted(scenario.incidents),
        }
        match scenario.job:
            case "check":
                return scene | {"job": await self._job("accounts.check_connection", connection_id)}
            case "confirm":
                return scene | await self._intent(user_id, connection_id, scenario)
            case "open":
                shown = await self._plan(user_id, connection_id, scenario)
                return await self._ready(scene, await self._confirm(user_id, shown), scenario)
            case _:
                return await self._with_position(scene, user_id, connection_id, scenario)

    async def _with_position(
        self, scene: dict[str, Any], user_id: UUID, connection_id: UUID, scenario: Scenario
    ) -> dict[str, Any]:
        """A scene that begins with a position which is open."""
        await self._reconcile(connection_id)
        opened = await self._confirm(user_id, await self._plan(user_id, connection_id, scenario))
        sleeve_id = await self._carry_out(opened)
        if scenario.trades:
            await self._trade_by_hand(connection_id, scenario)
        match scenario.job:
            case "reconcile":
                if scenario.hours:
                    await self._wait(scenario.hours, uid=scene["uid"])
                async with self.database.transaction() as session:
                    await enqueue(session, RECONCILE, str(connection_id), now=self._clock.now())
                return scene | {"job": await self._job(RECONCILE, connection_id)}
            case "flatten":
                wanted = NewFlatten(scope="position", position_id=sleeve_id)
                async with self.database.transaction() as session:
                    begun = await flatten.start(session, user_id, wanted, by="crash", now=self._clock.now())
                return scene | {"flatten": begun.id, "job": await self._job(flatten.JOB, begun.id)}
            case "rebalance":
                preview: PreviewRequest = PreviewRebalance(position_id=sleeve_id)
            case _:
                await self._reconcile(connection_id)
                preview = PreviewClose(position_id=sleeve_id)
        await self._read_prices()
        shown = await self._house.preview_for(user_id, preview)
        return await self._ready(scene, await self._confirm(user_id, shown), scenario)

    async def _intent(self, user_id: UUID, connection_id: UUID, scenario: Scenario) -> dict[str, Any]:
        """A signed-in user who is about to confirm a plan over HTTP."""
        shown = await self._plan(user_id, connection_id, scenario)
        await self._read_prices()
        now = self._clock.now()
        sign_in = SignIn(
            id=uuid4(), user_id=user_id, user_agent="crash", ip="127.0.0.1", created_at=now, last_used_at=now
        )
        async with self.database.transaction() as session:
            session.add(sign_in)
        tokens = Tokens(ensure_signing_key(self._settings.secrets_dir), access_lifetime=timedelta(minutes=10))
        return {
            "body": {"plan_id": str(shown.id), "digest": shown.digest},
            "token": tokens.issue_access(user_id, sign_in.id, now=now),
            "job": None,
        }

    async def executions(self, scene: dict[str, Any]) -> list[UUID]:
        """Every execution there is on the scene's connection."""
        async with self.database.sessions() as session:
            wanted = Execution.connection_id == UUID(str(scene["connection"]))
            return list(await session.scalars(select(Execution.id).where(wanted)))

    async def _ready(self, scene: dict[str, Any], execution: UUID, scenario: Scenario) -> dict[str, Any]:
        await self.fault(scenario.faults)
        return scene | {"execution": execution, "job": await self._job("execution.run", execution)}

    async def due(self, scene: dict[str, Any]) -> int | None:
        """The next job of a scene, made ready to be run at once: the lease that a dead process left and
        whatever a job waits for would pass by themselves. ``None`` once all is done."""
        async with self.database.transaction() as session:
            now = self._clock.now()
            for job in await self._open_jobs(session, scene):
                job.lease_until = job.lease_until and now - timedelta(seconds=1)
                job.run_at = min(job.run_at, now)
                return job.id
        return None

    async def over(self, scene: dict[str, Any]) -> bool:
        """Whether every job of a scene is done."""
        async with self.database.sessions() as session:
            return not await self._open_jobs(session, scene)

    async def asked(self, scene: dict[str, Any]) -> bool:
        """Whether a reconciliation of a scene is due."""
        async with self.database.sessions() as session:
            return any(job.kind == RECONCILE for job in await self._open_jobs(session, scene))

    async def trade(self, scene: dict[str, Any]) -> None:
        """What the user of a scene does by hand meanwhile."""
        await self._read_prices()
        await self._trade_by_hand(UUID(str(scene["connection"])), scenario_of(scene["scenario"]))

    async def hurry(self, scene: dict[str, Any], *, leases: bool) -> None:
        """Let the time pass after which jobs are handed out anew, and ``leases`` of dead workers run out."""
        async with self.database.transaction() as session:
            now = self._clock.now()
            for job in await self._open_jobs(session, scene):
                job.dispatched_at = job.dispatched_at and now - REDISPATCH_AFTER - timedelta(seconds=1)
                if leases:
                    job.lease_until = job.lease_until and now - timedelta(seconds=1)

    async def _open_jobs(self, session: AsyncSession, scene: dict[str, Any]) -> list[Job]:
        """Those that do not just wait for their next regular run."""
        connection = UUID(str(scene["connection"]))
        runs = await session.scalars(select(Execution.id).where(Execution.connection_id == connection))
        subjects = [str(connection), str(scene.get("flatten")), *map(str, runs)]
        rows = await session.scalars(
            select(Job)
            .where(Job.subject.in_(subjects), Job.finished_at.is_(None))
            .order_by(Job.run_at, Job.id)
        )
        regular = self._clock.now() + REGULAR
        return [job for job in rows if job.lease_until or job.attempts or job.run_at <= regular]

    async def judge(self, scene: dict[str, Any]) -> list[str]:
        """What is wrong with the books of a scene; empty if nothing is."""
        await self.fault(())
        account = await self.account(scene["uid"])
        began = {symbol: Decimal(size) for symbol, size in scene["holding"].items()}
        async with self.database.sessions() as session:
            found = await judge(
                session, UUID(str(scene["connection"])), account, began=began, incidents=scene["incidents"]
            )
            connection = await session.get_one(Connection, UUID(str(scene["connection"])))
            if connection.state != "active" or connection.reconciled_at is None:
                found.append(f"the connection is still {connection.state}, or was never reconciled")
            if scene["execution"]:
                execution = await session.get_one(Execution, UUID(str(scene["execution"])))
                if execution.state not in scene["ends"]:
                    found.append(f"it ended {execution.state}: {execution.reason}")
            if "flatten" in scene:
                row = await session.get_one(Flatten, UUID(str(scene["flatten"])))
                sleeves = await session.scalars(
                    select(Sleeve.state).where(Sleeve.connection_id == UUID(str(scene["connection"])))
                )
                if row.state != "done" or any(state != "closed" for state in sleeves):
                    found.append(f"the flattening is {row.state}")
        if not found:
            await self._retire(scene)
        return found

    async def _retire(self, scene: dict[str, Any]) -> None:
        """Nothing of this scene is to happen any more."""
        subjects = [str(scene["connection"]), str(scene["execution"])]
        async with self.database.transaction() as session:
            now = self._clock.now()
            await session.execute(
                update(Connection)
                .where(Connection.id == UUID(str(scene["connection"])))
                .values(state="deleted", deleted_at=now)
            )
            await session.execute(
                update(Job)
                .where(Job.subject.in_(subjects), Job.finished_at.is_(None))
                .values(finished_at=now)
            )
