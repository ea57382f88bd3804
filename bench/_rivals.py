"""Pages with other charts, told the same bars and ticks as ours: lightweight-charts and trading-vue-js."""

from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
MODULES: Final = HERE / "node_modules"
SCRIPTS: Final = {
    "lightweight-charts.js": HERE.parent
    / "web/node_modules/lightweight-charts/dist/lightweight-charts.standalone.production.js",
    "vue.js": MODULES / "vue/dist/vue.min.js",
    "trading-vue.js": MODULES / "trading-vue-js/dist/trading-vue.min.js",
}

_LISTEN: Final = """
function listenTo(heard) {
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/api/stream')
  const opened = new Promise((done) => { socket.onopen = done })
  window.listen = async () => {
    await opened
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data)
      if (frame.data) heard(frame.data.bars[0])
    }
    socket.send(JSON.stringify({ op: 'subscribe', topics: ['candles:bybit:5k:1m'] }))
  }
}
const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
"""

PLAIN: Final = f"""<!doctype html><body style="margin:0">
<div id="box" style="width:1056px;height:690px"></div>
<script src="/scripts/lightweight-charts.js"></script><script>{_LISTEN}
function rows(data) {{
  return data.time.map((time, i) =>
    ({{ time, open: data.open[i], high: data.high[i], low: data.low[i], close: data.close[i] }}))
}}
window.load = async (count) => {{ window.bars = await (await fetch('/plain-bars?count=' + count)).json() }}
window.begin = async () => {{
  const began = performance.now()
  const timeScale = {{ minBarSpacing: 0.0005 }}
  const chart = LightweightCharts.createChart(box, {{ autoSize: true, timeScale }})
  const series = chart.addSeries(LightweightCharts.CandlestickSeries)
  series.setData(rows(bars))
  await painted()
  listenTo(([time, open, high, low, close]) => series.update({{ time, open, high, low, close }}))
  window.bars = null
  return performance.now() - began
}}
</script>"""

# Its wheel zooms by its own steps and not beyond 1,000 bars: so it is moved by program, a step a frame as far
# as the wheel moves the others, and its bound is lifted. ``frozen``: rows that Vue is told not to observe.
TRADING_VUE: Final = f"""<!doctype html><body style="margin:0"><div id="box"></div>
<script src="/scripts/vue.js"></script><script src="/scripts/trading-vue.js"></script><script>{_LISTEN}
window.failures = []
addEventListener('error', (event) => failures.push(event.message))
Vue.config.errorHandler = (error) => failures.push(String(error))
window.load = async (count) => {{ window.bars = await (await fetch('/plain-bars?count=' + count)).json() }}
window.begin = async (frozen) => {{
  const began = performance.now()
  const rows = bars.time.map((time, i) =>
    [time * 1000, bars.open[i], bars.high[i], bars.low[i], bars.close[i], bars.volume[i]])
  if (frozen) rows.forEach(Object.freeze)
  const {{ TradingVue, DataCube }} = TradingVueLib
  const app = new Vue({{
    el: '#box',
    components: {{ TradingVue }},
    data: () => ({{ cube: new DataCube({{ ohlcv: rows }}) }}),
    template: `<trading-vue :data="cube" :width="1056" :height="690" ref="chart"
                 :chart-config="{{ MAX_ZOOM: 1e7, DEFAULT_LEN: 150 }}" />`,
  }})
  await painted()
  listenTo(([time, ...numbers]) => app.cube.update({{ candle: [time * 1000, ...numbers.slice(0, 5)] }}))
  window.bars = null
  const minute = 60_000, first = rows[0][0]
  window.show = (count, back = 0) => {{
    const last = rows[rows.length - 1][0] - back * minute
    app.$refs.chart.setRange(Math.max(first, last - count * minute), Math.max(last, first + count * minute))
  }}
  return performance.now() - began
}}
const aFrame = () => new Promise(requestAnimationFrame)
window.pan = async (frames, bars) => {{
  for (let frame = 1; frame <= frames; frame += 1) {{ show(900, frame * bars); await aFrame() }}
}}
window.zoomOut = async (frames, all) => {{
  for (let frame = 1; frame <= frames; frame += 1) {{
    show(Math.min(all, 900 * 1.1 ** frame))
    await aFrame()
    if (failures.length) return
  }}
}}
</script>"""
