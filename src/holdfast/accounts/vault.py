"""Venue credentials at rest: libsodium sealed boxes (X25519, XSalsa20-Poly1305).

The API process holds the public key only and cannot open what it seals. The private key is read by worker
code alone. The connection and the user are sealed in with the secret, so a box moved to another row, or a
row given to another user, is refused.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import orjson
from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from holdfast.accounts.keyfiles import read_or_create

PUBLIC_KEY_FILE: Final = "vault.pub"
PRIVATE_KEY_FILE: Final = "vault.key"
FORMAT: Final = 1


class VaultBroken(Exception):
    """A key file or a sealed box is missing or wrong. The message says what to do."""


@dataclass(frozen=True, slots=True)
class VenueCredentials:
    """A key and its secret in the clear: as short-lived as possible, and never printed."""

    api_key: str = field(repr=False)
    api_secret: str = field(repr=False)


class Vault:
    """The letter box: things go in."""

    def __init__(self, public_key: bytes) -> None:
        self._box = SealedBox(PublicKey(public_key))

    def seal(self, credentials: VenueCredentials, *, connection_id: UUID, user_id: UUID) -> bytes:
        content = {
            "format": FORMAT,
            "connection": str(connection_id),
            "user": str(user_id),
            "api_key": credentials.api_key,
            "api_secret": credentials.api_secret,
        }
        return self._box.encrypt(orjson.dumps(content))

    @staticmethod
    def from_directory(directory: Path) -> "Vault":
        """Raises ``VaultBroken`` if there is no public key yet."""
        return Vault(_read_key(directory / PUBLIC_KEY_FILE))


class OpenVault:
    """The open door of the vault. Worker processes only."""

    def __init__(self, private_key: bytes) -> None:
        self._box = SealedBox(PrivateKey(private_key))

    def __repr__(self) -> str:
        return "OpenVault()"

    def open(self, sealed: bytes, *, connection_id: UUID, user_id: UUID) -> VenueCredentials:
        """Raises ``VaultBroken`` if the box was sealed for another vault, connection or user."""
        try:
            content = orjson.loads(self._box.decrypt(sealed))
        except (CryptoError, orjson.JSONDecodeError, ValueError) as error:
            raise VaultBroken("This key was sealed for another vault. Enter it again.") from error
        if content["format"] != FORMAT:
            raise VaultBroken(
                f"This key was sealed in the unknown format {content['format']}. Enter it again."
            )
        if (content["connection"], content["user"]) != (str(connection_id), str(user_id)):
            raise VaultBroken("This key was sealed for another connection. Enter it again.")
        return VenueCredentials(content["api_key"], content["api_secret"])

    @staticmethod
    def from_directory(directory: Path) -> "OpenVault":
        """Raises ``VaultBroken`` if there is no private key here."""
        return OpenVault(_read_key(directory / PRIVATE_KEY_FILE))


def ensure_key_pair(directory: Path) -> None:
    """Make the vault's key pair at the first start; later starts only check it.

    Raises:
        VaultBroken: the private key is gone, or the two files are not a pair.
    """
    public_path, private_path = directory / PUBLIC_KEY_FILE, directory / PRIVATE_KEY_FILE
    if public_path.exists() and not private_path.exists():
        raise VaultBroken(
            f"{private_path} is missing, so no stored key can be opened. Restore it from your backup; "
            f"without one, delete {public_path}, start again, and enter every venue key again."
        )
    private_key = PrivateKey(
        _hex_key(read_or_create(private_path, _hex(PrivateKey.generate())), private_path)
    )
    expected = _hex(private_key.public_key)
    if read_or_create(public_path, expected).strip() != expected.strip():
        raise VaultBroken(
            f"{public_path} does not belong to {private_path}. Restore the pair from your backup."
        )


def _hex(key: PrivateKey | PublicKey) -> bytes:
    return bytes(key).hex().encode() + b"\n"


def _read_key(path: Path) -> bytes:
    try:
        return _hex_key(path.read_bytes(), path)
    except FileNotFoundError as error:
        raise VaultBroken(
            f"{path} is missing. `holdfast up` makes it; on several machines, copy it here."
        ) from error


def _hex_key(content: bytes, path: Path) -> bytes:
    try:
        key = bytes.fromhex(content.decode().strip())
    except ValueError:
        key = b""
    if len(key) != PublicKey.SIZE:
        raise VaultBroken(f"{path} is not a key. Restore it from your backup.")
    return key
