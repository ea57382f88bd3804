"""What the API says about people, their sign-ins and their connections."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import EmailStr, Field, SecretStr

from holdfast.platform.schemas import Schema


class Credentials(Schema):
    email: EmailStr
    password: SecretStr = Field(min_length=1, max_length=1024)


class NewAccount(Schema):
    """Passwords: 12 characters or more; not one that every list begins with."""

    email: EmailStr
    password: SecretStr = Field(min_length=12, max_length=1024)


class UserView(Schema):
    id: UUID
    email: str | None
    is_demo: bool
    created_at: datetime


class SignedIn(Schema):
    """``access_token`` lives in memory only; the refresh token is an httpOnly cookie the page never sees."""

    access_token: str
    expires_in: int = Field(description="seconds")
    user: UserView


class Accepted(Schema):
    message: str


class SignInView(Schema):
    id: UUID
    user_agent: str
    ip: str
    created_at: datetime
    last_used_at: datetime
    current: bool


class NewKey(Schema):
    """The secret is sealed at once to the vault's public key and never comes back."""

    api_key: SecretStr = Field(min_length=8, max_length=128)
    api_secret: SecretStr = Field(min_length=8, max_length=256)


class NewConnection(NewKey):
    venue: Literal["bybit"] = "bybit"
    environment: Literal["live", "testnet", "demo", "simulated"]
    label: str = Field(min_length=1, max_length=60)


class Finding(Schema):
    """One thing the check of a key found. ``level``: ok | warning | refused."""

    check: str
    level: Literal["ok", "warning", "refused"]
    message: str
    advice: str = ""


ConnectionState = Literal["checking", "active", "watch_only", "refused", "failing"]


class ConnectionView(Schema):
    id: UUID
    venue: str
    environment: str
    label: str
    key_hint: str
    state: ConnectionState
    state_reason: str
    checks: list[Finding]
    venue_uid: str
    key_expires_at: datetime | None
    created_at: datetime
    checked_at: datetime | None
    reconciled_at: datetime | None
