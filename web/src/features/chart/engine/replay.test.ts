import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Exchange, MINUTE, START } from '@/test/exchange'
import { makeChart } from '@/test/fakeChart'

import { ChartEngine } from './ChartEngine'
import { DEFAULT_SPEC } from './spec'

vi.mock('lightweight-charts', async (load) => ({ ...(await load<object>()), createChart: () => makeChart() }))

const SPEC = { series: 'bybit:X', ...DEFAULT_SPEC, timeframe: '1m', volume: false } as const
const HOUR = 60 * MINUTE

async function makeEngine(bars = 3_000) {
  const exchange = new Exchange()
  exchange.now = START + bars * MINUTE
  const { fetchBars, watch } = exchange
  const ports = { fetchBars, watch, now: () => exchange.now * 1000, onLive: () => () => undefined }
  const engine = new ChartEngine(document.createElement('div'), SPEC, ports)
  await settle()
  const chart = engine.chart as unknown as ReturnType<typeof makeChart>
  return { exchange, engine, chart }
}

const settle = () => vi.advanceTimersByTimeAsync(300)
const lastShown = ({ feed, shown }: ChartEngine) => feed.window.at(shown - 1)?.time

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('a replay', () => {
  it('listens to nothing, and the chart is live again after it, whatever ended it', async () => {
    const { exchange, engine } = await makeEngine()
    engine.replay.start(2_900)
    expect(exchange.watched).toBe(0)
    engine.replay.leave()
    expect(exchange.watched).toBe(1)
    engine.replay.start(2_900)
    engine.show({ ...SPEC, series: 'bybit:Y' })
    await settle()
    expect([engine.replay.state.get().active, exchange.watched]).toEqual([false, 1])
    engine.dispose()
    expect(exchange.watched).toBe(0)
  })

  it('begins at a moment wherever it lies, with what was known then', async () => {
    const { exchange, engine } = await makeEngine(20_000)
    const moment = START + 1_000 * MINUTE
    engine.replay.start(1_400)
    engine.replay.startAt(moment)
    await settle()
    expect([engine.replay.state.get().active, exchange.watched]).toEqual([true, 0])
    expect(lastShown(engine)).toBe(moment - MINUTE)
    engine.replay.step()
    expect(lastShown(engine)).toBe(moment)
    engine.replay.step(-1)
    expect(lastShown(engine)).toBe(moment - MINUTE)
    engine.dispose()
  })

  it('plays to the last bar over the pages that it needs, and stops there', async () => {
    const { engine, exchange } = await makeEngine(6_000)
    engine.replay.start(100)
    engine.replay.startAt(START + 500 * MINUTE)
    await settle()
    engine.replay.setSpeed(20)
    engine.replay.play()
    await vi.advanceTimersByTimeAsync(5_600 * 50)
    expect(engine.replay.state.get()).toMatchObject({ playing: false, ended: true })
    expect(lastShown(engine)).toBe(exchange.now)
    engine.dispose()
  })

  it('goes on at the same moment in bars of another length, and shows none that was not over', async () => {
    const { engine } = await makeEngine()
    const moment = START + 40 * HOUR + 30 * MINUTE
    engine.replay.start(engine.feed.window.lowerBound(moment) - 1)
    expect(lastShown(engine)).toBe(moment - MINUTE)
    engine.show({ ...SPEC, timeframe: '1h' })
    await settle()
    expect(engine.feed.state.get().timeframe).toBe('1h')
    expect([engine.replay.state.get().active, lastShown(engine)]).toEqual([true, START + 39 * HOUR])
    engine.show({ ...SPEC, timeframe: '15m' })
    await settle()
    expect(lastShown(engine)).toBe(moment - 15 * MINUTE)
    engine.replay.step()
    engine.show(SPEC)
    await settle()
    expect(lastShown(engine)).toBe(moment + 14 * MINUTE)
    engine.dispose()
  })

  it('begins nowhere else when the bars around its moment did not come, and there when asked again', async () => {
    const { exchange, engine } = await makeEngine()
    const moment = START + 1_000 * MINUTE
    const failedStart = async () => {
      engine.replay.start(1_000)
      exchange.failing = 1
      engine.replay.startAt(moment)
      await settle()
      expect(engine.feed.state.get().phase).toBe('failed')
    }
    await failedStart()
    engine.opener.retry()
    await settle()
    expect(lastShown(engine)).toBe(moment - MINUTE)
    await failedStart()
    engine.show({ ...SPEC, series: 'bybit:Y' })
    await settle()
    expect([engine.replay.state.get().active, exchange.watched]).toEqual([false, 1])
    engine.dispose()
  })

  it('that is left while its bars are on their way does not begin', async () => {
    const { engine, exchange } = await makeEngine()
    engine.replay.start(1_000)
    engine.replay.startAt(START + 1_000 * MINUTE)
    engine.replay.leave()
    await settle()
    expect([engine.replay.state.get().active, lastShown(engine)]).toEqual([false, exchange.now])
    engine.dispose()
  })
})

describe('the newest bar', () => {
  it('is what a chart shows, and what it is brought back to', async () => {
    const { engine, chart, exchange } = await makeEngine(20_000)
    expect(engine.viewport.away.get()).toBe(false)
    chart.show({ from: 900, to: 1_000 })
    await settle()
    expect(engine.viewport.away.get()).toBe(true)
    engine.opener.toNewest()
    await settle()
    expect([engine.viewport.away.get(), engine.viewport.bars()]).toEqual([false, 100])
    const asked = exchange.asked.length
    engine.opener.goTo(START + 5_000 * MINUTE)
    await settle()
    expect([engine.viewport.away.get(), engine.feed.state.get().newer]).toEqual([true, true])
    engine.opener.toNewest()
    await settle()
    expect([engine.viewport.away.get(), lastShown(engine)]).toEqual([false, exchange.now])
    expect(engine.viewport.bars()).toBeCloseTo(100)
    expect(exchange.asked.length).toBe(asked + 2)
    engine.dispose()
  })

  it('is, in a replay, the newest that is let in, and after it that of now', async () => {
    const { engine, chart, exchange } = await makeEngine(20_000)
    engine.opener.goTo(START + 5_000 * MINUTE)
    await settle()
    engine.replay.start(engine.viewport.first() + 50)
    await settle()
    expect(engine.viewport.away.get()).toBe(false)
    chart.show({ from: 10, to: 40 })
    await settle()
    expect(engine.viewport.away.get()).toBe(true)
    const before = lastShown(engine)
    engine.opener.toNewest()
    await settle()
    expect([engine.viewport.away.get(), lastShown(engine)]).toEqual([false, before])
    engine.replay.leave()
    await settle()
    expect([engine.viewport.away.get(), lastShown(engine)]).toEqual([false, exchange.now])
    engine.dispose()
  })

  it('is gone back to by a date that a replay is brought to', async () => {
    const { engine } = await makeEngine(20_000)
    engine.replay.start(1_000)
    const moment = START + 3_000 * MINUTE
    engine.opener.goTo(moment)
    await settle()
    expect([engine.replay.state.get().active, lastShown(engine)]).toEqual([true, moment - MINUTE])
    engine.dispose()
  })
})
