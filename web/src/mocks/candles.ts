import { http, HttpResponse } from 'msw'

import type { Gap } from '@/features/chart/data/columns'
import type { TickFrame, TickRow } from '@/features/chart/data/tickStore'
import type { Timeframe } from '@/features/chart/data/timeframes'
import { nextOpening, secondsOf } from '@/features/chart/data/timeframes'

import { problem } from './answers'

/** Bars of the mocked world: a price that is a function of time, so that every timeframe tells the same story. */
const LISTED = Date.UTC(2019, 0, 1) / 1000
const BASES: Record<string, number> = { BTCUSDT: 97_000, ETHUSDT: 3_400, SOLUSDT: 241, 'btc-d': 57.1 }
const OUTAGE: Gap = { from: Date.UTC(2026, 10, 20, 3) / 1000, until: Date.UTC(2026, 10, 20, 7) / 1000, reason: 'exchange_down' } // prettier-ignore

const WAVES: [period: number, size: number][] = [
  [31_536_000, 0.5],
  [5_184_000, 0.22],
  [604_800, 0.06],
  [86_400, 0.022],
  [14_400, 0.009],
  [1_800, 0.003],
  [240, 0.0012],
  [37, 0.0006],
]

const noise = (seed: number) => {
  const value = Math.sin(seed * 12.9898) * 43_758.5453
  return value - Math.floor(value) - 0.5
}

/** Smooth noise with one knot a period. */
function wave(time: number, period: number, seed: number): number {
  const place = time / period
  const knot = Math.floor(place)
  const share = (place - knot) ** 2 * (3 - 2 * (place - knot))
  return noise(knot + seed) * (1 - share) + noise(knot + 1 + seed) * share
}

export function priceAt(symbol: string, time: number): number {
  const seed = symbol.length * 17 + (symbol.codePointAt(0) ?? 0)
  const log = WAVES.reduce((sum, [period, size], index) => sum + size * wave(time, period, seed + index * 101), 0)
  return (BASES[symbol] ?? 42) * Math.exp(log)
}

const decimalsOf = (symbol: string) => ((BASES[symbol] ?? 42) > 1_000 ? 2 : 4)

function openingOf(time: number, timeframe: Timeframe): number {
  const at = new Date(time * 1000)
  if (timeframe === '1M') return Date.UTC(at.getUTCFullYear(), at.getUTCMonth()) / 1000
  const pace = secondsOf(timeframe)
  const monday = timeframe === '1w' ? 4 * 86_400 : 0
  return Math.floor((time - monday) / pace) * pace + monday
}

function barAt(symbol: string, time: number, end: number): number[] {
  const samples = Array.from({ length: 9 }, (_, index) => priceAt(symbol, time + ((end - time) * index) / 8))
  const round = (value: number) => Math.round(value * 10 ** decimalsOf(symbol)) / 10 ** decimalsOf(symbol)
  const volume = (0.3 + Math.abs(wave(time, 7_200, 5)) + Math.abs(noise(time / 60))) * ((end - time) / 60) * 12
  const [open = 0, close = 0] = [samples[0], samples.at(-1)]
  return [time, round(open), round(Math.max(...samples)), round(Math.min(...samples)), round(close), volume]
}

const inOutage = (time: number) => time >= OUTAGE.from && time < OUTAGE.until

/** The bars that open within [from, until), oldest first, the forming one as far as it has come. */
function bars(symbol: string, timeframe: Timeframe, from: number, until: number): number[][] {
  const now = Date.now() / 1000
  const rows: number[][] = []
  for (let time = openingOf(from, timeframe); time < until && time <= now; time = nextOpening(time, timeframe)) {
    const kept = time >= from && time >= LISTED && (secondsOf(timeframe) > 14_400 || !inOutage(time))
    if (kept) rows.push(barAt(symbol, time, Math.min(nextOpening(time, timeframe), now)))
  }
  return rows
}

