import { describe, expect, it } from 'vitest'

import { BarWindow } from '../data/windowStore'
import { barDuring, glyphsOf, placed, tradesOf } from './group'
import type { MarkItem } from './model'
import { ofEntry, ofFill, ofNews, ofSignal } from './model'
import { tilesOf } from './tiles'

/** One bar a minute from second 6,000 on, without those that open at `missing`. */
function windowOf(count: number, missing: number[] = []): BarWindow {
  const window = new BarWindow(5_000)
  for (let index = 0; index < count; index += 1) {
    const time = (100 + index) * 60
    if (!missing.includes(time)) window.put({ time, open: 9, high: 11, low: 8, close: 10, volume: 1 })
  }
  return window
}

const iso = (seconds: number) => new Date(seconds * 1000).toISOString()

const fill = (seconds: number, side: 'buy' | 'sell', price: string, quantity = '1') =>
  ofFill({
    exec_id: `${seconds}-${side}`,
    executed_at: iso(seconds),
    side,
    price,
    quantity,
    exec_type: 'Trade',
    position_id: null,
    index_name: '',
    symbol: 'X',
    value: '1',
    fee: '0',
    fee_asset: 'USDT',
    by_hand: false,
  })

const news = (time: number, mood: 'positive' | 'negative' = 'positive') =>
  ofNews({
    id: `n${time}`,
    time,
    published_at: iso(time - 600),
    title: 'Story',
    url: '',
    publisher: 'news.example',
    mood,
    sentiment: 0.5,
    basis: 'marketaux',
  })

const signal = (time: number, over: Partial<Parameters<typeof ofSignal>[0]> = {}) =>
  ofSignal({ dataset_id: 'd', number: time, time, type: 'buy', price: null, label: 'in', color: '', icon: '', ...over })

const drawn = (items: MarkItem[], window: BarWindow, room = 1) =>
  glyphsOf(placed(items, window, '1m'), room).map((glyph) => [glyph.index, glyph.items.length] as const)

describe('the bar of a mark', () => {
  const window = windowOf(10, [6_180, 6_240])

  it.each([
    [6_000, 0],
    [6_059.9, 0],
    [6_060, 1],
    [6_539, 6],
    [6_599.5, 7],
    [5_999, null],
    [6_600, null],
    [99_999, null],
  ])('at second %s is %s', (time, index) => {
    expect(barDuring(window, '1m', time)).toBe(index)
  })

  it('is the next one where there was none: nobody could act before', () => {
    expect(window.time[2]).toBe(6_120)
    expect(barDuring(window, '1m', 6_179)).toBe(2)
    expect(barDuring(window, '1m', 6_180)).toBe(3)
    expect(barDuring(window, '1m', 6_299)).toBe(3)
  })

  it('is the coarser bar that it falls into', () => {
    const hours = new BarWindow(10)
    for (const hour of [0, 1, 2]) hours.put({ time: hour * 3_600, open: 1, high: 1, low: 1, close: 1, volume: 0 })
    expect([0, 3_599, 3_600, 10_799, 10_800].map((time) => barDuring(hours, '1h', time))).toEqual([0, 0, 1, 2, null])
  })

  it('does not exist without bars', () => {
    expect(barDuring(new BarWindow(5), '1m', 6_000)).toBeNull()
  })
})

