"""Passwords: argon2id, hashed outside the event loop, with the same work for addresses nobody has."""

import asyncio
import unicodedata
from secrets import token_urlsafe
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from holdfast.core.errors import InvalidInput

CONCURRENT_HASHES: Final = 2
"""Each hash takes 64 MiB for its duration; more at once would let sign-ins exhaust the machine."""

COMMON_STEMS: Final = (
    "password",
    "passw0rd",
    "qwertyuiop",
    "qwerty",
    "asdfghjkl",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "letmein",
    "welcome",
    "iloveyou",
    "administrator",
    "admin",
    "changeme",
    "secret",
    "dragon",
    "monkey",
    "football",
    "baseball",
    "princess",
    "sunshine",
    "trustno1",
    "superman",
    "starwars",
    "abc",
    "bitcoin",
    "ethereum",
    "satoshi",
    "tothemoon",
    "bybit",
    "binance",
    "crypto",
    "holdfast",
)
"""What the best-known lists begin with. A password that is nothing but these and digits is refused."""

ROWS: Final = ("abcdefghijklmnopqrstuvwxyz" * 2, "01234567890" * 2, "qwertyuiopasdfghjklzxcvbnm" * 2)
MIN_DISTINCT_CHARACTERS: Final = 5
SHORTEST_TELLING_NAME: Final = 4


class Passwords:
    """Hashes and verifies. One per process."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._gate = asyncio.Semaphore(CONCURRENT_HASHES)
        self._nobody = self._hasher.hash(token_urlsafe(32))

    async def hash(self, password: str) -> str:
        async with self._gate:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` is the one behind ``stored``. ``None`` (nobody, or a user without a password)
        costs the same work and is never true, so the time taken tells nothing."""
        async with self._gate:
            matches = await asyncio.to_thread(self._matches, stored or self._nobody, _normal(password))
        return matches and stored is not None

    def outdated(self, stored: str) -> bool:
        """Whether ``stored`` was made with weaker parameters than today's."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False


def refuse_weak(password: str, email: str) -> None:
    """Refuse what an attacker tries first. Length is the schema's business.

    Raises:
        InvalidInput: common, a keyboard row, too few different characters, or made of the address.
    """
    plain = _normal(password).casefold()
    name = email.casefold().partition("@")[0]
    if email.casefold() in plain or (len(name) >= SHORTEST_TELLING_NAME and name in plain):
        raise _weak("This password contains your email address.")
    if len(set(plain)) < MIN_DISTINCT_CHARACTERS:
        raise _weak("This password repeats too few different characters.")
    if any(plain in row or plain[::-1] in row for row in ROWS) or not _without_common(plain):
        raise _weak("This password is among the first that anybody would try.")


def _without_common(plain: str) -> str:
    """What remains of a password once common words, digits and punctuation are taken away."""
    for stem in COMMON_STEMS:
        plain = plain.replace(stem, "")
    return "".join(character for character in plain if character.isalpha())


def _normal(password: str) -> str:
    """The same characters typed on different systems are the same password (NIST SP 800-63B, 5.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


def _weak(detail: str) -> InvalidInput:
    return InvalidInput(
        detail, advice="Choose 12 characters or more: four unrelated words are easy to remember."
    )
