"""What the accounts room keeps for the life of an API process."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated

from fastapi import Depends
from redis.asyncio import Redis
from starlette.requests import HTTPConnection

from holdfast.accounts.limits import Limiter
from holdfast.accounts.passwords import Passwords
from holdfast.accounts.tokens import Tokens, ensure_signing_key
from holdfast.accounts.vault import Vault, VaultBroken
from holdfast.core.errors import Unavailable
from holdfast.platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Tools:
    passwords: Passwords
    tokens: Tokens
    limiter: Limiter


def build_tools(settings: Settings, redis: Redis) -> Tools:
    lifetime = timedelta(minutes=settings.access_token_minutes)
    tokens = Tokens(ensure_signing_key(settings.secrets_dir), access_lifetime=lifetime)
    return Tools(Passwords(), tokens, Limiter(redis))


def tools_of(connection: HTTPConnection) -> Tools:
    """Built at the first use, then kept on ``app.state.accounts``."""
    state = connection.app.state
    if not hasattr(state, "accounts"):
        state.accounts = build_tools(state.settings, state.redis)
    tools: Tools = state.accounts
    return tools


def vault_of(connection: HTTPConnection) -> Vault:
    """The letter box. Raises ``Unavailable`` if this installation has no vault yet."""
    settings: Settings = connection.app.state.settings
    try:
        return Vault.from_directory(settings.secrets_dir)
    except VaultBroken as error:
        raise Unavailable("Keys cannot be stored now.", advice=str(error)) from error


async def _tools(connection: HTTPConnection) -> Tools:
    return tools_of(connection)


ToolsDep = Annotated[Tools, Depends(_tools)]
VaultDep = Annotated[Vault, Depends(vault_of)]
