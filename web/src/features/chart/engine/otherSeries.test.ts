import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Exchange, MINUTE, START } from '@/test/exchange'
import { makeChart } from '@/test/fakeChart'

import { ChartEngine } from './ChartEngine'
import { DEFAULT_SPEC } from './spec'

vi.mock('lightweight-charts', async (load) => ({ ...(await load<object>()), createChart: () => makeChart() }))

const SPEC = { series: 'bybit:X', ...DEFAULT_SPEC, timeframe: '1m', volume: false } as const
const OTHER = { ...SPEC, series: 'bybit:Y' }
const HERE = { time: START + 2_990 * MINUTE, price: 100 }

const settle = () => vi.advanceTimersByTimeAsync(300)

async function makeEngine() {
  const exchange = new Exchange()
  const { fetchBars, watch } = exchange
  const ports = { fetchBars, watch, now: () => exchange.now * 1000, onLive: () => () => undefined }
  const engine = new ChartEngine(document.createElement('div'), SPEC, ports)
  await settle()
  const series = { priceToCoordinate: () => 50, coordinateToPrice: () => 100 }
  Object.assign(engine.price, { series: new Proxy(engine.price.series, { get: (target, name) => Reflect.get(name in series ? series : target, name) as unknown }) }) // prettier-ignore
  const { timeScale } = engine.chart
  const scale = () => Object.assign(timeScale(), { coordinateToLogical: (x: number) => x })
  Object.assign(engine.chart, { timeScale: scale, panes: () => [{ getHeight: () => 400, getHTMLElement: () => null }] })
  return { exchange, engine }
}

const news = { kind: 'news', id: 'n', time: HERE.time, place: 'foot', shape: 'news' } as never

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('another series', () => {
  it('whose bars do not come leaves none of the one before, and none of its own comes late', async () => {
    const { exchange, engine } = await makeEngine()
    exchange.failing = 1
    engine.show(OTHER)
    await settle()
    expect(engine.feed.state.get()).toMatchObject({ phase: 'failed', series: 'bybit:Y', gaps: [], older: false })
    expect([engine.feed.window.length, engine.shown, exchange.watched]).toEqual([0, 0, 0])
    engine.opener.retry()
    await settle()
    expect(engine.feed.state.get()).toMatchObject({ phase: 'ready', series: 'bybit:Y', timeframe: '1m' })
    expect([engine.feed.window.length > 0, exchange.watched]).toEqual([true, 1])
    engine.dispose()
  })

  it('ends a replay of the one before, without its bars and without listening', async () => {
    const { exchange, engine } = await makeEngine()
    engine.replay.start(1_000)
    exchange.failing = 1
    engine.show(OTHER)
    await settle()
    expect([engine.replay.state.get().active, engine.shown, exchange.watched]).toEqual([false, 0, 0])
    engine.dispose()
  })

  it('of which no bars are here yet gets no alert at a price of the one before', async () => {
    const { engine } = await makeEngine()
    engine.alerts.set([{ id: 'a', price: 100, words: '' }], () => Promise.resolve())
    expect([engine.alerts.priceAt([5, 5]), engine.alerts.find([5, 50], false)?.id]).toEqual(['100', 'a'])
    expect(engine.alerts.lastPrice()).not.toBe('')
    engine.show(OTHER)
    expect([engine.alerts.priceAt([5, 5]), engine.alerts.find([5, 50], false)]).toEqual([null, undefined])
    expect(engine.alerts.lastPrice()).toBe('')
    await settle()
    expect(engine.alerts.priceAt([5, 5])).toBe('100')
    engine.dispose()
  })

  it('of which no bars are here yet gets no drawing, nor half of one', async () => {
    const { engine } = await makeEngine()
    const { drawings } = engine
    drawings.choose('trend')
    expect(drawings.press([5, 5], false)).toBe(true)
    engine.show(OTHER)
    expect(drawings.press([9, 9], false)).toBe(false)
    drawings.placeInMiddle()
    expect(drawings.store.drawings.get()).toEqual([])
    await settle()
    drawings.press([5, 5], false)
    expect(drawings.store.drawings.get()).toEqual([])
    engine.dispose()
  })

  it('of which no bars are here yet has no marks on those of the one before', async () => {
    const { engine } = await makeEngine()
    const index = engine.feed.window.lowerBound(HERE.time)
    engine.marks.set('news', [news], false)
    expect(engine.marks.at(index)).toHaveLength(1)
    engine.show(OTHER)
    expect(engine.marks.at(index)).toEqual([])
    await settle()
    expect(engine.marks.at(index)).toHaveLength(1)
    engine.dispose()
  })
})

describe('the price an alert begins from', () => {
  it('is none in the past, and none that a replay holds back', async () => {
    const { engine, exchange } = await makeEngine()
    expect(engine.alerts.lastPrice()).toBe(String(exchange.row(exchange.now)[4]))
    engine.replay.start(1_000)
    expect(engine.alerts.lastPrice()).toBe(String(engine.feed.window.close[1_000]))
    engine.replay.leave()
    exchange.now = START + 20_000 * MINUTE
    engine.opener.goTo(START + 500 * MINUTE)
    await settle()
    expect(engine.alerts.lastPrice()).toBe('')
    engine.dispose()
  })
})
