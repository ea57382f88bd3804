"""HTTP: signing in and out, and the user's connections."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Cookie, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.accounts import connections, limits, repository, service
from holdfast.accounts.access import CallerDep, UserDep
from holdfast.accounts.announcing import announces
from holdfast.accounts.demo import open_simulated_account
from holdfast.accounts.models import User
from holdfast.accounts.origin import SameOrigin
from holdfast.accounts.schemas import (
    Accepted,
    ConnectionView,
    Credentials,
    NewAccount,
    NewConnection,
    NewKey,
    SignedIn,
    SignInView,
    UserView,
)
from holdfast.accounts.service import Device, Issued
from holdfast.accounts.tokens import token_hash
from holdfast.accounts.tools import Tools, ToolsDep, VaultDep
from holdfast.core.errors import Forbidden, NotSignedIn, Unavailable
from holdfast.core.identity import new_id
from holdfast.platform.idempotency import IntentDep, run_once
from holdfast.platform.settings import Settings
from holdfast.platform.web import DatabaseDep, NowDep, SessionDep, SettingsDep

router = APIRouter(prefix="/api", tags=["accounts"])
ANNOUNCED: Final = announces("connections")

COOKIE: Final = "hf_refresh"
COOKIE_PATH: Final = "/api/auth"
RefreshCookie = Annotated[str | None, Cookie(alias=COOKIE, include_in_schema=False)]


@router.post("/auth/sign-up", status_code=202)
async def sign_up(
    body: NewAccount, request: Request, database: DatabaseDep, tools: ToolsDep, now: NowDep, _: SameOrigin
) -> Accepted:
    """The answer is the same whether or not the address is known."""
    email = service.normal_email(body.email)
    await tools.limiter.require(
        (limits.SIGN_UP_ADDRESS, email), (limits.SIGN_UP_IP, _network(request)), now=now
    )
    await service.sign_up(database, tools.passwords, body, now=now)
    return Accepted(message="If this address had no account, it has one now. Sign in with your password.")


@router.post("/auth/sign-in")
async def sign_in(
    body: Credentials,
    request: Request,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    tools: ToolsDep,
    now: NowDep,
    _: SameOrigin,
) -> SignedIn:
    email, network = service.normal_email(body.email), _network(request)
    pair = (limits.SIGN_IN_PAIR, f"{email} {network}")
    await tools.limiter.require(pair, (limits.SIGN_IN_ADDRESS, email), (limits.SIGN_IN_IP, network), now=now)
    user = await service.verified_user(database, tools.passwords, body)
    await tools.limiter.forgive(pair)
    async with database.transaction() as session:
        await service.strengthen_hash(session, tools.passwords, user, body.password.get_secret_value())
        issued = await service.begin_sign_in(session, user, _device(request), settings, now=now)
    return _signed_in(issued, request, response, settings, tools, now)


@router.post("/auth/demo", status_code=201)
async def try_the_demo(
    request: Request,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    tools: ToolsDep,
    vault: VaultDep,
    now: NowDep,
    _: SameOrigin,
) -> SignedIn:
    """A fresh user with a funded account on the simulated market."""
    if not settings.simulated:
        raise Forbidden("There is no demo here.", advice="Sign up and connect your own account.")
    await tools.limiter.require((limits.DEMO_IP, _network(request)), now=now)
    credentials = await open_simulated_account(settings.sim_url)
    user = User(id=new_id(), email=None, password_hash=None, is_demo=True, created_at=now)
    async with database.transaction() as session:
        session.add(user)
        await session.flush()
        await connections.add_connection(
            session, user, vault, credentials, label="Simulated Bybit", environment="simulated", now=now
        )
        issued = await service.begin_sign_in(session, user, _device(request), settings, now=now)
    return _signed_in(issued, request, response, settings, tools, now)


@router.post("/auth/refresh")
async def refresh(
    request: Request,
    response: Response,
    database: DatabaseDep,
    settings: SettingsDep,
    tools: ToolsDep,
    now: NowDep,
    _: SameOrigin,
    presented: RefreshCookie = None,
) -> SignedIn:
    if not presented:
        raise NotSignedIn("You are not signed in.", advice="Sign in.")
    await tools.limiter.require(
        (limits.REFRESH_TOKEN, token_hash(presented).hex()), (limits.REFRESH_IP, _network(request)), now=now
    )
    async with database.transaction() as session:
        issued = await service.rotate(session, tools.tokens, presented, settings, now=now)
    if issued is None:
        raise NotSignedIn("This sign-in has ended.", advice="Sign in again.")
    return _signed_in(issued, request, response, settings, tools, now)


@router.post("/auth/sign-out", status_code=204)
async def sign_out(
    response: Response, session: SessionDep, now: NowDep, _: SameOrigin, presented: RefreshCookie = None
) -> None:
    """Ends this device's sign-in. Never fails: there may be nothing to end."""
    if presented:
        await service.sign_out(session, presented, now=now)
    _clear_cookie(response)