export function encode(rows: number[][], header: Record<string, unknown>, names: string[]): ArrayBuffer {
  const count = rows.length
  const types = names.map((name) => (name === 'volume' ? 'f32' : 'f64'))
  const text = () => {
    let offset = 0
    const columns = names.map((name, index) => {
      const column = { name, type: types[index], offset }
      offset += Math.ceil((count * (types[index] === 'f64' ? 8 : 4)) / 8) * 8
      return column
    })
    return JSON.stringify({ ...header, count, columns })
  }
  const start = Math.ceil((text().length + 8) / 8) * 8
  const body = new ArrayBuffer(
    start + 8 * types.reduce((sum, type) => sum + Math.ceil(type === 'f64' ? count : count / 2), 0),
  )
  new Uint8Array(body).set(new TextEncoder().encode('HFC1'))
  new DataView(body).setUint32(4, start - 8, true)
  new Uint8Array(body, 8).set(new TextEncoder().encode(text().padEnd(start - 8)))
  let offset = start
  names.forEach((_, column) => {
    const View = types[column] === 'f64' ? Float64Array : Float32Array
    new View(body, offset, count).set(rows.map((row) => row[column] ?? NaN))
    offset += Math.ceil((count * View.BYTES_PER_ELEMENT) / 8) * 8
  })
  return body
}

export const COLUMNS_TYPE = 'application/vnd.holdfast.columns'
const NAMES = ['time', 'open', 'high', 'low', 'close', 'volume']

/** The bars of a span of `limit` bars, as the server cuts it: fewer where nothing was traded. */
export function pageOf(symbol: string, timeframe: Timeframe, query: URLSearchParams) {
  const limit = Math.min(2_000, Number(query.get('limit') ?? 500))
  const [before, after] = [query.get('before'), query.get('after')]
  const now = Date.now() / 1000
  const latest = nextOpening(openingOf(now, timeframe), timeframe)
  const span = limit * secondsOf(timeframe)
  const start = nextOpening(openingOf(Number(after), timeframe), timeframe)
  const asked = before === null ? latest : nextOpening(openingOf(Number(before) - 1, timeframe), timeframe)
  const until = Math.min(latest, after === null ? asked : start + span)
  const from = after === null ? openingOf(until - span, timeframe) : start
  const rows = bars(symbol, timeframe, from, until)
  return { rows, from, until, more: from > LISTED, forming: nextOpening(rows.at(-1)?.[0] ?? 0, timeframe) > now }
}

export const candleHandlers = [
  http.get('/api/candles/:source/:symbol', ({ params, request }) => {
    const [source, symbol] = [String(params['source']), String(params['symbol'])]
    const query = new URL(request.url).searchParams
    const timeframe = query.get('timeframe') as Timeframe
    if (symbol === 'NOSUCH') return problem(404, 'not-found', 'No market has this symbol.', 'Search for another one.')
    const { rows, ...page } = pageOf(symbol, timeframe, query)
    const [first = 0, last = 0] = [rows[0]?.[0], rows.at(-1)?.[0]]
    const header = {
      series: `${source}:${symbol}`,
      timeframe,
      price_decimals: decimalsOf(symbol),
      volume_decimals: 3,
      ...page,
      gaps: OUTAGE.from >= first && OUTAGE.until <= last ? [OUTAGE] : [],
      backfill: null,
    }
    return new HttpResponse(encode(rows, header, NAMES), { headers: { 'Content-Type': COLUMNS_TYPE } })
  }),
]

/** What the hub says of a topic `candles:<source>:<symbol>:<timeframe>` now. */
export function candleFrame(topic: string): TickFrame {
  const [, source = '', symbol = '', timeframe = '1m'] = topic.split(':')
  const now = Date.now() / 1000
  const rows = bars(symbol, timeframe as Timeframe, now - 3 * secondsOf(timeframe as Timeframe), now).slice(-2)
  const tail = rows.map((row, index) => [...row, index < rows.length - 1 ? 1 : 0] as unknown as TickRow)
  return { series: `${source}:${symbol}`, timeframe, bars: tail, at: Date.now() }
}
