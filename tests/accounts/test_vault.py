"""The vault: sealed by the API, opened by the worker, bound to one connection of one user."""

import stat
import threading
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from nacl.public import PrivateKey

from holdfast.accounts.vault import OpenVault, Vault, VaultBroken, VenueCredentials, ensure_key_pair

CREDENTIALS = VenueCredentials("marker-key-1234", "marker-secret-5678")
CONNECTION, USER = UUID(int=1), UUID(int=2)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "secrets"
    ensure_key_pair(made)
    return made


def seal(directory: Path) -> bytes:
    return Vault.from_directory(directory).seal(CREDENTIALS, connection_id=CONNECTION, user_id=USER)


def test_what_is_sealed_can_be_opened_by_the_worker(directory: Path) -> None:
    opened = OpenVault.from_directory(directory).open(seal(directory), connection_id=CONNECTION, user_id=USER)
    assert opened == CREDENTIALS


def test_the_public_side_has_no_way_to_open(directory: Path) -> None:
    sealed = seal(directory)
    (directory / "vault.key").unlink()
    assert Vault.from_directory(directory).seal(CREDENTIALS, connection_id=CONNECTION, user_id=USER) != sealed
    assert not hasattr(Vault, "open")
    with pytest.raises(VaultBroken, match=r"vault\.key is missing"):
        OpenVault.from_directory(directory)


def test_a_sealed_box_does_not_show_what_is_inside(directory: Path) -> None:
    sealed = seal(directory)
    for part in (CREDENTIALS.api_key, CREDENTIALS.api_secret, str(CONNECTION), str(USER)):
        assert part.encode() not in sealed


@pytest.mark.parametrize(
    ("connection_id", "user_id"), [(uuid4(), USER), (CONNECTION, uuid4()), (USER, CONNECTION)]
)
def test_a_box_in_another_row_is_refused(directory: Path, connection_id: UUID, user_id: UUID) -> None:
    with pytest.raises(VaultBroken, match="another connection"):
        OpenVault.from_directory(directory).open(
            seal(directory), connection_id=connection_id, user_id=user_id
        )


def test_a_damaged_box_and_a_foreign_vault_are_refused(directory: Path) -> None:
    sealed = seal(directory)
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    for box in (damaged, b"", b"x" * 200):
        with pytest.raises(VaultBroken, match="another vault"):
            OpenVault.from_directory(directory).open(box, connection_id=CONNECTION, user_id=USER)
    stranger = OpenVault(bytes(PrivateKey.generate()))
    with pytest.raises(VaultBroken, match="another vault"):
        stranger.open(sealed, connection_id=CONNECTION, user_id=USER)


def test_nothing_prints_a_secret(directory: Path) -> None:
    private = (directory / "vault.key").read_text().strip()
    vault = OpenVault.from_directory(directory)
    for shown in (repr(CREDENTIALS), str(CREDENTIALS), f"{CREDENTIALS!r}", repr(vault), str(vault)):
        assert "marker" not in shown
        assert private not in shown


def test_key_files_are_for_their_owner_and_survive_a_restart(directory: Path) -> None:
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    assert set(before) == {"vault.key", "vault.pub"}
    assert stat.S_IMODE((directory / "vault.key").stat().st_mode) == 0o600
    ensure_key_pair(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before


def test_processes_starting_together_agree_on_one_pair(tmp_path: Path) -> None:
    threads = [threading.Thread(target=ensure_key_pair, args=(tmp_path,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sealed = seal(tmp_path)
    assert (
        OpenVault.from_directory(tmp_path).open(sealed, connection_id=CONNECTION, user_id=USER) == CREDENTIALS
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["vault.key", "vault.pub"]


def test_a_lost_private_key_is_never_replaced_in_silence(directory: Path) -> None:
    (directory / "vault.key").unlink()
    with pytest.raises(VaultBroken, match="Restore it from your backup"):
        ensure_key_pair(directory)
    assert not (directory / "vault.key").exists()


def test_files_that_are_no_pair_or_no_keys_are_refused(directory: Path, tmp_path: Path) -> None:
    ensure_key_pair(tmp_path / "other")
    (directory / "vault.pub").write_bytes((tmp_path / "other" / "vault.pub").read_bytes())
    with pytest.raises(VaultBroken, match="does not belong"):
        ensure_key_pair(directory)
    (directory / "vault.key").write_text("rubbish")
    with pytest.raises(VaultBroken, match="is not a key"):
        OpenVault.from_directory(directory)
