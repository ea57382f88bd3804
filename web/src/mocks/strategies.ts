import { http, HttpResponse } from 'msw'

import type { Strategy, StrategyEvent, StrategyFill } from '@/features/strategies/types'

import { missing, problem } from './answers'
import { accountOf } from './backtests'
import { COLUMNS_TYPE, encode, priceAt } from './candles'

const MINUTE = 60_000
const ago = (ms: number) => new Date(Date.now() - ms).toISOString()
const id = (number: number) => `00000000-0000-4000-8000-0000000000e${number}`

function made(number: number, rest: Partial<Strategy> = {}): Strategy {
  return {
    id: id(number),
    name: 'Trend on Bitcoin',
    state: 'paper',
    closing: false,
    script: { id: '00000000-0000-4000-8000-00000000a001', version: 2, name: 'Trend with room', deleted: false },
    inputs: { length: 20, shorts: false },
    series: 'bybit:BTCUSDT',
    timeframe: '15m',
    quote: 'USDT',
    capital: '10000',
    fee_rate: '0.001',
    slippage: '0.0005',
    allow_short: false,
    signal_size: '1',
    started_at: ago(3 * 86_400_000),
    changed_at: ago(4 * MINUTE),
    last_bar: ago(19 * MINUTE),
    next_due: new Date(Date.now() + 11 * MINUTE).toISOString(),
    target: 1,
    signal: null,
    quantity: '0.104',
    entry: '95120.5',
    price: '96480.2',
    price_at: ago(1_000),
    equity: '10139.21',
    cash: '104.88',
    pnl: '139.21',
    pnl_share: 0.013921,
    fees: '29.84',
    waiting: '',
    repainted: false,
    error: null,
    ...rest,
  }
}

const FLAT = { quantity: '0', entry: null, target: 0 }

const world = () => [
  made(1),
  made(2, { name: 'Reversal on Ether', series: 'bybit:ETHUSDT', timeframe: '1h', state: 'paused', ...FLAT, equity: '9871.4', cash: '9871.4', pnl: '-128.6', pnl_share: -0.01286, next_due: null }), // prettier-ignore
  made(3, { name: 'Looks too far', state: 'failed', error: { kind: 'script', message: 'There is no “oops” here. Did you mean “ohlc4”?', line: 2 }, repainted: true, ...FLAT, equity: '10000', cash: '10000', pnl: '0', pnl_share: 0, fees: '0', price_at: null }), // prettier-ignore
  made(4, { name: 'An older trend', state: 'stopped', ...FLAT, next_due: null, pnl: '64.2', pnl_share: 0.00642 }),
]

export const strategies = { all: world() }

export function resetStrategies(): void {
  strategies.all = world()
}

/** What the topic `strategies` says now: prices move. */
export function strategiesFrame() {
  for (const each of strategies.all) {
    if (each.state !== 'paper' || each.quantity === '0') continue
    const price = priceAt('BTCUSDT', Date.now() / 1000)
    const pnl = 139.21 + (price - priceAt('BTCUSDT', 1_795_000_000)) * 0.001
    Object.assign(each, { price: String(Math.round(price * 10) / 10), price_at: ago(0), pnl: String(Math.round(pnl * 100) / 100) }) // prettier-ignore
  }
  return { strategies: strategies.all }
}

const find = (wanted: unknown) => strategies.all.find((each) => each.id === wanted)

const EVENTS: StrategyEvent[] = [
  { id: 4, kind: 'alert', text: 'BTCUSDT is above its mean', at: ago(19 * MINUTE), bar: ago(34 * MINUTE) },
  { id: 3, kind: 'signal', text: 'Target 100%, was 0%.', at: ago(19 * MINUTE), bar: ago(34 * MINUTE) },
  { id: 2, kind: 'resumed', text: 'Resumed.', at: ago(86_400_000), bar: null },
  { id: 1, kind: 'started', text: 'Started with 10,000 USDT on paper.', at: ago(3 * 86_400_000), bar: null },
]

const FILLS: StrategyFill[] = [
  { id: 3, at: ago(18 * MINUTE), bar: ago(18 * MINUTE), side: 'buy', quantity: '0.104', price: '95120.5', fee: '9.8925', value: '9892.53', reason: 'target' }, // prettier-ignore
  { id: 2, at: ago(86_000_000), bar: ago(86_000_000), side: 'sell', quantity: '0.107', price: '93311.1', fee: '9.9842', value: '9984.28', reason: 'target' }, // prettier-ignore
  { id: 1, at: ago(150_000_000), bar: ago(150_000_000), side: 'buy', quantity: '0.107', price: '93025', fee: '9.9536', value: '9953.67', reason: 'target' }, // prettier-ignore
]

const AFTER = { pause: 'paused', resume: 'paper', stop: 'stopped' } as const

export const strategyHandlers = [
  http.get('/api/strategies', () => HttpResponse.json(strategies.all)),
  http.post('/api/strategies', async ({ request }) => {
    const body = (await request.json()) as Partial<Strategy>
    const begun = made(strategies.all.length + 1, { ...body, ...FLAT, target: null, last_bar: null, equity: '10000', cash: '10000', pnl: '0', pnl_share: 0, fees: '0', started_at: ago(0), changed_at: ago(0) }) // prettier-ignore
    strategies.all = [begun, ...strategies.all]
    return HttpResponse.json(begun, { status: 201 })
  }),
  http.get('/api/strategies/:id', ({ params }) => {
    const found = find(params['id'])
    return found ? HttpResponse.json(found) : missing()
  }),
  http.patch('/api/strategies/:id', async ({ params, request }) => {
    const found = find(params['id'])
    if (!found) return missing()
    Object.assign(found, await request.json(), { changed_at: ago(0) })
    return HttpResponse.json(found)
  }),
  http.post('/api/strategies/:id/:change', ({ params }) => {
    const found = find(params['id'])
    if (!found) return missing()
    const state = AFTER[params['change'] as keyof typeof AFTER]
    if (found.state === 'stopped') return problem(409, 'conflict', 'It is stopped already.')
    Object.assign(found, { state, changed_at: ago(0) })
    return HttpResponse.json(found)
  }),
  http.delete('/api/strategies/:id', ({ params }) => {
    strategies.all = strategies.all.filter((each) => each.id !== params['id'])
    return new HttpResponse(null, { status: 204 })
  }),
  http.get('/api/strategies/:id/events', () => HttpResponse.json({ items: EVENTS, next_cursor: null })),
  http.get('/api/strategies/:id/fills', ({ params }) =>
    HttpResponse.json({ items: params['id'] === id(1) ? FILLS : [], next_cursor: null }),
  ),
  http.get('/api/strategies/:id/equity', () => {
    const rows = accountOf('BTCUSDT', Math.floor(Date.now() / 1000) - 90 * 86_400, 90)
    const body = encode(rows, { series: 'bybit:BTCUSDT' }, ['time', 'equity', 'hold', 'drawdown', 'weight'])
    return new HttpResponse(body, { headers: { 'Content-Type': COLUMNS_TYPE } })
  }),
]
