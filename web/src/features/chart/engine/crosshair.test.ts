import type { IChartApi, ISeriesApi, MouseEventParams, SeriesType, Time } from 'lightweight-charts'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { BarWindow } from '../data/windowStore'
import { Crosshair } from './Crosshair'

/** What the library does with a crosshair: it tells of a line that is moved or taken away, and applies a range when
 * it draws. */
class FakeChart {
  range = { from: 0, to: 100 }
  line: number | null = null
  private told: (event: MouseEventParams) => void = () => undefined
  private ranged: () => void = () => undefined

  subscribeCrosshairMove = (told: (event: MouseEventParams) => void) => {
    this.told = told
  }
  setCrosshairPosition = (_: number, time: number) => {
    this.line = time
  }
  clearCrosshairPosition = () => {
    this.line = null
    this.told({ seriesData: new Map() } as MouseEventParams)
  }
  timeScale = () => ({
    getVisibleLogicalRange: () => this.range,
    subscribeVisibleLogicalRangeChange: (ranged: () => void) => {
      this.ranged = ranged
    },
    unsubscribeVisibleLogicalRangeChange: () => undefined,
  })

  show(from: number, to: number): void {
    this.range = { from, to }
    this.ranged()
  }
  /** The pointer moves, or (without an event) the library has computed its line anew. */
  at(logical: number | null, byPointer = true): void {
    const where = logical === null ? {} : { logical, point: { x: 1, y: 1 } }
    this.told({ ...where, ...(byPointer ? { sourceEvent: {} } : {}) } as MouseEventParams<Time>)
    vi.runAllTimers()
  }
}

function chartOf(first: number, count: number, step = 60) {
  const chart = new FakeChart()
  const window = new BarWindow(500)
  const fill = (from: number, bars: number, seconds: number) => {
    const time = Array.from({ length: bars }, (_, place) => from + place * seconds)
    const ones = time.map(() => 1)
    window.replace({ time, open: ones, high: ones, low: ones, close: ones, volume: ones })
  }
  fill(first, count, step)
  const host = {
    chart: chart as unknown as IChartApi,
    feed: { window },
    price: { series: {} as ISeriesApi<SeriesType> },
    limit: Infinity,
    get shown() {
      return Math.min(window.length, this.limit)
    },
  }
  return { chart, host, fill, crosshair: new Crosshair(host) }
}

describe('a crosshair', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('requestAnimationFrame', (draw: () => void) => setTimeout(draw, 16))
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  it('stays at its moment when older bars come, and the line with it', () => {
    const { chart, fill, crosshair } = chartOf(6_000, 100)
    crosshair.place(40)
    fill(0, 200, 60)
    crosshair.redraw()
    chart.show(100, 200)
    expect([crosshair.cursor.get(), chart.line]).toEqual([140, 8_400])
  })

  it('puts its line back where the library would leave it over another bar', () => {
    const { chart, crosshair } = chartOf(0, 100)
    crosshair.place(40)
    chart.line = 99
    chart.at(45, false)
    expect([crosshair.cursor.get(), chart.line]).toEqual([40, 2_400])
  })

  it('has no line while its bar is not on the screen, and has it again afterwards', () => {
    const { chart, crosshair } = chartOf(0, 100)
    crosshair.place(40)
    chart.show(60, 90)
    expect([crosshair.cursor.get(), chart.line]).toEqual([40, null])
    chart.show(20, 50)
    expect(chart.line).toBe(2_400)
  })

  it('keeps its exact moment through coarser bars', () => {
    const { chart, fill, crosshair } = chartOf(0, 100)
    crosshair.place(47)
    fill(0, 10, 600)
    crosshair.redraw()
    expect([crosshair.cursor.get(), chart.line]).toEqual([4, 2_400])
    fill(0, 100, 60)
    crosshair.redraw()
    expect(crosshair.cursor.get()).toBe(47)
  })

  it('stands at no other bar when its own is not known any more, and at its own when it comes back', () => {
    const { chart, fill, crosshair } = chartOf(0, 100)
    crosshair.place(99)
    fill(0, 50, 60)
    crosshair.redraw()
    expect([crosshair.cursor.get(), chart.line]).toEqual([null, null])
    fill(0, 100, 60)
    crosshair.redraw()
    expect(crosshair.cursor.get()).toBe(99)
  })

  it('gives nothing away of what a replay holds back', () => {
    const { chart, host, crosshair } = chartOf(0, 100)
    crosshair.place(80)
    host.limit = 50
    crosshair.redraw()
    expect([crosshair.cursor.get(), chart.line]).toEqual([null, null])
    crosshair.place(60)
    expect(crosshair.cursor.get()).toBeNull()
  })

  it('goes with a pointer that comes, and is followed by other charts until the pointer leaves', () => {
    const one = chartOf(0, 100)
    const other = chartOf(0, 10, 600)
    one.crosshair.place(10)
    one.chart.at(47)
    expect(one.crosshair.cursor.get()).toBe(47)
    expect([other.crosshair.cursor.get(), other.chart.line]).toEqual([4, 2_400])
    one.chart.at(null, false)
    expect([one.crosshair.cursor.get(), other.crosshair.cursor.get(), other.chart.line]).toEqual([null, null, null])
    one.crosshair.stop()
    other.crosshair.stop()
  })

  it('leaves no follower behind when its chart goes', () => {
    const one = chartOf(0, 100)
    const other = chartOf(0, 100)
    one.chart.at(30)
    expect(other.chart.line).toBe(1_800)
    one.crosshair.stop()
    expect(other.chart.line).toBeNull()
    other.crosshair.stop()
  })
})
