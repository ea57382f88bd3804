import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { BarPage, Span } from './api'
import { Feed } from './feed'
import type { TickFrame, TickRow } from './tickStore'
import type { Timeframe } from './timeframes'

const MINUTE = 60
const START = 1_000_000 * MINUTE

/** An exchange of one-minute bars: the true history, its REST answers and its frames. */
class Exchange {
  now = START + 3_000 * MINUTE
  asked: Span[] = []
  failing = 0
  holes = new Set<number>()
  private listeners = new Set<(frame: TickFrame) => void>()

  row(time: number): TickRow {
    const price = 100 + ((time / MINUTE) % 97)
    const end = Math.min(this.now, time + MINUTE)
    return [
      time,
      price,
      price + 2,
      price - 2,
      price + (end - time) / MINUTE,
      end - time,
      this.now >= time + MINUTE ? 1 : 0,
    ]
  }

  fetchBars = (_series: string, timeframe: Timeframe, span: Span): Promise<BarPage> => {
    this.asked.push(span)
    if (this.failing > 0) {
      this.failing -= 1
      return Promise.reject(new Error('no answer'))
    }
    const latest = Math.floor(this.now / MINUTE) * MINUTE + MINUTE
    const asked = span.before === undefined ? latest : Math.ceil(span.before / MINUTE) * MINUTE
    const from = span.after === undefined ? 0 : Math.floor(span.after / MINUTE) * MINUTE + MINUTE
    const until = Math.min(latest, span.after === undefined ? asked : from + span.limit * MINUTE)
    const start = span.after === undefined ? until - span.limit * MINUTE : from
    const rows: TickRow[] = []
    for (let time = Math.max(START, start); time < until; time += MINUTE) {
      if (!this.holes.has(time)) rows.push(this.row(time))
    }
    const column = (index: number) => rows.map((row) => row[index] ?? NaN)
    return Promise.resolve({
      series: 'bybit:X',
      timeframe,
      count: rows.length,
      price_decimals: 2,
      volume_decimals: 0,
      from: start,
      until,
      more: start > START,
      gaps: [],
      backfill: null,
      forming: rows.at(-1)?.[6] === 0,
      columns: [],
      time: column(0),
      open: column(1),
      high: column(2),
      low: column(3),
      close: column(4),
      volume: column(5),
    })
  }

