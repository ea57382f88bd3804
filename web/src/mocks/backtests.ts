import { http, HttpResponse } from 'msw'

import type { Backtest, Figures, NewBacktest, Settings, Trade } from '@/features/backtests/types'

import { missing, problem } from './answers'
import { COLUMNS_TYPE, encode, priceAt } from './candles'

/** Back-tests of a world in which holding two thirds of the time does a little better than holding all of it. */
const DAY = 86_400
const FIRST = Date.UTC(2025, 0, 1) / 1000
const DAYS = 320
const CAPITAL = 10_000
const SCRIPT_ID = '00000000-0000-4000-8000-00000000a001'

interface Kept {
  view: Backtest
  /** How often it was asked for while it ran; below zero it does not get on yet. */
  asked: number
}

export function accountOf(symbol: string, first = FIRST, days = DAYS): number[][] {
  const rows: number[][] = []
  let [equity, peak] = [CAPITAL, CAPITAL]
  const start = priceAt(symbol, first)
  for (let day = 0; day <= days; day++) {
    const time = first + day * DAY
    const [before, now] = [priceAt(symbol, time - DAY), priceAt(symbol, time)]
    const weight = Math.floor(day / 17) % 3 === 1 ? 0 : 1
    if (day > 0) equity *= 1 + weight * (now / before - 1)
    peak = Math.max(peak, equity)
    rows.push([time, equity, (CAPITAL * now) / start, equity / peak - 1, weight])
  }
  return rows
}

const SETTINGS: Settings = {
  inputs: { length: 20, shorts: false },
  series: 'bybit:BTCUSDT',
  timeframe: '1d',
  since: '2025-01-01T00:00:00Z',
  until: null,
  capital: '10000',
  fee_rate: '0.001',
  slippage: '0.0005',
  allow_short: false,
  signal_size: '1',
}

function figuresOf(symbol: string): Figures {
  const rows = accountOf(symbol)
  const last = rows.at(-1) ?? []
  const text = (value: number) => String(Math.round(value * 100) / 100)
  const [equity = CAPITAL, hold = CAPITAL] = [last[1], last[2]]
  return {
    equity: text(equity),
    profit: text(equity - CAPITAL),
    fees: '312.48',
    total_return: equity / CAPITAL - 1,
    hold_return: hold / CAPITAL - 1,
    cagr: (equity / CAPITAL) ** (365 / DAYS) - 1,
    max_drawdown: Math.min(...rows.map((row) => row[3] ?? 0)),
    drawdown_seconds: 61 * DAY,
    hold_max_drawdown: -0.312,
    volatility: 0.41,
    sharpe: 0.93,
    sortino: 1.32,
    calmar: 0.71,
    exposure: 0.66,
    turnover: 31.4,
    trades: 15,
    wins: 8,
    losses: 7,
    win_rate: 8 / 15,
    profit_factor: 1.38,
    average_trade: '74.12',
    best_trade: '1411.09',
    worst_trade: '-602.77',
    holding_seconds: 11.5 * DAY,
  }
}

function made(id: string, rest: Partial<Backtest> = {}): Backtest {
  const settings = rest.settings ?? SETTINGS
  const symbol = settings.series.split(':')[1] ?? ''
  return {
    id,
    name: `Trend with room · ${symbol} · ${settings.timeframe}`,
    state: 'done',
    created_at: new Date(Date.now() - 3_600_000).toISOString(),
    finished_at: new Date(Date.now() - 3_595_000).toISOString(),
    took: 4.2,
    source: { kind: 'script', script_id: SCRIPT_ID, version: 2, name: 'Trend with room', deleted: false },
    settings,
    quote: 'USDT',
    progress: { stage: 'done', done: 0, total: 0 },
    error: null,
    warnings: [],
    figures: figuresOf(symbol),
    sparkline: accountOf(symbol).flatMap((row, at) => (at % 6 === 0 ? [row[1] ?? 0] : [])),
    bars: DAYS + 1,
    first_bar: new Date(FIRST * 1000).toISOString(),
    last_bar: new Date((FIRST + DAYS * DAY) * 1000).toISOString(),
    revision: '7',
    ...rest,
  }
}

const NOTHING = { figures: null, sparkline: [], bars: null, first_bar: null, last_bar: null, finished_at: null, took: null } // prettier-ignore
const id = (number: number) => `00000000-0000-4000-8000-0000000000b${number}`

