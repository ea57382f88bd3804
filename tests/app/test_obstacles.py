"""One sentence for each obstacle."""

from collections import namedtuple
from pathlib import Path

import pytest

from holdfast.app import obstacles
from holdfast.platform.processes import CannotRun
from holdfast.platform.settings import Settings

Usage = namedtuple("Usage", "total used free")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(obstacles.shutil, "disk_usage", lambda _: Usage(10**9, 9 * 10**8, 100 * 1024**2))
    with pytest.raises(CannotRun, match=r"Only 100 MB are free .* free some space"):
        obstacles.require_disk(tmp_path / "not" / "there" / "yet")


def test_a_port_that_needs_more_rights(monkeypatch: pytest.MonkeyPatch) -> None:
    class Refusing(obstacles.socket.socket):
        def bind(self, address: object) -> None:
            raise PermissionError

    monkeypatch.setattr(obstacles.socket, "socket", Refusing)
    with pytest.raises(CannotRun, match="choose one above 1023 with HOLDFAST_PORT"):
        obstacles.require_port("127.0.0.1", 80, "HOLDFAST_PORT")


def test_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    path = tmp_path / "run" / "lock"
    first = obstacles.InstanceLock(path)
    first.acquire({"url": "http://here"})
    assert obstacles.InstanceLock(path).is_held()
    with pytest.raises(CannotRun, match=r"already runs here .*http://here"):
        obstacles.InstanceLock(path).acquire({})
    first.release()
    assert not obstacles.InstanceLock(path).is_held()
    obstacles.InstanceLock(path).acquire({"url": "again"})


def test_a_lock_file_left_by_a_dead_holder_is_no_obstacle(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text('{"pid": 1, "url": "http://gone"}')
    lock = obstacles.InstanceLock(path)
    assert not lock.is_held()
    lock.acquire({"url": "http://new"})
    assert obstacles.read_note(path)["url"] == "http://new"


def test_a_hub_that_pages_could_not_find() -> None:
    behind_tls = {"hub": True, "public_url": "https://holdfast.example"}
    with pytest.raises(CannotRun, match=r"lead a path .* to port 8422, .* HOLDFAST_STREAM_URL"):
        obstacles.require_stream_address(Settings(**behind_tls))  # type: ignore[arg-type]
    for found in (
        {"hub": True},
        {"hub": True, "public_url": "http://10.0.0.7:8420"},
        behind_tls | {"stream_url": "/api/stream"},
    ):
        obstacles.require_stream_address(Settings(**found))  # type: ignore[arg-type]
