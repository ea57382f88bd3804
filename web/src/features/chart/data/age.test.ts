import { describe, expect, it } from 'vitest'

import type { BarPage } from './api'
import { Feed } from './feed'
import type { TickFrame } from './tickStore'

const NOW = 1_700_000_000
const MINUTE = 60

function makeFeed(knownUntil: number | null) {
  const time = [NOW - 2 * MINUTE, NOW - MINUTE]
  const page: BarPage = {
    series: 'bybit:X',
    timeframe: '1m',
    count: 2,
    price_decimals: 2,
    volume_decimals: 0,
    from: time[0] ?? 0,
    until: NOW + MINUTE,
    known_until: knownUntil,
    more: false,
    gaps: [],
    backfill: null,
    columns: [],
    time,
    open: [1, 1],
    high: [1, 1],
    low: [1, 1],
    close: [1, 1],
    volume: [1, 1],
  }
  const listeners: ((frame: TickFrame) => void)[] = []
  const nothing = () => undefined
  const feed = new Feed(
    {
      fetchBars: () => Promise.resolve(page),
      watch: (_, listener) => {
        listeners.push(listener)
        return nothing
      },
      visibleBars: () => 100,
      now: () => NOW * 1000,
      onReplacing: nothing,
      onReplaced: nothing,
      onChanged: nothing,
    },
    'bybit:X',
    '1m',
  )
  const say = (at: number) => {
    for (const listener of listeners) listener({ series: 'bybit:X', timeframe: '1m', bars: [], at })
  }
  return { feed, say }
}

describe('the age of what is shown', () => {
  it('is known as soon as the chart is open, also while nothing comes', async () => {
    const { feed } = makeFeed(NOW - 400)
    await feed.open('bybit:X', '1m')
    expect(feed.heardAt).toBe((NOW - 400) * 1000)
  })

  it('is that of the newest price, whenever it was told', async () => {
    const { feed, say } = makeFeed(NOW - 400)
    await feed.open('bybit:X', '1m')
    say((NOW - 90) * 1000)
    expect(feed.heardAt).toBe((NOW - 90) * 1000)
    say((NOW - 200) * 1000)
    expect(feed.heardAt).toBe((NOW - 90) * 1000)
  })

  it('says nothing of bars that end before now', async () => {
    const { feed } = makeFeed(null)
    await feed.open('bybit:X', '1m')
    expect(feed.heardAt).toBe(0)
  })
})
