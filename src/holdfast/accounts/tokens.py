"""Access tokens (JWT, short-lived) and refresh tokens (opaque, rotating).

A refresh token is used once. Its successor is derived from it with a key only the server has, so two tabs
that refresh at the same moment, or a browser whose answer was lost, get the *same* successor: the chain
never forks, and a thief and the owner can never both hold a living branch.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes, token_urlsafe
from typing import Final
from uuid import UUID

import jwt
from jwt.types import Options

from holdfast.accounts.keyfiles import read_or_create
from holdfast.core.errors import NotSignedIn

ISSUER: Final = "holdfast"
AUDIENCE: Final = "holdfast-api"
ALGORITHM: Final = "HS256"
SIGNING_KEY_FILE: Final = "signing.key"
SIGNING_KEY_BYTES: Final = 32
CLOCK_LEEWAY_SECONDS: Final = 30

_OPTIONS: Final[Options] = {
    "require": ["sub", "sid", "iat", "exp", "iss", "aud"],
    # The library would read the wall clock; the moments are compared with the caller's clock instead.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}


@dataclass(frozen=True, slots=True)
class AccessClaims:
    user_id: UUID
    sign_in_id: UUID


class Tokens:
    """Issues and reads tokens. The signing key never leaves this object."""

    def __init__(self, signing_key: bytes, *, access_lifetime: timedelta) -> None:
        if len(signing_key) < SIGNING_KEY_BYTES:
            raise ValueError(f"the signing key must have {SIGNING_KEY_BYTES} bytes or more")
        self._access_key = _derive(signing_key, "access token")
        self._refresh_key = _derive(signing_key, "refresh token")
        self._fingerprint_key = _derive(signing_key, "fingerprint")
        self.access_lifetime = access_lifetime

    def issue_access(self, user_id: UUID, sign_in_id: UUID, *, now: datetime) -> str:
        claims = {
            "sub": str(user_id),
            "sid": str(sign_in_id),
            "iat": int(now.timestamp()),
            "exp": int((now + self.access_lifetime).timestamp()),
            "iss": ISSUER,
            "aud": AUDIENCE,
        }
        return jwt.encode(claims, self._access_key, algorithm=ALGORITHM)

    def read_access(self, token: str, *, now: datetime) -> AccessClaims:
        """Raises ``NotSignedIn`` for anything but a token of ours that is still good."""
        try:
            claims = jwt.decode(
                token,
                self._access_key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options=_OPTIONS,
            )
            read = AccessClaims(UUID(claims["sub"]), UUID(claims["sid"]))
            issued_at, expires_at = int(claims["iat"]), int(claims["exp"])
        except (jwt.InvalidTokenError, ValueError, TypeError) as error:
            raise NotSignedIn("This access token is not valid.", advice="Sign in again.") from error
        if not issued_at - CLOCK_LEEWAY_SECONDS <= now.timestamp() < expires_at:
            raise NotSignedIn("This access token has expired.", advice="Refresh it, or sign in again.")
        return read

    def successor(self, refresh_token: str) -> str:
        """The only token that can follow ``refresh_token``."""
        digest = hmac.digest(self._refresh_key, refresh_token.encode(), "sha256")
        return urlsafe_b64encode(digest).rstrip(b"=").decode()

    def fingerprint(self, secret: str) -> str:
        """Tells whether two secrets are equal, and nothing else about them."""
        return hmac.digest(self._fingerprint_key, secret.encode(), "sha256").hex()


def new_refresh_token() -> str:
    """256 random bits: the first token of a family."""
    return token_urlsafe(32)


def token_hash(refresh_token: str) -> bytes:
    """What is stored. SHA-256 suffices: the token has 256 bits of entropy, there is nothing to guess."""
    return hashlib.sha256(refresh_token.encode()).digest()


def ensure_signing_key(directory: Path) -> bytes:
    """The key of this installation, made at the first start."""
    return read_or_create(directory / SIGNING_KEY_FILE, token_bytes(SIGNING_KEY_BYTES))


def _derive(key: bytes, purpose: str) -> bytes:
    return hmac.digest(key, f"holdfast/{purpose}/1".encode(), "sha256")
