"""The page's typed client is generated from web/openapi.json: it must say what the API says."""

import runpy
from pathlib import Path


def test_the_committed_description_is_the_apis_own() -> None:
    script = Path(__file__).parents[2] / "web" / "openapi.py"
    module = runpy.run_path(str(script))
    assert module["TARGET"].read_text() == module["current"](), (
        "run `python web/openapi.py && npm --prefix web run api:types`"
    )
