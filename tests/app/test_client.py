"""The command line's client against the real API on a real socket."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import uvicorn

from holdfast.accounts.vault import ensure_key_pair
from holdfast.app.api import create_app
from holdfast.app.cli.client import Client, credentials_path
from holdfast.core.errors import HoldfastError, NotSignedIn, Unavailable
from holdfast.platform.settings import Settings

PASSWORD = "correct horse battery staple"
EMAIL = "ada@example.com"


@pytest.fixture(autouse=True)
def _own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("HOLDFAST_URL", raising=False)


@pytest.fixture
def url(settings: Settings) -> Iterator[str]:
    ensure_key_pair(settings.secrets_dir)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(create_app(settings), log_config=None, lifespan="on"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    account = {"email": EMAIL, "password": PASSWORD}
    assert requests.post(f"{url}/api/auth/sign-up", json=account, timeout=30).status_code == 202
    with Client(url) as opened:
        opened.sign_in(EMAIL, PASSWORD)
        yield opened


def test_one_sign_in_lasts_over_many_commands(client: Client) -> None:
    assert client.get("/api/me")["email"] == EMAIL
    with Client(client.base_url) as later:
        assert later.get("/api/me")["email"] == EMAIL
    assert credentials_path().stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in credentials_path().read_text()


def test_a_spent_access_token_is_renewed_and_the_new_tokens_are_kept(client: Client) -> None:
    saved = json.loads(credentials_path().read_text())
    credentials_path().write_text(json.dumps({**saved, "access": "spent"}))
    with Client(client.base_url) as later:
        assert later.get("/api/me")["email"] == EMAIL
    renewed = json.loads(credentials_path().read_text())
    assert renewed["access"] != "spent"
    assert renewed["refresh"] != saved["refresh"]


def test_after_signing_out_it_says_how_to_sign_in(client: Client) -> None:
    client.sign_out()
    assert not credentials_path().exists()
    with pytest.raises(NotSignedIn) as refused, Client(client.base_url) as later:
        later.get("/api/me")
    assert "holdfast sign-in" in refused.value.advice


def test_tokens_are_never_sent_to_another_address(client: Client) -> None:
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as stranger:

        def answer() -> None:
            connection, _ = stranger.accept()
            heard.append(connection.recv(65536))
            connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        other = f"http://127.0.0.1:{stranger.getsockname()[1]}"
        with pytest.raises(HoldfastError), Client(other) as elsewhere:
            elsewhere.get("/api/me")
        thread.join(5)
    assert heard
    assert b"authorization" not in heard[0].lower()
    assert b"hf_refresh" not in heard[0]


def test_a_refusal_keeps_its_own_words(client: Client) -> None:
    with pytest.raises(HoldfastError) as refused:
        client.get("/api/positions/00000000-0000-0000-0000-000000000000")
    assert refused.value.status == 404
    assert refused.value.code == "not-found"
    with pytest.raises(HoldfastError) as invalid:
        client.post("/api/previews", {"nonsense": True})
    assert invalid.value.status == 422
    assert invalid.value.extra["problem"]["fields"]


def test_every_page_of_a_list_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []

    def get(_: Client, path: str, *, cursor: str | None, **query: Any) -> Any:
        asked.append(cursor)
        return {"items": [{"id": len(asked)}], "next_cursor": None if cursor else "more"}

    monkeypatch.setattr(Client, "get", get)
    with Client("http://127.0.0.1:1") as client:
        assert [each["id"] for each in client.pages("/api/positions", state="open")] == [1, 2]
    assert asked == [None, "more"]


def test_nobody_there_is_told_with_what_to_do() -> None:
    with pytest.raises(Unavailable) as refused, Client("http://127.0.0.1:1") as client:
        client.get("/api/me")
    assert "make up" in refused.value.advice
