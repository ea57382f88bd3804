import { http, HttpResponse } from 'msw'

import type { Indicator } from '@/features/chart/data/catalogue'
import type { SymbolView } from '@/features/chart/data/symbols'
import type { Timeframe } from '@/features/chart/data/timeframes'

import { COLUMNS_TYPE, encode, pageOf } from './candles'

const length = (value: number) => ({ name: 'length', label: 'Length', kind: 'int' as const, default: value, min: 1, max: 500, options: null }) // prettier-ignore
const plot = (id: string, colour: number, rest: Partial<Indicator['plots'][number]> = {}) => ({
  id,
  label: id,
  kind: 'line' as const,
  pane: 'price' as const,
  colour,
  band_with: null,
  ...rest,
})

export const INDICATORS: Indicator[] = [
  {
    id: 'sma',
    name: 'Simple moving average',
    group: 'Trend',
    about: 'The mean of the last closes.',
    inputs: [length(20)],
    plots: [plot('sma', 1)],
    levels: [],
  },
  {
    id: 'bbands',
    name: 'Bollinger bands',
    group: 'Volatility',
    about: 'A moving average and bands at a number of standard deviations.',
    inputs: [
      length(20),
      { name: 'width', label: 'Deviations', kind: 'float', default: 2, min: 0.1, max: 10, options: null },
    ],
    plots: [plot('middle', 6), plot('lower', 2), plot('upper', 2, { kind: 'band', band_with: 'lower' })],
    levels: [],
  },
  {
    id: 'rsi',
    name: 'Relative strength index',
    group: 'Momentum',
    about: 'How much of recent moves went up, from 0 to 100.',
    inputs: [length(14)],
    plots: [plot('rsi', 1, { pane: 'own' })],
    levels: [30, 70],
  },
  {
    id: 'momentum',
    name: 'Momentum',
    group: 'Momentum',
    about: 'The close against the close some bars ago.',
    inputs: [length(10)],
    plots: [plot('momentum', 3, { kind: 'histogram', pane: 'own' })],
    levels: [],
  },
]

function compute(id: string, closes: number[], inputs: URLSearchParams): number[][] {
  const size = Number(inputs.get('length') ?? 20)
  const back = (index: number) => closes.slice(index - size + 1, index + 1)
  const mean = (list: number[]) => list.reduce((sum, value) => sum + value, 0) / list.length
  const average = closes.map((_, index) => (index < size - 1 ? NaN : mean(back(index))))
  if (id === 'sma') return [average]
  if (id === 'momentum') return [closes.map((close, index) => close - (closes[index - size] ?? NaN))]
  if (id === 'rsi') {
    const moves = closes.map((close, index) => close - (closes[index - 1] ?? close))
    return [
      closes.map((_, index) => {
        if (index < size) return NaN
        const recent = moves.slice(index - size + 1, index + 1)
        const up = recent.reduce((sum, move) => sum + Math.max(0, move), 0)
        return (100 * up) / (recent.reduce((sum, move) => sum + Math.abs(move), 0) || 1)
      }),
    ]
  }
  const width = Number(inputs.get('width') ?? 2)
  const spread = closes.map((_, index) => {
    if (index < size - 1) return NaN
    return Math.sqrt(mean(back(index).map((value) => (value - (average[index] ?? 0)) ** 2))) * width
  })
  const band = (sign: number) => average.map((value, index) => value + sign * (spread[index] ?? NaN))
  return [average, band(-1), band(1)]
}

const MARKETS: [series: string, name: string, kind: SymbolView['kind'], volume: string | null][] = [
  ['bybit:BTCUSDT', 'Bitcoin', 'linear', '18234000000'],
  ['binance:BTCUSDT', 'Bitcoin', 'spot', '9120000000'],
  ['bybit:ETHUSDT', 'Ethereum', 'linear', '8412000000'],
  ['binance:ETHUSDT', 'Ethereum', 'spot', '4318000000'],
  ['bybit:SOLUSDT', 'Solana', 'linear', '2250000000'],
  ['bybit:XRPUSDT', 'XRP', 'linear', '1123000000'],
  ['bybit:DOGEUSDT', 'Dogecoin', 'linear', '812000000'],
  ['index:btc-d', 'Bitcoin dominance', 'index', null],
  ['index:top-10', 'Ten largest coins', 'index', null],
]

const SYMBOLS: SymbolView[] = MARKETS.map(([series, name, kind, volume]) => {
  const [source = '', symbol = ''] = series.split(':')
  const base = symbol.replace('USDT', '')
  return { series, source, symbol, name, base, quote: 'USDT', kind, price_decimals: 2, volume_24h: volume }
})

export const indicatorHandlers = [
  http.get('/api/symbols', ({ request }) => {
    const typed = (new URL(request.url).searchParams.get('q') ?? '').toLowerCase()
    return HttpResponse.json(SYMBOLS.filter((each) => `${each.symbol} ${each.name}`.toLowerCase().includes(typed)))
  }),
  http.get('/api/indicators', () => HttpResponse.json(INDICATORS)),
  http.get('/api/indicators/:id/values', ({ params, request }) => {
    const query = new URL(request.url).searchParams
    const indicator = INDICATORS.find((each) => each.id === params['id'])
    if (!indicator) return new HttpResponse(null, { status: 404 })
    const symbol = query.get('series')?.split(':')[1] ?? ''
    const timeframe = query.get('timeframe') as Timeframe
    const limit = Number(query.get('limit') ?? 500)
    const wider = new URLSearchParams(query)
    wider.set('limit', String(Math.min(2_000, limit + 120)))
    const { rows } = pageOf(symbol, timeframe, wider)
    const { from, until, more } = pageOf(symbol, timeframe, query)
    const closes = rows.map((row) => row[4] ?? NaN)
    const columns = compute(indicator.id, closes, query)
    const values = rows.map((row, index) => [row[0] ?? 0, ...columns.map((column) => column[index] ?? NaN)])
    const header = { series: query.get('series'), timeframe, from, until, more, gaps: [], backfill: null }
    const names = ['time', ...indicator.plots.map((each) => each.id)]
    return new HttpResponse(
      encode(
        values.filter(([time = 0]) => time >= from),
        header,
        names,
      ),
      { headers: { 'Content-Type': COLUMNS_TYPE } },
    )
  }),
]
