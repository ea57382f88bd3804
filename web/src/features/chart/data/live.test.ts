import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { Exchange, MINUTE, START } from '@/test/exchange'

import { Feed } from './feed'

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

  it('ask for nothing in a window that was opened in the past, and join it after coming back', async () => {
    const exchange = new Exchange()
    exchange.now = START + 12_000 * MINUTE
    const { feed } = makeFeed(exchange)
    const past = { from: START + 1_000 * MINUTE, to: START + 1_100 * MINUTE }
    await feed.open('bybit:X', '1m', past)
    for (let minute = 0; minute < 5; minute += 1) {
      exchange.now += MINUTE
      exchange.say()
      await vi.advanceTimersByTimeAsync(500)
    }
    expect(exchange.asked).toHaveLength(1)
    hide(true)
    exchange.now += 900
    hide(false)
    await vi.advanceTimersByTimeAsync(500)
    expect(exchange.asked).toHaveLength(1)
    expect(feed.heardAt).toBeGreaterThan(0)
    while (feed.state.get().newer) await feed.loadNewer()
    exchange.now += 600
    exchange.say()
    await vi.advanceTimersByTimeAsync(500)
    expect(feed.window.last).toBe(Math.floor(exchange.now / MINUTE) * MINUTE)
    expectTrue(exchange, feed)
    feed.stop()
  })

  it('are missing nowhere when the window goes back to the past a second time', async () => {
    const exchange = new Exchange()
    exchange.now = START + 20_000 * MINUTE
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m', { from: START + 13_000 * MINUTE, to: START + 13_100 * MINUTE })
    for (let page = 0; page < 5; page += 1) await feed.loadOlder()
    while (feed.state.get().newer) await feed.loadNewer()
    expect(feed.window.last).toBe(Math.floor(exchange.now / MINUTE) * MINUTE)
    expectTrue(exchange, feed)
    feed.stop()
  })
})

describe('a window', () => {
  it('keeps its bars when there are none around a moment of the same series', async () => {
    const exchange = new Exchange()
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m')
    const { length } = feed.window
    const early = { from: START - 90_000 * MINUTE, to: START - 89_900 * MINUTE }
    expect(await feed.open('bybit:X', '1m', early)).toBe(false)
    expect([feed.window.length, feed.state.get().phase, exchange.watched]).toEqual([length, 'ready', 1])
    await feed.open('bybit:Y', '1m', early)
    expect(feed.window.length).toBe(0)
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
    expect(feed.state.get().edge).toMatchObject({ side: 'older', error: expect.any(Error) as Error })
    expect(feed.window.length).toBe(length)
    await feed.retryEdge()
    expect(feed.state.get().edge).toBeNull()
    expect(feed.window.length).toBeGreaterThan(length)
    feed.stop()
  })

  it('is asked for again by itself at the end where it failed, less and less often, however much one pans', async () => {
    const exchange = new Exchange()
    exchange.now = START + 12_000 * MINUTE
    const { feed } = makeFeed(exchange)
    await feed.open('bybit:X', '1m', { from: START + 1_000 * MINUTE, to: START + 1_100 * MINUTE })
    const [first, last] = [feed.window.first, feed.window.last ?? 0]
    exchange.failing = 4
    for (let pan = 0; pan < 50; pan += 1) {
      await feed.loadNewer()
      await vi.advanceTimersByTimeAsync(100)
    }
    expect(exchange.asked).toHaveLength(3)
    expect(feed.state.get().edge?.side).toBe('newer')
    await vi.advanceTimersByTimeAsync(30_000)
    expect([exchange.asked.length, feed.state.get().edge]).toEqual([6, null])
    expect([feed.window.first, (feed.window.last ?? 0) > last]).toEqual([first, true])
    exchange.failing = 1
    await feed.loadNewer()
    feed.stop()
    await vi.advanceTimersByTimeAsync(30_000)
    expect(exchange.asked).toHaveLength(7)
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