  watch = (_topic: string, listener: (frame: TickFrame) => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  get watched() {
    return this.listeners.size
  }

  /** Sends the newest bars, as the hub does. */
  say(count = 2): void {
    const last = Math.floor(this.now / MINUTE) * MINUTE
    const bars = Array.from({ length: count }, (_, index) => this.row(last - (count - 1 - index) * MINUTE))
    for (const listener of [...this.listeners]) listener({ series: 'bybit:X', timeframe: '1m', bars, at: this.now })
  }
}

function makeFeed(exchange: Exchange, visible = 100) {
  const changes: number[] = []
  const feed = new Feed(
    {
      fetchBars: exchange.fetchBars,
      watch: exchange.watch,
      visibleBars: () => visible,
      now: () => exchange.now * 1000,
      onReplacing: () => undefined,
      onReplaced: () => undefined,
      onChanged: () => changes.push(exchange.now),
    },
    'bybit:X',
    '1m',
  )
  return { feed, changes }
}

/** Every closed bar the window spans is there once and as the exchange has it. */
function expectTrue(exchange: Exchange, feed: Feed): void {
  const { window } = feed
  let expected = window.first ?? 0
  for (let index = 0; index < window.length; index += 1) {
    while (exchange.holes.has(expected)) expected += MINUTE
    const bar = window.at(index)
    expect(bar?.time).toBe(expected)
    const [, , , , close, , closed] = exchange.row(expected)
    if (closed) expect(bar?.close).toBe(close)
    expected += MINUTE
  }
}

const hide = (hidden: boolean) => {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(hidden ? 'hidden' : 'visible')
  document.dispatchEvent(new Event('visibilitychange'))
}

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

describe('live bars', () => {
  it('reach the chart at most ten times a second, five with many bars visible', async () => {
    for (const [visible, most] of [
      [100, 11],
      [900, 6],
    ] as const) {
      const exchange = new Exchange()
      const { feed, changes } = makeFeed(exchange, visible)
      await feed.open('bybit:X', '1m')
      for (let tick = 0; tick < 50; tick += 1) {
        exchange.now += 0.02
        exchange.say()
        await vi.advanceTimersByTimeAsync(20)
      }
      expect(changes.length).toBeGreaterThan(3)
      expect(changes.length).toBeLessThanOrEqual(most)
      feed.stop()
    }
  })

  it('never lose a closed bar, whatever frames are lost, late or double', async () => {
    let state = 7
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
    const exchange = new Exchange()
    for (let hole = 0; hole < 40; hole += 1) exchange.holes.add(START + Math.floor(random() * 3_400) * MINUTE)
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m')
    for (let step = 0; step < 300; step += 1) {
      exchange.now += random() * 70
      if (random() < 0.1) exchange.now += 600
      if (random() < 0.1) exchange.failing = 1
      const last = Math.floor(exchange.now / MINUTE) * MINUTE
      exchange.holes.delete(last)
      exchange.holes.delete(last - MINUTE)
      if (random() < 0.8) exchange.say()
      if (random() < 0.2) exchange.say()
      await vi.advanceTimersByTimeAsync(random() * 400)
    }
    exchange.say()
    await vi.advanceTimersByTimeAsync(5_000)
    expect(feed.window.last).toBe(Math.floor(exchange.now / MINUTE) * MINUTE)
    expectTrue(exchange, feed)
    feed.stop()
  })

  it('are not listened to on a hidden page, which asks for what it missed when seen again', async () => {
    const exchange = new Exchange()
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m')
    hide(true)
    expect(exchange.watched).toBe(0)
    exchange.now += 900
    hide(false)
    await vi.advanceTimersByTimeAsync(500)
    expect(feed.window.last).toBe(Math.floor(exchange.now / MINUTE) * MINUTE)
    expectTrue(exchange, feed)
    feed.stop()
  })

  it('stay out of a window that was scrolled into the past, and are all there after coming back', async () => {
    const exchange = new Exchange()
    exchange.now = START + 12_000 * MINUTE
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m')
    for (let page = 0; page < 4; page += 1) await feed.loadOlder()
    expect(feed.state.get().newer).toBe(true)
    const last = feed.window.last
    exchange.now += 200
    exchange.say()
    await vi.advanceTimersByTimeAsync(500)
    expect(feed.window.last).toBe(last)
    for (let page = 0; page < 5; page += 1) await feed.loadNewer()
    expect(feed.state.get().newer).toBe(false)
    expect(feed.window.last).toBe(Math.floor(exchange.now / MINUTE) * MINUTE)
    expect(feed.window.length).toBeLessThanOrEqual(5_000)
    expectTrue(exchange, feed)
    feed.stop()
  })
})

describe('history', () => {
  it('is paged back to its first bar, over long holes too', async () => {
    const exchange = new Exchange()
    exchange.now = START + 4_900 * MINUTE
    for (let bar = 600; bar < 3_000; bar += 1) exchange.holes.add(START + bar * MINUTE)
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m')
    for (let page = 0; page < 6 && feed.state.get().older; page += 1) {
      await feed.loadOlder()
      await vi.advanceTimersByTimeAsync(10)
    }
    expect(feed.window.first).toBe(START)
    expect(feed.state.get().older).toBe(false)
    expectTrue(exchange, feed)
    feed.stop()
  })

  it('keeps what is shown when a page does not come, says why, and goes on when asked again', async () => {
    const exchange = new Exchange()
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m')
    const { length } = feed.window
    exchange.failing = 1
    await feed.loadOlder()
    expect(feed.state.get().olderError).toBeInstanceOf(Error)
    expect(feed.window.length).toBe(length)
    await feed.loadOlder()
    expect(feed.state.get().olderError).toBeNull()
    expect(feed.window.length).toBeGreaterThan(length)
    feed.stop()
  })

  it('shows the answer to the last question only', async () => {
    const exchange = new Exchange()
    const { feed } = makeFeed(exchange)
    const first = feed.open('bybit:X', '5m')
    const second = feed.open('bybit:Y', '1m')
    await Promise.all([first, second])
    expect(feed.state.get()).toMatchObject({ series: 'bybit:Y', timeframe: '1m', phase: 'ready' })
    feed.stop()
  })
})