describe('marks that fall together', () => {
  it('are fills of one bar and side, at their mean price', () => {
    const items = [
      fill(6_060, 'buy', '10'),
      fill(6_119, 'buy', '20', '3'),
      fill(6_090, 'sell', '9'),
      fill(5_999, 'buy', '1'),
    ]
    const glyphs = glyphsOf(placed(items, windowOf(10), '1m'), 1)
    expect(glyphs.map(({ index, price, items: { length } }) => [index, price, length])).toEqual([
      [1, 17.5, 2],
      [1, 9, 1],
    ])
    expect(tradesOf(items.slice(0, 3))).toEqual([
      { side: 'buy', price: 17.5 },
      { side: 'sell', price: 9 },
    ])
  })

  it('are stories of one bar, and of neighbours where bars are narrower than a mark', () => {
    const items = [6_000, 6_010, 6_060, 6_120, 6_300].map((time) => news(time))
    expect(drawn(items, windowOf(10))).toEqual([[0, 2], [1, 1], [2, 1], [5, 1]]) // prettier-ignore
    expect(drawn(items, windowOf(10), 3)).toEqual([[0, 4], [5, 1]]) // prettier-ignore
    const [first, second] = glyphsOf(placed(items, windowOf(10), '1m'), 3)
    expect((second?.index ?? 0) - (first?.index ?? 0)).toBeGreaterThanOrEqual(3)
  })

  it('are never of different kinds, sets or sides', () => {
    const entry = ofEntry({ id: 'j', time: 6_000, title: 'Note', mood: null, has_trade: false })
    const items = [
      news(6_000),
      entry,
      signal(6_000),
      signal(6_001, { type: 'sell' }),
      signal(6_002, { dataset_id: 'e' }),
    ]
    expect(drawn(items, windowOf(3), 5)).toEqual([[0, 1], [0, 1], [0, 1], [0, 1], [0, 1]]) // prettier-ignore
  })

  it('stand one beyond the other on the same side of a bar', () => {
    const items = [signal(6_000), signal(6_001, { dataset_id: 'e' }), signal(6_002, { type: 'exit' }), signal(6_300)]
    const glyphs = glyphsOf(placed(items, windowOf(10), '1m'), 2)
    expect(glyphs.map(({ level, items: [look] }) => [look.place, level])).toEqual([
      ['below', 0],
      ['below', 1],
      ['above', 0],
      ['below', 0],
    ])
  })

  it('signals at a price stay on their own bar', () => {
    const items = [signal(6_000, { price: '10' }), signal(6_060, { price: '12' }), signal(6_061, { price: '14' })]
    const glyphs = glyphsOf(placed(items, windowOf(10), '1m'), 9)
    expect(glyphs.map(({ index, price }) => [index, price])).toEqual([[0, 10], [1, 13]]) // prettier-ignore
  })
})

describe('the look of a mark', () => {
  it('is what its file says, else that of its type', () => {
    expect(signal(1)).toMatchObject({ place: 'below', shape: 'arrow-up', colour: 'up', label: 'in' })
    expect(signal(1, { type: 'short' })).toMatchObject({ place: 'above', shape: 'arrow-down', colour: 'down' })
    const own = signal(1, { type: 'info', price: '97.5', color: '#ff00aa', icon: 'flag' })
    expect(own).toMatchObject({ place: 'price', price: 97.5, shape: 'flag', colour: '#ff00aa' })
  })

  it('tells a mood by a sign too', () => {
    expect([news(1).sign, news(1, 'negative').sign]).toEqual(['+', '−'])
  })

  it('puts a story where it became known', () => {
    expect(news(6_000).time).toBe(6_000)
  })
})

describe('the spans that marks are asked in', () => {
  const holds = (from: number, to: number) => {
    const tiles = tilesOf({ from, to })
    const room = (to - from) / 2
    expect(tiles.length).toBeGreaterThan(0)
    expect(tiles.length).toBeLessThanOrEqual(2)
    expect(tiles[0]?.from).toBeLessThanOrEqual(Math.max(0, from - room))
    expect(tiles.at(-1)?.to).toBeGreaterThanOrEqual(Math.min(4_102_444_800, to + room))
    tiles.slice(1).forEach((tile, index) => expect(tile.from).toBe(tiles[index]?.to))
  }

  it('hold the screen and half of it on either side, in two pieces at most', () => {
    for (const length of [1, 60, 9_000, 86_400, 3e7, 9e8]) {
      for (const at of [0, 1_700_000_123, 1_795_255_200.5, 4_000_000_000]) holds(at, at + length)
    }
  })

  it('are the same after a small move', () => {
    const from = 1_700_000_000
    const before = JSON.stringify(tilesOf({ from, to: from + 9_000 }))
    const same = [1, 60, 300].filter(
      (by) => JSON.stringify(tilesOf({ from: from + by, to: from + by + 9_000 })) === before,
    )
    expect(same).toHaveLength(3)
  })
})