@router.post("/auth/sign-out-everywhere", status_code=204)
async def sign_out_everywhere(response: Response, session: SessionDep, user: UserDep, now: NowDep) -> None:
    """Every refresh token and every access token of this user ends now."""
    await repository.revoke_all_sign_ins(session, user.id, reason="signed out everywhere", now=now)
    _clear_cookie(response)


@router.get("/auth/sign-ins")
async def list_sign_ins(
    session: SessionDep, caller: CallerDep, settings: SettingsDep, now: NowDep
) -> list[SignInView]:
    oldest = now - timedelta(days=settings.refresh_token_days)
    found = await repository.living_sign_ins(session, caller.user.id, used_after=oldest)
    return [
        SignInView(
            id=each.id,
            user_agent=each.user_agent,
            ip=each.ip,
            created_at=each.created_at,
            last_used_at=each.last_used_at,
            current=each.id == caller.sign_in_id,
        )
        for each in found
    ]


@router.get("/me")
async def me(user: UserDep) -> UserView:
    return UserView.model_validate(user)


@router.get("/connections")
async def list_connections(session: SessionDep, user: UserDep) -> list[ConnectionView]:
    return [ConnectionView.model_validate(each) for each in await repository.connections_of(session, user.id)]


@router.post("/connections", status_code=201, response_model=ConnectionView, dependencies=ANNOUNCED)
async def connect(
    body: NewConnection,
    session: SessionDep,
    user: UserDep,
    settings: SettingsDep,
    tools: ToolsDep,
    vault: VaultDep,
    now: NowDep,
    intent: IntentDep,
) -> JSONResponse:
    """The key is sealed at once; a worker then checks what it may do."""

    async def effect() -> tuple[int, BaseModel | None]:
        connection = await connections.connect(session, user, body, vault, settings, now=now)
        return 201, ConnectionView.model_validate(connection)

    without_secret = connections.ConnectionIntent.of(body, tools.tokens)
    return await run_once(session, user.id, intent, without_secret, effect)


@router.get("/connections/{connection_id}")
async def get_connection(connection_id: UUID, session: SessionDep, user: UserDep) -> ConnectionView:
    return ConnectionView.model_validate(await connections.own_connection(session, user, connection_id))


@router.post("/connections/{connection_id}/check", status_code=202, dependencies=ANNOUNCED)
async def check_connection(connection_id: UUID, session: SessionDep, user: UserDep, now: NowDep) -> Accepted:
    await connections.check_again(session, user, connection_id, now=now)
    return Accepted(message="The key is being checked.")


@router.put("/connections/{connection_id}/key", dependencies=ANNOUNCED)
async def replace_key(
    connection_id: UUID, body: NewKey, session: SessionDep, user: UserDep, vault: VaultDep, now: NowDep
) -> ConnectionView:
    """The next key of the same venue account, when the last one expires or was lost."""
    connection = await connections.replace_key(session, user, connection_id, body, vault, now=now)
    return ConnectionView.model_validate(connection)


@router.delete("/connections/{connection_id}", status_code=204, dependencies=ANNOUNCED)
async def disconnect(
    connection_id: UUID, request: Request, session: SessionDep, user: UserDep, now: NowDep
) -> None:
    """Destroys the secret. Refused while positions are open on the connection."""
    await connections.disconnect(session, user, connection_id, _holdings_guard(request), now=now)


def _holdings_guard(request: Request) -> Callable[[AsyncSession, UUID], Awaitable[int]]:
    """Fails closed: without the guard nobody can say that no position is open."""
    guard: connections.HoldingsGuard | None = getattr(request.app.state, "holdings_guard", None)
    if guard is None:
        raise Unavailable("Connections cannot be deleted now.", advice="Restart Holdfast and try again.")
    return guard


def _signed_in(
    issued: Issued, request: Request, response: Response, settings: Settings, tools: Tools, now: datetime
) -> SignedIn:
    response.set_cookie(
        COOKIE,
        issued.refresh_token,
        max_age=settings.refresh_token_days * 86_400,
        path=COOKIE_PATH,
        secure=request.url.scheme == "https" or settings.public_url.startswith("https://"),
        httponly=True,
        samesite="strict",
    )
    response.headers["Cache-Control"] = "no-store"
    return SignedIn(
        access_token=tools.tokens.issue_access(issued.user.id, issued.sign_in_id, now=now),
        expires_in=int(tools.tokens.access_lifetime.total_seconds()),
        user=UserView.model_validate(issued.user),
    )


def _clear_cookie(response: Response) -> None:
    response.delete_cookie(COOKIE, path=COOKIE_PATH, httponly=True, samesite="strict")


def _device(request: Request) -> Device:
    return Device(user_agent=request.headers.get("user-agent", "")[:200], ip=_ip(request))


def _ip(request: Request) -> str:
    return request.client.host if request.client else ""


def _network(request: Request) -> str:
    return limits.network_of(_ip(request))
