"""Back-tests whose scripts run in the real jail."""

import pytest
from tests.backtest.conftest import Desk, Headers, csv_of, ups_and_downs, wanted
from tests.scripts.local import LOOKS_AHEAD

from holdfast.backtest import tasks
from holdfast.scripts.library import examples
from holdfast.scripts.sandbox import Sandbox

pytestmark = pytest.mark.timeout(300)  # scripts stand back where the machine is busy
ENDLESS = 'script("Endless")\nx = 1\nwhile x:\n    x += 1\n'


@pytest.fixture(autouse=True)
def jailed(desk: Desk, sandbox: Sandbox) -> None:
    desk.worker.use(tasks.RUNNER, sandbox)


async def test_every_example_is_back_tested_on_own_data(desk: Desk, owner: Headers) -> None:
    made = await desk.dataset(owner, csv_of(ups_and_downs(3000)), name="Walk")
    for example in examples():
        script = await desk.script(owner, example.source, example.name)
        told = await desk.done(owner, wanted(script, made["series"], allow_short=True))
        assert (told["state"], told["error"], told["bars"]) == ("done", None, 3000), example.name
        kinds = {warning["kind"] for warning in told["warnings"]}
        assert not kinds & {"look-ahead", "repaint"}, (example.name, told["warnings"])


async def test_the_jail_and_this_process_give_the_same(desk: Desk, owner: Headers) -> None:
    made = await desk.dataset(owner, csv_of(ups_and_downs(2000)), name="Walk")
    body = wanted(await desk.script(owner), made["series"])
    jailed = await desk.done(owner, body)
    desk.worker.use(tasks.RUNNER, desk.worker.scripts)
    here = await desk.done(owner, body)
    assert jailed["figures"] == here["figures"]
    assert jailed["figures"]["trades"] > 50


async def test_looking_ahead_is_found_in_the_jail(desk: Desk, owner: Headers, own: str) -> None:
    told = await desk.done(owner, wanted(await desk.script(owner, LOOKS_AHEAD), own))
    assert told["warnings"][0]["kind"] == "look-ahead"


async def test_what_never_ends_is_ended(desk: Desk, owner: Headers, own: str) -> None:
    told = await desk.done(owner, wanted(await desk.script(owner, ENDLESS), own))
    assert (told["state"], told["error"]["kind"]) == ("failed", "limit")
