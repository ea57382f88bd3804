"""What every command of ``holdfast`` has in common."""

import subprocess
import sys

import pytest

WARNS = """
import structlog, sys
from holdfast.app.cli import main as cli

@cli.app.command()
def warn() -> None:
    structlog.get_logger().warning("late", api_key="hunter2")
    cli.print_json({"said": True})

sys.argv = ["holdfast", "warn"]
cli.main()
"""


def test_settings_that_make_no_sense_stop_no_command_that_needs_none() -> None:
    command = [sys.executable, "-m", "holdfast.app.cli.main"]
    wrong = {"HOLDFAST_LOG_LEVEL": "chatty"}
    version = subprocess.run([*command, "version"], env=wrong, capture_output=True, text=True, timeout=60)
    assert (version.returncode, version.stderr) == (0, "")
    scheduler = subprocess.run([*command, "scheduler"], env=wrong, capture_output=True, text=True, timeout=60)
    assert scheduler.returncode == 1
    assert "HOLDFAST_LOG_LEVEL" in scheduler.stderr
    assert "DEBUG, INFO, WARNING or ERROR" in scheduler.stderr


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_warning_stands_beside_the_answer_without_its_secrets(log_format: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WARNS],
        env={"HOLDFAST_LOG_FORMAT": log_format},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.stdout.split() == ["{", '"said":', "true", "}"], ended.stderr
    assert "late" in ended.stderr
    assert "hunter2" not in ended.stderr
