"""No secret can be read from a log line, however it got there."""

import json
import logging
from typing import Any

import pytest
import structlog

from holdfast.platform.settings import Settings
from holdfast.platform.telemetry import clean_text, configure_logging, redact

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl"


@pytest.mark.parametrize(
    "name", ["password", "api_secret", "apiKey", "X-BAPI-SIGN", "Authorization", "refresh_token"]
)
def test_values_under_secret_names_go(name: str) -> None:
    assert "hunter2" not in str(redact(None, "info", {"event": "x", name: "hunter2"}))
    assert "hunter2" not in str(redact(None, "info", {"event": "x", "deep": {"er": [{name: "hunter2"}]}}))


@pytest.mark.parametrize(
    "text",
    [
        "GET failed: postgresql://holdfast:hunter2@127.0.0.1/holdfast",
        "redis://:hunter2@127.0.0.1:6379/0",
        "api_secret=hunter2&symbol=BTCUSDT",
        '{"apiSecret": "hunter2", "x": 1}',
        "headers {'X-BAPI-SIGN': 'hunter2'}",
        "Authorization: Bearer hunter2",
    ],
)
def test_secrets_inside_texts_go(text: str) -> None:
    assert "hunter2" not in clean_text(text)


def test_tokens_go_and_plain_words_stay() -> None:
    assert JWT not in clean_text(f"refused {JWT} at once")
    assert clean_text("BTCUSDT buy 0.5 at 64000.1") == "BTCUSDT buy 0.5 at 64000.1"


def test_a_traceback_is_cleaned_too(capsys: pytest.CaptureFixture[str]) -> None:
    before = logging.getLogger().handlers[:], logging.getLogger().level
    try:
        configure_logging(Settings(log_format="json"), "test")
        try:
            raise RuntimeError("cannot reach postgresql://holdfast:hunter2@127.0.0.1/x")
        except RuntimeError:
            structlog.get_logger("a").exception("failed", api_key="hunter2")
            logging.getLogger("library").exception("it says token=hunter2")
        lines: list[dict[str, Any]] = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        logging.getLogger().handlers, logging.getLogger().level = before
        structlog.reset_defaults()
    assert len(lines) == 2
    assert "hunter2" not in json.dumps(lines)
    assert all("RuntimeError" in line["exception"] and line["process"] == "test" for line in lines)
