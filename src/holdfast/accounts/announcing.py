"""Telling the user's pages of what a request has changed."""

from typing import Any

from fastapi import BackgroundTasks, Depends, Request

from holdfast.accounts.access import UserDep
from holdfast.platform.pubsub import tell_changed


def announces(*topics: str) -> list[Any]:
    """Dependencies of a route after which these topics of the stream tell something else. They are told once
    the change is committed."""

    def announced(request: Request, user: UserDep, afterwards: BackgroundTasks) -> None:
        afterwards.add_task(tell_changed, request.app.state.redis, user.id, *topics)

    return [Depends(announced)]
