"""The chart in a real browser: first paint, pan, zoom-out, 50 ticks a second and memory, at 5,000, 100,000
and 1,000,000 bars of history, beside plain lightweight-charts and trading-vue-js (as documented, and with
rows that Vue does not observe) holding the same bars in the same browser. What takes 90 s is given up.

CPU is time of the page's main thread (CDP, thread ticks), which neighbours on the machine disturb little;
first paint is wall time. Needs ``npm --prefix web run build`` and a Chromium. Software
rendering: compare ratios.
"""

import asyncio
import os
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import orjson
from aiohttp import WSMsgType, web
from playwright.async_api import Browser, CDPSession, Page, async_playwright
from playwright.async_api import Error as PlaywrightError

from bench._rivals import PLAIN, SCRIPTS, TRADING_VUE
from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns

WEB: Final = Path(__file__).parent.parent / "web"
DIST: Final = Path(os.environ.get("HOLDFAST_WEB_DIST", WEB / "dist"))
FLAGS: Final = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--js-flags=--expose-gc",
]
MINUTE: Final = 60
END: Final = int(time.time()) // MINUTE * MINUTE + MINUTE
TICKS_A_SECOND: Final = 50
SECONDS: Final = 4
FRAMES: Final = 90
GIVE_UP: Final = 90
WIDE: Final = 17
"""Turns of the wheel from 150 visible bars to about 900."""
TICKS: Final = Counter[str]()
"""Sent so far, by topic: what nobody listens to costs nothing, and would be measured as such."""
SIZES: Final = {"5k": 5_000, "100k": 100_000, "1M": 1_000_000}


@dataclass
class Figures:
    """As far as they were taken: milliseconds a frame, shares of the main thread, megabytes."""

    first_paint: float | None = None
    stream: float | None = None
    wide: float | None = None
    pan: float | None = None
    zoom: float | None = None
    heap: float | None = None
    trouble: str = ""

    async def take(self, name: str, work: Awaitable[float]) -> None:
        """Raises ``GaveUp`` when it takes too long."""
        try:
            async with asyncio.timeout(GIVE_UP):
                setattr(self, name, await work)
        except TimeoutError:
            self.trouble = f"gave up on {name.replace('_', ' ')} after {GIVE_UP} s"
            raise GaveUp from None
        except PlaywrightError as error:
            self.trouble = f"{name.replace('_', ' ')}: {error.message.splitlines()[0][:60]}"
            raise GaveUp from None


class GaveUp(Exception):
    """Nothing more can be taken of this chart."""


# --- a server with as much history as its symbol says -------------------------------------------------------


def walk(times: np.ndarray) -> np.ndarray:
    """A price at each second: a function of time, so that every page and timeframe tells the same story."""
    minutes = times / MINUTE
    return 100 * np.exp(
        0.3 * np.sin(minutes / 90_000) + 0.05 * np.sin(minutes / 700) + 0.004 * np.sin(minutes / 3.1)
    )


def bars(start: int, until: int, step: int) -> dict[str, np.ndarray]:
    times = np.arange(start, until, step, dtype=np.float64)
    open_, close = walk(times), walk(times + step)
    return {
        "time": times,
        "open": open_,
        "high": np.maximum(open_, close) * 1.0005,
        "low": np.minimum(open_, close) * 0.9995,
        "close": close,
        "volume": (1 + np.abs(np.sin(times))).astype(np.float32),
    }


