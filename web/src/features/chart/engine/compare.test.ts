import { expect, it } from 'vitest'

import type { TickFrame } from '../data/tickStore'
import { BarWindow } from '../data/windowStore'
import { CompareView } from './CompareView'
import { goneOf } from './legend'
import { OutputFeed } from './OutputFeed'

const TIMES = [60, 120, 180, 240]
/** There is no bar of 120 on the other series. */
const CLOSES = new Map([[60, 50], [180, 55], [240, 40]]) // prettier-ignore

/** A chart that shows its bars from `first` on, and a series beside it. */
async function makeView(first: number) {
  const window = new BarWindow(10)
  window.replace({ time: TIMES, open: TIMES, high: TIMES, low: TIMES, close: TIMES, volume: TIMES })
  const topics = new Map<string, (frame: TickFrame) => void>()
  const feed = new OutputFeed(window, 1, {
    fetch: () => Promise.resolve({ from: 0, time: [...CLOSES.keys()], columns: [[...CLOSES.values()]] }),
    atEnd: () => true,
    timeframe: () => '1m',
    onChanged: () => undefined,
    now: () => Date.now(),
  })
  const view = new CompareView('bybit:ETHUSDT', feed, (topic, onFrame) => {
    topics.set(topic, onFrame)
    return () => topics.delete(topic)
  })
  view.listen('1m')
  feed.refresh()
  await Promise.resolve()
  const engine = { viewport: { first: () => first } }
  const say = (time: number, close: number) =>
    topics.get('candles:bybit:ETHUSDT:1m')?.({ bars: [[time, 0, 0, 0, close, 0, 0]] } as never)
  return { view, topics, say, goneAt: (index: number) => goneOf(view, engine as never, index) }
}

it('tells how far a series has gone since the first bar on the screen', async () => {
  const { view, goneAt } = await makeView(0)
  expect([0, 1, 2, 3].map(goneAt)).toEqual(['0.00%', '', '+10.00%', '−20.00%'])
  view.remove()
})

it('counts from the first bar that the series has there', async () => {
  const { view, goneAt } = await makeView(1)
  expect([1, 2, 3].map(goneAt)).toEqual(['', '0.00%', '−27.27%'])
  view.remove()
})

it('goes on with live bars, at one timeframe, until it is removed', async () => {
  const { view, topics, say, goneAt } = await makeView(0)
  say(240, 75)
  expect(goneAt(3)).toBe('+50.00%')
  view.listen('1h')
  expect([...topics.keys()]).toEqual(['candles:bybit:ETHUSDT:1h'])
  view.remove()
  expect(topics.size).toBe(0)
})
