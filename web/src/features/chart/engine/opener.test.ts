import { afterEach, beforeEach, expect, it, vi } from 'vitest'

import { Exchange, MINUTE, START } from '@/test/exchange'
import { makeChart } from '@/test/fakeChart'

import { ChartEngine } from './ChartEngine'
import { DEFAULT_SPEC } from './spec'

vi.mock('lightweight-charts', async (load) => ({ ...(await load<object>()), createChart: () => makeChart() }))

const SPEC = { series: 'bybit:X', ...DEFAULT_SPEC, timeframe: '1m', volume: false } as const

const settle = () => vi.advanceTimersByTimeAsync(300)

async function makeEngine(bars = 20_000) {
  const exchange = new Exchange()
  exchange.now = START + bars * MINUTE
  const { fetchBars, watch } = exchange
  const live = new Set<() => void>()
  const onLive = (listener: () => void) => {
    live.add(listener)
    return () => void live.delete(listener)
  }
  const engine = new ChartEngine(document.createElement('div'), SPEC, { fetchBars, watch, now: () => exchange.now * 1000, onLive }) // prettier-ignore
  await settle()
  const chart = engine.chart as unknown as ReturnType<typeof makeChart>
  return { exchange, engine, chart, live }
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

it('goes to a date, to the newest bar or on with a replay in the timeframe that is on its way', async () => {
  const { engine } = await makeEngine()
  const moment = START + 5_000 * MINUTE
  const ways = [() => engine.opener.goTo(moment), () => engine.opener.toNewest(), () => engine.opener.replayAt(moment)]
  for (const go of ways) {
    engine.show(SPEC)
    await settle()
    engine.show({ ...SPEC, timeframe: '15m' })
    go()
    await settle()
    expect(engine.feed.state.get().timeframe).toBe('15m')
  }
  engine.dispose()
})

it('goes back to the bars it has where coarser ones did not come and are not wanted any more', async () => {
  const { engine, exchange, chart } = await makeEngine()
  const near = chart.timeScale().getVisibleLogicalRange()
  exchange.failing = 1
  engine.opener.onRange({ from: -20_000, to: 400 } as never)
  await settle()
  expect(engine.feed.state.get()).toMatchObject({ phase: 'failed', timeframe: '1m' })
  engine.opener.onRange(near as never)
  engine.opener.toNewest()
  await settle()
  expect(engine.feed.state.get().timeframe).toBe('1m')
  engine.dispose()
})

it('asks again for what did not come as soon as the stream is back', async () => {
  const { engine, exchange, live } = await makeEngine()
  exchange.failing = 1
  engine.show({ ...SPEC, timeframe: '15m' })
  await settle()
  expect(engine.feed.state.get().phase).toBe('failed')
  for (const tell of live) tell()
  await settle()
  expect(engine.feed.state.get()).toMatchObject({ phase: 'ready', timeframe: '15m' })
  engine.dispose()
  expect(live.size).toBe(0)
})

it('asks for newer bars where the screen shows all there are, the oldest too', async () => {
  const { engine, chart } = await makeEngine()
  engine.opener.goTo(START + 200 * MINUTE)
  await settle()
  expect(engine.feed.state.get()).toMatchObject({ older: false, newer: true })
  const { last } = engine.feed.window
  chart.show({ from: -10, to: engine.feed.window.length - 1 })
  await settle()
  expect(engine.feed.window.last).toBeGreaterThan(last ?? Infinity)
  engine.dispose()
})