async def candles(request: web.Request) -> web.Response:
    query = request.query
    timeframe = Timeframe(query["timeframe"])
    step, limit = timeframe.seconds or 2_592_000, int(query["limit"])
    first = END - SIZES[request.match_info["symbol"]] * MINUTE
    until = min(END, int(query.get("before", END)))
    start = until - limit * step
    if "after" in query:
        start = int(query["after"]) // step * step + step
        until = min(END, start + limit * step)
    found = bars(max(-(-first // step) * step, start // step * step), until, step)
    header = {
        "series": f"bybit:{request.match_info['symbol']}",
        "timeframe": timeframe.value,
        "count": len(found["time"]),
        "price_decimals": 2,
        "volume_decimals": 2,
        "from": start,
        # What ended before now is not live: a page would wait for the bars between.
        "until": int(time.time()) + step if until >= END else until,
        "more": start > first,
        "forming": False,
        "gaps": [],
        "backfill": None,
    }
    return web.Response(body=columns.encode(header, list(found.items())), content_type=columns.MEDIA_TYPE)


async def stream(request: web.Request) -> web.WebSocketResponse:
    """Says a tick of every watched chart 50 times a second, a new bar each second."""
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    told: dict[str, int] = {}
    """Ticks of each topic; the first one of each joins the history."""

    async def tick() -> None:
        while True:
            await asyncio.sleep(1 / TICKS_A_SECOND)
            for topic, count in told.items():
                at, share = END + count // TICKS_A_SECOND * MINUTE, count % TICKS_A_SECOND + 1
                close = float(walk(np.array([at + share]))[0])
                row = [
                    at,
                    100.0,
                    max(100.0, close),
                    min(100.0, close),
                    close,
                    1.0,
                    int(share == TICKS_A_SECOND),
                ]
                data = {"series": topic[8:-3], "timeframe": "1m", "bars": [row], "at": 0}
                await socket.send_str(orjson.dumps({"topic": topic, "data": data}).decode())
                TICKS[topic] += 1
                told[topic] += 1

    task = asyncio.create_task(tick())
    await socket.send_str('{"op":"ready"}')
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            asked = orjson.loads(message.data)
            wanted = [name for name in asked.get("topics", []) if name.startswith("candles:")]
            told = {**dict.fromkeys(wanted, 0), **told}
    task.cancel()
    return socket


async def system(_: web.Request) -> web.Response:
    told = {"mode": "live", "simulated": False, "version": "", "started_at": "2026-01-01T00:00:00Z"}
    return web.json_response({**told, "stream_url": "/api/stream"})


async def page_of_app(request: web.Request) -> web.StreamResponse:
    asked = DIST / request.path.lstrip("/")
    return web.FileResponse(asked if asked.is_file() else DIST / "index.html")


async def plain_bars(request: web.Request) -> web.Response:
    found = bars(END - int(request.query["count"]) * MINUTE, END, MINUTE)
    return web.Response(body=orjson.dumps({name: values.tolist() for name, values in found.items()}))


def application() -> web.Application:
    app = web.Application()
    app.router.add_get("/api/candles/{source}/{symbol}", candles)
    app.router.add_get("/api/stream", stream)
    app.router.add_get("/api/system", system)
    app.router.add_get("/plain", lambda _: _html(PLAIN))
    app.router.add_get("/plain-bars", plain_bars)
    app.router.add_get("/trading-vue", lambda _: _html(TRADING_VUE))
    app.router.add_get("/scripts/{name}", lambda request: _file(SCRIPTS[request.match_info["name"]]))
    app.router.add_get("/{path:.*}", page_of_app)
    return app


async def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def _file(path: Path) -> web.FileResponse:
    return web.FileResponse(path)


# --- what is measured ---------------------------------------------------------------------------------------

Work = Callable[[Page, CDPSession, str, str, Figures], Awaitable[None]]
"""Takes the figures of one chart: the page, its session, how many bars, where from, into."""

# One wheel event a frame over the chart, as a reader's trackpad sends them.
WHEEL: Final = """async ([dx, dy, frames]) => {
  const area = (canvas) => canvas.width * canvas.height
  const canvas = [...document.querySelectorAll('canvas')].sort((a, b) => area(b) - area(a))[0]
  const box = canvas.getBoundingClientRect()
  for (let frame = 0; frame < frames; frame += 1) {
    const at = { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 }
    const turn = { deltaX: dx, deltaY: dy, ...at, bubbles: true, cancelable: true }
    canvas.dispatchEvent(new WheelEvent('wheel', turn))
    await new Promise(requestAnimationFrame)
  }
}"""

# From the click on a link to bars on the screen; the code is loaded already.
OPEN: Final = """async (path) => {
  const began = performance.now()
  history.pushState({}, '', path)
  dispatchEvent(new PopStateEvent('popstate'))
  while (!document.querySelector('canvas') || document.querySelector('[aria-label="Loading bars"]')
         || !document.body.innerText.includes('Bybit perpetual')) await new Promise(requestAnimationFrame)
  await new Promise(requestAnimationFrame)
  return performance.now() - began
}"""


async def cpu(session: CDPSession) -> float:
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "TaskDuration")


async def per_frame(page: Page, session: CDPSession, dx: int, dy: int, frames: int = FRAMES) -> float:
    before = await cpu(session)
    await page.evaluate(WHEEL, [dx, dy, frames])
    return (await cpu(session) - before) / frames * 1000


async def share(session: CDPSession) -> float:
    before = await cpu(session)
    await asyncio.sleep(SECONDS)
    return (await cpu(session) - before) / SECONDS


async def heap(page: Page, session: CDPSession) -> float:
    await page.evaluate("gc(), gc()")
    metrics = (await session.send("Performance.getMetrics"))["metrics"]
    return next(float(one["value"]) for one in metrics if one["name"] == "JSHeapUsedSize") / 1e6


async def ours(page: Page, session: CDPSession, size: str, base: str, found: Figures) -> None:
    await page.goto(f"{base}/chart/bybit/5k?tf=1m")
    await page.wait_for_selector("canvas")
    await page.goto(f"{base}/licences")
    await page.wait_for_timeout(1_000)
    empty = await heap(page, session)
    await page.evaluate("import(document.querySelector('script[type=module]').src)")
    await found.take("first_paint", page.evaluate(OPEN, f"/chart/bybit/{size}?tf=1m"))
    await page.wait_for_timeout(1_500)
    await found.take("stream", share(session))
    if TICKS[f"candles:bybit:{size}:1m"] < TICKS_A_SECOND:
        found.stream, found.trouble = None, "the page did not listen"
        return
    await per_frame(page, session, 0, 100, WIDE)
    await page.wait_for_timeout(1_000)
    await found.take("wide", share(session))
    await found.take("pan", per_frame(page, session, -60, 0))
    await found.take("zoom", per_frame(page, session, 0, 120))
    await page.wait_for_timeout(1_000)
    found.heap = await heap(page, session) - empty


async def plain(page: Page, session: CDPSession, size: str, base: str, found: Figures) -> None:
    await page.goto(f"{base}/plain")
    empty = await heap(page, session)
    await page.evaluate("(count) => load(count)", SIZES[size])
    await found.take("first_paint", page.evaluate("begin()"))
    await page.wait_for_timeout(500)
    await page.evaluate("listen()")
    await page.wait_for_timeout(500)
    await found.take("stream", share(session))
    await per_frame(page, session, 0, 100, WIDE)
    await found.take("wide", share(session))
    await found.take("pan", per_frame(page, session, -60, 0))
    await found.take("zoom", per_frame(page, session, 0, 120))
    found.heap = await heap(page, session) - empty


def trading_vue(*, frozen: bool) -> Work:
    async def work(page: Page, session: CDPSession, size: str, base: str, found: Figures) -> None:
        async def frames(script: str, argument: int) -> float:
            before = await cpu(session)
            await page.evaluate(script, [FRAMES, argument])
            return (await cpu(session) - before) / FRAMES * 1000

        await page.goto(f"{base}/trading-vue")
        empty = await heap(page, session)
        await page.evaluate("(count) => load(count)", SIZES[size])
        await found.take("first_paint", page.evaluate("(frozen) => begin(frozen)", frozen))
        await found.take("stream", still(page, session, 150))
        await found.take("wide", still(page, session, 900))
        await found.take("pan", frames("([frames, bars]) => pan(frames, bars)", 60))
        await found.take("zoom", frames("([frames, all]) => zoomOut(frames, all)", SIZES[size]))
        if failures := await page.evaluate("failures"):
            found.zoom, found.trouble = None, f"zooming out: {failures[0]}"
            return
        found.heap = await heap(page, session) - empty

    return work


async def still(page: Page, session: CDPSession, visible: int) -> float:
    """The share of the main thread that ticks take while so many bars are seen."""
    await page.evaluate("(count) => show(count)", visible)
    await page.evaluate("listen()")
    await page.wait_for_timeout(1_000)
    return await share(session)


def charts(wanted: str) -> dict[str, Work]:
    """Ours and the others, as far as they are installed and, with commas between, ``wanted`` (all, if "")."""
    found: dict[str, Work] = {"ours": ours, "plain": plain}
    if all(path.is_file() for path in SCRIPTS.values()):
        found["tv"] = trading_vue(frozen=False)
        found["tv frozen"] = trading_vue(frozen=True)
    else:
        print("trading-vue-js is not installed (npm --prefix bench ci): it is left out")
    return {name: work for name, work in found.items() if not wanted or name in wanted.split(",")}


async def measure(sizes: list[str]) -> None:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium or not (DIST / "index.html").is_file():
        raise RuntimeError("this needs a Chromium and the built web app (npm --prefix web run build)")
    runner = web.AppRunner(application())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = f"http://127.0.0.1:{runner.addresses[0][1]}"
    print(
        f"{'bars':>6} {'':>10} {'paint ms':>9} {'pan ms':>7} {'zoom ms':>8} "
        f"{'50/s':>6} {'wide':>6} {'heap MB':>8}"
    )
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        for size in sizes:
            for name, work in charts(os.environ.get("CHART_NAMES", "")).items():
                browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
                show(size, name, await one(browser, work, size, base))
                await browser.close()
    await runner.cleanup()


async def one(browser: Browser, work: Work, size: str, base: str) -> Figures:
    page = await browser.new_page(viewport={"width": 1280, "height": 800})
    page.set_default_timeout(GIVE_UP * 1000)
    session = await page.context.new_cdp_session(page)
    await session.send("Performance.enable", {"timeDomain": "threadTicks"})
    found = Figures()
    try:
        async with asyncio.timeout(6 * GIVE_UP):
            await work(page, session, size, base, found)
    except GaveUp:
        pass
    except (TimeoutError, PlaywrightError) as error:
        found.trouble = found.trouble or f"no answer any more: {type(error).__name__}"
    return found


def show(size: str, name: str, found: Figures) -> None:
    def shown(value: float | None, form: str) -> str:
        return format("–" if value is None else format(value, form), ">8")

    print(
        f"{size:>6} {name:>10} {shown(found.first_paint, '.0f')}{shown(found.pan, '.1f')}"
        f"{shown(found.zoom, '.1f')} {shown(found.stream, '.0%')}{shown(found.wide, '.0%')}"
        f" {shown(found.heap, '.1f')}  {found.trouble}".rstrip(),
        flush=True,
    )


def main() -> None:
    asyncio.run(measure(os.environ.get("CHART_SIZES", ",".join(SIZES)).split(",")))
