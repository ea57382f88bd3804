"""Access tokens against everything that should not pass for one."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest

from holdfast.accounts.tokens import Tokens, new_refresh_token, token_hash
from holdfast.core.errors import NotSignedIn

NOW = datetime(2026, 3, 1, tzinfo=UTC)
USER, SIGN_IN = UUID(int=1), UUID(int=2)
KEY = b"k" * 32
TOKENS = Tokens(KEY, access_lifetime=timedelta(minutes=10))


def forged(key: bytes = TOKENS._access_key, algorithm: str = "HS256", **changes: object) -> str:
    claims: dict[str, object] = {
        "sub": str(USER),
        "sid": str(SIGN_IN),
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 600,
        "iss": "holdfast",
        "aud": "holdfast-api",
    }
    claims |= changes
    return jwt.encode({k: v for k, v in claims.items() if v is not None}, key, algorithm=algorithm)


def test_a_token_says_who_came_by_which_sign_in() -> None:
    read = TOKENS.read_access(TOKENS.issue_access(USER, SIGN_IN, now=NOW), now=NOW)
    assert (read.user_id, read.sign_in_id) == (USER, SIGN_IN)
    assert TOKENS.read_access(forged(), now=NOW) == read, "the forgeries below differ in one thing only"


@pytest.mark.parametrize(
    "token",
    [
        forged(key=b"x" * 32),
        forged(key=KEY),
        forged(algorithm="HS512", key=TOKENS._access_key + b"0" * 32),
        forged(iss="somebody"),
        forged(aud="something"),
        forged(exp=int(NOW.timestamp())),
        forged(iat=int(NOW.timestamp()) + 3600),
        forged(exp="soon"),
        forged(sub="not-a-uuid"),
        forged(sid=None),
        forged(exp=None),
        forged(aud=None),
        jwt.encode({"sub": str(USER)}, None, algorithm="none"),
        "",
        "a.b.c",
        "ü",
    ],
)
def test_anything_else_is_refused(token: str) -> None:
    with pytest.raises(NotSignedIn):
        TOKENS.read_access(token, now=NOW)


def test_a_changed_claim_breaks_the_signature() -> None:
    head, _, sign = forged().split(".")
    _, other, _ = forged(sub=str(UUID(int=9))).split(".")
    with pytest.raises(NotSignedIn):
        TOKENS.read_access(f"{head}.{other}.{sign}", now=NOW)


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Tokens(b"short", access_lifetime=timedelta(minutes=10))


def test_successors_need_the_server_key_and_are_as_long_as_first_tokens() -> None:
    first = new_refresh_token()
    successor = TOKENS.successor(first)
    assert successor == TOKENS.successor(first) != first
    assert successor != Tokens(b"other" * 8, access_lifetime=timedelta(minutes=1)).successor(first)
    assert len(successor) == len(first) == 43
    assert len({new_refresh_token() for _ in range(100)}) == 100


def test_the_stored_hash_does_not_hold_the_token() -> None:
    token = new_refresh_token()
    assert len(token_hash(token)) == 32
    assert token.encode() not in token_hash(token)
