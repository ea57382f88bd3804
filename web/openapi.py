"""Writes openapi.json, from which the typed client is generated: ``python web/openapi.py [--check]``."""

import json
import sys
from pathlib import Path

from pydantic.json_schema import models_json_schema

from holdfast.app.api import create_app
from holdfast.app.orders import OrdersTick
from holdfast.execution.incidents.schemas import IncidentsTick
from holdfast.execution.risk.schemas import StopsTick
from holdfast.indices.schemas import LevelTick
from holdfast.platform.schemas import Problem
from holdfast.platform.settings import Settings
from holdfast.portfolio.schemas import PositionDetailTick, PositionTick

TARGET = Path(__file__).with_name("openapi.json")
BESIDES = (Problem, LevelTick, PositionTick, PositionDetailTick, IncidentsTick, StopsTick, OrdersTick)
"""Shapes the page meets that no route declares: refusals, and the frames of the stream."""


def current() -> str:
    """The API's own description, with stable order, so that a difference is a real one."""
    api = create_app(Settings()).openapi()
    _, besides = models_json_schema(
        [(model, "serialization") for model in BESIDES], ref_template="#/components/schemas/{model}"
    )
    api["components"]["schemas"] = besides["$defs"] | api["components"]["schemas"]
    return json.dumps(api, indent=1, sort_keys=True) + "\n"


def main() -> int:
    text = current()
    if "--check" not in sys.argv:
        TARGET.write_text(text)
        return 0
    if TARGET.read_text() == text:
        return 0
    print("web/openapi.json is out of date: run `python web/openapi.py`, then `npm run api:types` in web/.")
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
