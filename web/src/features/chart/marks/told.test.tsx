/** Orders and fills as the stream tells them: drawn at once, and asked for only while it does not. */
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { act, renderHook } from '@testing-library/react'
import { http, HttpResponse } from 'msw'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { stream } from '@/api/live'
import { adopt } from '@/api/session'
import { createStore } from '@/lib/store'
import { USER } from '@/mocks/world'
import { mockedServer, server } from '@/test/server'

import { DEFAULT_SPEC } from '../engine/spec'
import { useMarks } from './useMarks'

mockedServer()

const NOW = 1_700_002_000
const MINUTE = 60_000
/** A busy machine takes long, and nothing is asked for again before 15 s. */
const PATIENT = { timeout: 10_000 }

const order = (id: string, symbol = 'BTCUSDT') => ({
  id,
  symbol,
  side: 'buy',
  limit_price: '64000',
  quantity: '0.5',
  filled_quantity: '0',
})

const fill = (exec_id: string, { symbol = 'BTCUSDT', exec_type = 'Trade' } = {}) => ({
  exec_id,
  symbol,
  exec_type,
  side: 'buy',
  price: '64000',
  quantity: '0.5',
  executed_at: new Date(NOW * 1000).toISOString(),
})

interface Tick {
  orders: object[]
  fills: object[]
}

let asked: Record<'orders' | 'fills', number>
let booked: object[]
let told: ReturnType<typeof createStore<Tick | undefined>>
let isLost: boolean

const page = (items: object[]) => HttpResponse.json({ items, next_cursor: null })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  vi.spyOn(Date, 'now').mockReturnValue(NOW * 1000)
  adopt({ access_token: 'token', expires_in: 600, user: USER })
  asked = { orders: 0, fills: 0 }
  booked = []
  told = createStore<Tick | undefined>(undefined)
  isLost = false
  vi.spyOn(stream, 'watch').mockImplementation((topic, watcher) =>
    topic === 'orders' ? told.subscribe(() => watcher(told.get())) : () => undefined,
  )
  vi.spyOn(stream, 'peek').mockImplementation((topic, answeredAt = 0) =>
    topic === 'orders' && !(isLost && answeredAt > Date.now()) ? told.get() : undefined,
  )
  server.use(
    http.get('/api/orders', () => ((asked.orders += 1), page([]))),
    http.get('/api/fills', () => ((asked.fills += 1), page(booked))),
    http.get('/api/news/marks', () => HttpResponse.json([])),
    http.get('/api/journal/marks', () => HttpResponse.json([])),
    http.get('/api/datasets', () => HttpResponse.json({ datasets: [] })),
  )
})

afterEach(() => {
  vi.useRealTimers()
  act(() => stream.status.set('connecting'))
})

const tells = (tick: Partial<Tick>) =>
  act(() => {
    isLost = false
    told.set({ orders: [], fills: [], ...tick })
  })

/** What was told before is of a connection that has ended. */
const ends = () =>
  act(() => {
    isLost = true
    stream.status.set('stale')
  })

/** A chart of Bitcoin, after everything was asked for once. Returns what is drawn on it. */
async function chart() {
  const scale = { subscribeVisibleLogicalRangeChange: vi.fn(), unsubscribeVisibleLogicalRangeChange: vi.fn() }
  const marks = { set: vi.fn(), setFailed: vi.fn(), setOrders: vi.fn() }
  const engine = {
    marks,
    chart: { timeScale: () => scale },
    viewport: { span: () => ({ from: NOW - 3_600, to: NOW }) },
    revision: createStore(0),
  }
  const client = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  const spec = { ...DEFAULT_SPEC, series: 'bybit:BTCUSDT' }
  renderHook(() => useMarks(engine as never, spec), {
    wrapper: ({ children }) => <QueryClientProvider client={client}>{children}</QueryClientProvider>,
  })
  await vi.waitFor(() => expect([asked.orders, asked.fills > 0]).toEqual([2, true]), PATIENT)
  await vi.waitFor(() => expect(client.isFetching()).toBe(0), PATIENT)
  return {
    isAsking: () => client.isFetching() > 0,
    lines: () => (marks.setOrders.mock.lastCall?.[0] as object[]).length,
    trades: () =>
      (marks.set.mock.calls.findLast(([kind]) => kind === 'fill')?.[1] as { id: string }[]).map(({ id }) => id),
  }
}

it('draws the orders and trades of its market as soon as they are told', async () => {
  booked = [fill('asked')]
  const { lines, trades } = await chart()
  await vi.waitFor(() => expect([lines(), trades()]).toEqual([0, ['asked']]))
  tells({
    orders: [order('a'), order('b', 'ETHUSDT')],
    fills: [fill('new'), fill('other', { symbol: 'ETHUSDT' }), fill('paid', { exec_type: 'Funding' }), fill('asked')],
  })
  expect([lines(), trades()]).toEqual([1, ['asked', 'new']])
  tells({ fills: [fill('newest'), fill('new')] })
  expect([lines(), trades()]).toEqual([0, ['asked', 'newest', 'new']])
})

it('asks again only while the stream does not tell', async () => {
  await chart()
  act(() => stream.status.set('live'))
  tells({})
  const before = { ...asked }
  await act(() => vi.advanceTimersByTimeAsync(5 * MINUTE))
  expect(asked).toEqual(before)
  ends()
  await act(() => vi.advanceTimersByTimeAsync(MINUTE))
  await vi.waitFor(() => expect([asked.orders > before.orders, asked.fills > before.fills]).toEqual([true, true]))
})

it('asks while the stream is there again and does not tell them', async () => {
  await chart()
  act(() => stream.status.set('live'))
  tells({})
  ends()
  act(() => stream.status.set('live'))
  const before = { ...asked }
  await act(() => vi.advanceTimersByTimeAsync(MINUTE))
  await vi.waitFor(() => expect([asked.orders > before.orders, asked.fills > before.fills]).toEqual([true, true]))
})

it('asks for what lies between when a frame joins nothing of those before', async () => {
  const { trades, isAsking } = await chart()
  tells({ fills: [fill('1')] })
  tells({ fills: [fill('2'), fill('1')] })
  expect(isAsking()).toBe(false)
  booked = ['9', '8', '7', '2', '1'].map((name) => fill(name))
  tells({ fills: [fill('9'), fill('8')] })
  await vi.waitFor(() => expect(trades().sort()).toEqual(['1', '2', '7', '8', '9']))
})

it('keeps a thousand of those it was told, and asks for those that are more', async () => {
  const { trades, isAsking } = await chart()
  const many = Array.from({ length: 1_000 }, (_, number) => fill(`${number}`))
  tells({ fills: many })
  tells({ fills: [fill('new'), ...many.slice(0, 2)] })
  expect(trades().sort()).toEqual(['0', '1', 'new'])
  expect(isAsking()).toBe(true)
})
