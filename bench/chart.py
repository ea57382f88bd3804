"""The chart in a real browser: first paint, pan, zoom-out, 50 ticks a second and memory, at 5,000, 100,000
and 1,000,000 bars of history, beside plain lightweight-charts holding the same bars in the same browser.

CPU is time of the page's main thread (CDP, thread ticks), which neighbours on the machine disturb little;
first paint is wall time. Needs ``npm --prefix web run build`` and a Chromium. Software
rendering: compare ratios.
"""

import asyncio
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from aiohttp import WSMsgType, web
from playwright.async_api import CDPSession, Page, async_playwright

from holdfast.core.timeframes import Timeframe
from holdfast.market.candles import columns

WEB: Final = Path(__file__).parent.parent / "web"
DIST: Final = Path(os.environ.get("HOLDFAST_WEB_DIST", WEB / "dist"))
LIBRARY: Final = WEB / "node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js"
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
SIZES: Final = {"5k": 5_000, "100k": 100_000, "1M": 1_000_000}


@dataclass
class Figures:
    first_paint: float
    pan: float
    zoom: float
    stream: float
    wide: float
    heap: float


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
        "until": END + step if until >= END else until,
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
    topics: set[str] = set()

    async def tick() -> None:
        count = 0
        while True:
            await asyncio.sleep(1 / TICKS_A_SECOND)
            at, share = END + count // TICKS_A_SECOND * MINUTE, count % TICKS_A_SECOND + 1
            for topic in topics:
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
            count += 1

    task = asyncio.create_task(tick())
    await socket.send_str('{"op":"ready"}')
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            asked = orjson.loads(message.data)
            topics.update(name for name in asked.get("topics", []) if name.startswith("candles:"))
    task.cancel()
    return socket


async def system(_: web.Request) -> web.Response:
    return web.json_response(
        {"mode": "live", "simulated": False, "version": "", "started_at": "2026-01-01T00:00:00Z"}
    )


async def page_of_app(request: web.Request) -> web.StreamResponse:
    asked = DIST / request.path.lstrip("/")
    return web.FileResponse(asked if asked.is_file() else DIST / "index.html")


PLAIN: Final = """<!doctype html><body style="margin:0"><div id="box" style="width:1056px;height:690px"></div>
<script src="/library.js"></script><script>
function rows(data) {
  return data.time.map((time, i) =>
    ({ time, open: data.open[i], high: data.high[i], low: data.low[i], close: data.close[i] }))
}
window.begin = async (count) => {
  const data = await (await fetch('/plain-bars?count=' + count)).json()
  const began = performance.now()
  const chart = LightweightCharts.createChart(box, { autoSize: true, timeScale: { minBarSpacing: 0.0005 } })
  const series = chart.addSeries(LightweightCharts.CandlestickSeries)
  series.setData(rows(data))
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/api/stream')
  window.listen = () => {
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data)
      if (!frame.data) return
      const [time, open, high, low, close] = frame.data.bars[0]
      series.update({ time, open, high, low, close })
    }
    socket.send(JSON.stringify({ op: 'subscribe', topics: ['candles:bybit:5k:1m'] }))
  }
  return performance.now() - began
}
</script>"""


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
    app.router.add_get("/library.js", lambda _: _file(LIBRARY))
    app.router.add_get("/{path:.*}", page_of_app)
    return app


async def _html(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/html")


async def _file(path: Path) -> web.FileResponse:
    return web.FileResponse(path)


# --- what is measured ---------------------------------------------------------------------------------------

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


async def ours(page: Page, session: CDPSession, size: str, base: str) -> Figures:
    await page.goto(f"{base}/chart/bybit/5k?tf=1m")
    await page.wait_for_selector("canvas")
    await page.goto(f"{base}/licences")
    await page.wait_for_timeout(1_000)
    empty = await heap(page, session)
    await page.evaluate("import(document.querySelector('script[type=module]').src)")
    painted = await page.evaluate(OPEN, f"/chart/bybit/{size}?tf=1m")
    await page.wait_for_timeout(1_500)
    streaming = await share(session)
    await per_frame(page, session, 0, 100, WIDE)
    await page.wait_for_timeout(1_000)
    wide = await share(session)
    pan = await per_frame(page, session, -60, 0)
    zoom = await per_frame(page, session, 0, 120)
    await page.wait_for_timeout(1_000)
    return Figures(painted, pan, zoom, streaming, wide, await heap(page, session) - empty)


async def plain(page: Page, session: CDPSession, size: str, base: str) -> Figures:
    await page.goto(f"{base}/plain")
    empty = await heap(page, session)
    painted = await page.evaluate("(count) => begin(count)", SIZES[size])
    await page.wait_for_timeout(500)
    await page.evaluate("listen()")
    await page.wait_for_timeout(500)
    streaming = await share(session)
    await per_frame(page, session, 0, 100, WIDE)
    wide = await share(session)
    pan = await per_frame(page, session, -60, 0)
    zoom = await per_frame(page, session, 0, 120)
    return Figures(painted, pan, zoom, streaming, wide, await heap(page, session) - empty)


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
        f"{'bars':>6} {'':>8} {'paint ms':>9} {'pan ms':>7} {'zoom ms':>8} "
        f"{'50/s':>6} {'wide':>6} {'heap MB':>8}"
    )
    flags = [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    async with async_playwright() as playwright:
        for size in sizes:
            for name, work in (("ours", ours), ("plain", plain)):
                browser = await playwright.chromium.launch(executable_path=chromium, args=flags)
                page = await browser.new_page(viewport={"width": 1280, "height": 800})
                page.set_default_timeout(90_000)
                session = await page.context.new_cdp_session(page)
                await session.send("Performance.enable", {"timeDomain": "threadTicks"})
                try:
                    async with asyncio.timeout(GIVE_UP):
                        show(size, name, await work(page, session, size, base))
                except TimeoutError:
                    print(f"{size:>6} {name:>8} not done in {GIVE_UP} s", flush=True)
                finally:
                    await browser.close()
    await runner.cleanup()


def show(size: str, name: str, found: Figures) -> None:
    values: dict[str, Any] = vars(found)
    print(
        f"{size:>6} {name:>8} {values['first_paint']:>9.0f} {values['pan']:>7.1f} {values['zoom']:>8.1f} "
        f"{values['stream']:>6.0%} {values['wide']:>6.0%} {values['heap']:>8.1f}",
        flush=True,
    )


def main() -> None:
    asyncio.run(measure(list(SIZES)))