function world(): Map<string, Kept> {
  const all = [
    made(id(1), {
      warnings: [
        { kind: 'gaps', message: '4 of 324 bars are missing.', detail: 'The exchange was down on 20 Nov 2026.' },
      ],
    }),
    made(id(2), {
      source: { kind: 'script', script_id: SCRIPT_ID, version: 1, name: 'Looks too far', deleted: false },
      settings: { ...SETTINGS, series: 'bybit:ETHUSDT', timeframe: '4h' },
      warnings: [
        {
          kind: 'look-ahead',
          message: '“target” at a bar changed once later bars were there: the script uses what nobody could know yet.',
          detail: 'First seen on 3 Mar 2025.',
        },
      ],
    }),
    made(id(3), {
      state: 'failed',
      error: { kind: 'script', message: 'There is no “oops” here. Did you mean “ohlc4”?', line: 2 },
      source: { kind: 'script', script_id: SCRIPT_ID, version: 1, name: 'Not finished', deleted: true },
      ...NOTHING,
    }),
    made(id(4), {
      source: { kind: 'signals', dataset_id: '00000000-0000-4000-8000-0000000000d2', name: 'Breakouts' },
      settings: { ...SETTINGS, inputs: {}, series: 'bybit:SOLUSDT', timeframe: '1h', since: null },
    }),
  ]
  return new Map(all.map((view) => [view.id, { view, asked: 0 }]))
}

export const backtests = { all: world() }

export function resetBacktests(): void {
  backtests.all = world()
}

const find = (wanted: unknown) => backtests.all.get(String(wanted))

const STEPS = [
  { stage: 'bars', done: 0, total: 0 },
  { stage: 'script', done: 1, total: 12 },
  { stage: 'causality', done: 8, total: 12 },
] as const

/** It goes on by one step each time somebody looks. */
function advanced(kept: Kept): Backtest {
  if (kept.view.state !== 'queued' && kept.view.state !== 'running') return kept.view
  const step = STEPS[Math.max(0, kept.asked)]
  kept.asked += 1
  kept.view = step
    ? { ...kept.view, state: 'running', progress: step }
    : made(kept.view.id, { settings: kept.view.settings, source: kept.view.source })
  return kept.view
}

const PAGE = 10

function tradesOf(): Trade[] {
  return Array.from({ length: 15 }, (_, at): Trade => {
    const opened = FIRST + at * 21 * DAY
    const [entry, exit] = [priceAt('BTCUSDT', opened), priceAt('BTCUSDT', opened + 12 * DAY)]
    const open = at === 14
    return {
      number: at + 1,
      side: at % 5 === 4 ? 'short' : 'long',
      opened_at: new Date(opened * 1000).toISOString(),
      closed_at: open ? null : new Date((opened + 12 * DAY) * 1000).toISOString(),
      entry: String(Math.round(entry * 10) / 10),
      exit: open ? null : String(Math.round(exit * 10) / 10),
      quantity: '0.103',
      profit: String(Math.round((exit - entry) * 10.3) / 100),
      profit_share: exit / entry - 1,
      fees: '20.81',
      bars: 12,
    }
  })
}

export const backtestHandlers = [
  http.get('/api/backtests', () =>
    HttpResponse.json({ items: [...backtests.all.values()].map((kept) => advanced(kept)), next_cursor: null }),
  ),
  http.post('/api/backtests', async ({ request }) => {
    const { source, ...body } = (await request.json()) as NewBacktest
    if (body.series === 'bybit:NOSUCH') return problem(404, 'not-found', 'No market has this symbol.')
    const settings = { ...SETTINGS, ...body } as Settings
    const named: Backtest['source'] =
      source.kind === 'script'
        ? { ...source, version: source.version ?? 2, name: 'Trend with room', deleted: false }
        : { ...source, name: 'Breakouts' }
    const view = made(crypto.randomUUID(), { settings, source: named, state: 'queued', ...NOTHING, progress: { stage: 'queued', done: 0, total: 0 } }) // prettier-ignore
    backtests.all = new Map([[view.id, { view, asked: 0 }], ...backtests.all])
    return HttpResponse.json(view, { status: 202 })
  }),
  http.get('/api/backtests/:id', ({ params }) => {
    const kept = find(params['id'])
    return kept ? HttpResponse.json(advanced(kept)) : missing()
  }),
  http.get('/api/backtests/:id/equity', ({ params }) => {
    const kept = find(params['id'])
    if (!kept) return missing()
    const rows = accountOf(kept.view.settings.series.split(':')[1] ?? '')
    const body = encode(rows, { series: kept.view.settings.series }, ['time', 'equity', 'hold', 'drawdown', 'weight'])
    return new HttpResponse(body, { headers: { 'Content-Type': COLUMNS_TYPE } })
  }),
  http.get('/api/backtests/:id/trades', ({ request }) => {
    const from = Number(new URL(request.url).searchParams.get('cursor') ?? 0)
    const items = tradesOf().slice(from, from + PAGE)
    return HttpResponse.json({ items, next_cursor: from === 0 ? String(PAGE) : null })
  }),
  http.get('/api/backtests/:id/trades.csv', () => HttpResponse.text('number,side\n1,long\n')),
  http.post('/api/backtests/:id/cancel', ({ params }) => {
    const kept = find(params['id'])
    if (!kept) return missing()
    kept.view = { ...kept.view, state: 'cancelled' }
    return HttpResponse.json(kept.view)
  }),
  http.delete('/api/backtests/:id', ({ params }) => {
    return backtests.all.delete(String(params['id'])) ? new HttpResponse(null, { status: 204 }) : missing()
  }),
]
