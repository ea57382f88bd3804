"""What docs/scripts.md says is so."""

import re
from pathlib import Path

import pytest
from tests.scripts.language.helpers import good

from holdfast.scripts.jail.limits import LIMITS
from holdfast.scripts.language import frame, modules, run
from holdfast.scripts.language import output as out
from holdfast.scripts.language.library import FUNCTIONS
from holdfast.scripts.language.reference import REFERENCE
from holdfast.scripts.ta.catalogue import LONGEST

TEXT = Path("docs/scripts.md").read_text()


@pytest.mark.parametrize("source", re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL))
def test_what_is_shown_runs(source: str) -> None:
    good(source)


def test_every_name_is_told() -> None:
    table = TEXT.split("## ta and numpy")[1].split("`ta.hold(buy")[0]
    rows = re.findall(r"^\| \w+ \| `([a-z_0-9 ]+)` \|$", table, re.MULTILINE)
    assert sorted(name for row in rows for name in row.split()) == sorted(FUNCTIONS)
    for entry in REFERENCE:
        if entry["kind"] == "function" and not entry["name"].startswith("ta."):
            assert f"`{entry['name']}(" in TEXT
    assert f"May be imported: {', '.join(modules.ALLOWED)}." in TEXT
    assert f"The colours are {', '.join(out.COLOURS[:-1])} and {out.COLOURS[-1]};" in TEXT


def test_the_limits_are_those_there_are() -> None:
    for row in (
        f"| a script | {run.MOST_SOURCE // 2**10} KiB |",
        f"| plots; inputs; levels, markers, alerts | {out.MOST_PLOTS}; {out.MOST_INPUTS}; {out.MOST_LINES} ",
        f"| labels; messages and helps | {out.LONGEST_NAME}; {out.LONGEST_TEXT} characters |",
        f"| logs | {out.MOST_LOGS} lines of {out.LONGEST_LOG} characters |",
        f"| lengths in `ta` | {LONGEST} bars |",
        f"| one result | {frame.MOST_BYTES // 2**20} MiB |",
    ):
        assert row in TEXT
    assert out.MOST_LINES == out.MOST_MARKERS == out.MOST_ALERTS
    editor, live, backtest = (LIMITS[purpose].cpu for purpose in ("editor", "live", "backtest"))
    work = (
        f"{editor} seconds of processor time in the editor and on a chart, {live} for a closed bar on paper"
    )
    assert f"{work}, {backtest} in a back-test" in TEXT
    assert LIMITS["chart"].cpu == LIMITS["editor"].cpu
    assert [LIMITS[one].memory / 2**20 for one in ("editor", "backtest")] == [768, 1536]
