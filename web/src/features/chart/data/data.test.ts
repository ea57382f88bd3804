import { describe, expect, it } from 'vitest'

import { encode } from '@/mocks/candles'

import type { BarPage } from './api'
import { columnOf, parseColumns } from './columns'
import { decimalsShown, MOST_AT_ONCE, PAGE, pageBefore } from './pages'
import { nextOpening, secondsOf, timeframeFor, TIMEFRAMES } from './timeframes'
import type { BarColumns } from './windowStore'
import { BarWindow } from './windowStore'

/** Seeded, so that a failure can be seen again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}

const bar = (time: number, close = time) => ({ time, open: close, high: close, low: close, close, volume: 1 })

function pageOf(times: number[], close: (time: number) => number = (time) => time): BarColumns {
  const closes = times.map(close)
  return { time: times, open: closes, high: closes, low: closes, close: closes, volume: times.map(() => 1) }
}

const range = (from: number, until: number) => Array.from({ length: until - from }, (_, index) => from + index)
const timesOf = (window: BarWindow) => [...window.time.subarray(0, window.length)]

describe('pages of the past', () => {
  it('are the same for everybody after the first, whenever one began to look', () => {
    const draw = random(5)
    for (const timeframe of TIMEFRAMES.filter((each) => each !== '1M')) {
      const pace = secondsOf(timeframe)
      const monday = timeframe === '1w' ? 4 * 86_400 : 0
      const begins = range(0, 40).map(() => {
        let before = monday + Math.floor((1_700_000_000 + draw() * 1e7) / pace) * pace
        const first = pageBefore(timeframe, before)
        expect(first.before).toBe(before)
        expect(first.limit).toBeGreaterThanOrEqual(MOST_AT_ONCE - PAGE)
        expect(first.limit).toBeLessThanOrEqual(MOST_AT_ONCE)
        before -= first.limit * pace
        expect(pageBefore(timeframe, before).limit).toBe(PAGE)
        return before % (PAGE * pace)
      })
      expect(new Set(begins).size).toBe(1)
    }
  })
})

describe('columns', () => {
  const header = {
    series: 'bybit:X',
    timeframe: '1m',
    price_decimals: 2,
    volume_decimals: 3,
    from: 0,
    until: 0,
    more: false,
    gaps: [],
  }

  it('come back as they were written, f64 exactly and f32 nearly', () => {
    const page = parseColumns(encode([[60, 1.1, 5], [120, 0.3, 7.25]], header, ['time', 'close', 'volume'])) // prettier-ignore
    expect([...columnOf(page, 'close')]).toEqual([1.1, 0.3])
    expect([...columnOf(page, 'volume')]).toEqual([5, 7.25])
    expect(page.header.count).toBe(2)
  })

  it('say what is wrong with an answer that is none', () => {
    const good = encode([[60, 1]], header, ['time', 'close'])
    expect(() => parseColumns(new ArrayBuffer(3))).toThrow(/too short/)
    expect(() => parseColumns(new TextEncoder().encode('<html>no</html>').buffer as ArrayBuffer)).toThrow(/<htm/)
    expect(() => parseColumns(good.slice(0, 20))).toThrow(/cut off/)
    expect(() => parseColumns(good.slice(0, -1))).toThrow(/close is cut off/)
    expect(() => columnOf(parseColumns(good), 'open')).toThrow(/no column open/)
  })
})

describe('the window', () => {
  it('holds strictly rising times and no more than its limit, whatever comes', () => {
    for (let seed = 1; seed <= 60; seed += 1) {
      const next = random(seed)
      const window = new BarWindow(700)
      let revision = 0
      const version = new Map<number, number>()
      const closeOf = (time: number) => {
        version.set(time, (revision += 1))
        return revision
      }
      window.replace(pageOf(range(5_000, 5_200), closeOf))
      for (let step = 0; step < 80; step += 1) {
        const [first = 0, last = 0] = [window.first, window.last]
        const before = timesOf(window)
        const count = 1 + Math.floor(next() * 300)
        const overlap = Math.floor(next() * 5)
        const choice = next()
        let change
        if (choice < 0.3) {
          const older = range(first - count, first + overlap)
          change = window.prepend(pageOf(older, (time) => (time < first ? closeOf(time) : -1)))
        } else if (choice < 0.6) change = window.append(pageOf(range(last + 1 - overlap, last + count), closeOf))
        else {
          const time = last + Math.floor(next() * 2)
          change = window.put(bar(time, closeOf(time)))
        }
        const times = timesOf(window)
        expect(window.length).toBeLessThanOrEqual(700)
        expect(times.every((time, index) => index === 0 || time > (times[index - 1] ?? 0))).toBe(true)
        expect(times.every((time, index) => window.close[index] === version.get(time))).toBe(true)
        const moved = times.findIndex((time) => before.includes(time))
        if (moved >= 0) expect(moved - before.indexOf(times[moved] ?? 0)).toBe(change.shift)
      }
    }
  })

  it('keeps the newest bars when one page is more than it holds', () => {
    const window = new BarWindow(100)
    window.replace(pageOf(range(0, 250)))
    expect([window.first, window.last, window.length]).toEqual([150, 249, 100])
    window.append(pageOf(range(250, 600)))
    expect([window.first, window.last, window.length]).toEqual([500, 599, 100])
    window.prepend(pageOf(range(0, 500)))
    expect([window.first, window.last, window.length]).toEqual([400, 499, 100])
  })

  it('corrects a bar it holds, and takes none that it would have to squeeze in', () => {
    const window = new BarWindow(10)
    window.replace(pageOf([10, 20, 40]))
    expect(window.put(bar(20, 99))).toEqual({ from: 1, shift: 0 })
    window.put(bar(30))
    window.put(bar(5))
    expect(timesOf(window)).toEqual([10, 20, 40])
    expect(window.at(1)?.close).toBe(99)
  })

  it('makes room for many live bars at once and says how far the others moved', () => {
    const window = new BarWindow(1_000)
    window.replace(pageOf(range(0, 1_000)))
    expect(window.put(bar(1_000))).toEqual({ from: 0, shift: -250 })
    expect([window.first, window.last, window.length]).toEqual([250, 1_000, 751])
  })

  it('turns times into places and back, over gaps and beyond both ends', () => {
    const window = new BarWindow(50)
    window.replace(pageOf([0, 60, 120, 600, 660]))
    for (const logical of [-7.5, -1, 0, 0.5, 1.25, 2, 2.5, 3, 4, 9.75]) {
      expect(window.logicalAt(window.timeAt(logical, '1m'), '1m')).toBeCloseTo(logical, 9)
    }
    expect(window.timeAt(2.5, '1m')).toBe(360)
    expect(window.timeAt(-2, '1m')).toBe(-120)
  })
})

describe('timeframes', () => {
  it('rise along the ladder', () => {
    const seconds = TIMEFRAMES.map(secondsOf)
    expect(seconds).toEqual([...seconds].sort((a, b) => a - b))
  })

  it('have calendar months', () => {
    expect(nextOpening(Date.UTC(2027, 0, 1) / 1000, '1M')).toBe(Date.UTC(2027, 1, 1) / 1000)
    expect(nextOpening(Date.UTC(2026, 11, 1) / 1000, '1M')).toBe(Date.UTC(2027, 0, 1) / 1000)
    expect(nextOpening(0, '5m')).toBe(300)
  })

  it('grow coarser on a wide zoom and fine again, never finer than chosen, without going to and fro', () => {
    expect(timeframeFor('1m', '1m', 999)).toBe('1m')
    for (const chosen of TIMEFRAMES) {
      for (let span = secondsOf(chosen) * 10; span < 4e9; span *= 1.3) {
        const wide = timeframeFor(chosen, chosen, span / secondsOf(chosen))
        expect(secondsOf(wide)).toBeGreaterThanOrEqual(secondsOf(chosen))
        if (wide !== '1M') expect(span / secondsOf(wide)).toBeLessThanOrEqual(1_000)
        expect(timeframeFor(chosen, wide, span / secondsOf(wide))).toBe(wide)
      }
    }
    expect(timeframeFor('1m', '1h', 20)).toBe('3m')
    expect(timeframeFor('1h', '1d', 10)).toBe('1h')
  })
})

it.each([
  [71_254.1, 1, 1],
  [71_254.123456, 8, 2],
  [74.77018901, 8, 4],
  [0.0349123456, 8, 7],
  [0.00002487, 8, 8],
  [0, 3, 3],
])('shows %d with its %i decimals as %i', (close, decimals, shown) => {
  const page = { count: 1, close: [close], price_decimals: decimals } as unknown as BarPage
  expect(decimalsShown(page)).toBe(shown)
})
