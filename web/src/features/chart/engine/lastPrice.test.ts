import type { ISeriesApi, PriceLineOptions, SeriesType } from 'lightweight-charts'
import { describe, expect, it } from 'vitest'

import { createStore } from '@/lib/store'

import type { FeedState } from '../data/feedTypes'
import { BarWindow } from '../data/windowStore'
import { LastPrice } from './LastPrice'

/** A series that keeps the lines it was given. */
function fakeSeries() {
  const lines: Partial<PriceLineOptions>[] = []
  const series = {
    createPriceLine: (options: Partial<PriceLineOptions>) => {
      const line = { ...options }
      lines.push(line)
      return { line, applyOptions: (change: Partial<PriceLineOptions>) => Object.assign(line, change) }
    },
    removePriceLine: ({ line }: { line: Partial<PriceLineOptions> }) => lines.splice(lines.indexOf(line), 1),
  }
  return { lines, series: series as unknown as ISeriesApi<SeriesType> }
}

function feedOf(closes: number[], newer = false) {
  const window = new BarWindow(100)
  closes.forEach((close, place) => window.put({ time: place * 60, open: 10, high: 20, low: 5, close, volume: 1 }))
  return { window, state: createStore({ newer } as FeedState) }
}

const colour = (rises: boolean) => (rises ? 'up' : 'down')

describe('the label of the newest price', () => {
  it('names the newest bar, in the colour of its way, and is moved instead of drawn again', () => {
    const feed = feedOf([11, 12])
    const { lines, series } = fakeSeries()
    const last = new LastPrice(feed)
    last.show(series, 2, colour)
    expect(lines).toMatchObject([{ price: 12, color: 'up', axisLabelVisible: true }])
    feed.window.put({ time: 60, open: 10, high: 20, low: 5, close: 7, volume: 1 })
    last.show(series, 2, colour)
    expect(lines).toMatchObject([{ price: 7, color: 'down' }])
  })

  it('is away while newer bars are not loaded: none of those here is the price', () => {
    const feed = feedOf([11, 12])
    const { lines, series } = fakeSeries()
    const last = new LastPrice(feed)
    last.show(series, 2, colour)
    feed.state.set({ newer: true } as FeedState)
    last.show(series, 2, colour)
    expect(lines).toEqual([])
    feed.state.set({ newer: false } as FeedState)
    last.show(series, 2, colour)
    expect(lines).toHaveLength(1)
  })

  it('names the last bar a replay shows', () => {
    const { lines, series } = fakeSeries()
    new LastPrice(feedOf([11, 12, 13], true)).show(series, 2, colour)
    expect(lines).toMatchObject([{ price: 12 }])
  })

  it('is away where there is no bar, and goes to the series that takes the place of the first', () => {
    const [first, second] = [fakeSeries(), fakeSeries()]
    const feed = feedOf([])
    const last = new LastPrice(feed)
    last.show(first.series, 0, colour)
    expect(first.lines).toEqual([])
    feed.window.put({ time: 0, open: 10, high: 20, low: 5, close: 12, volume: 1 })
    last.show(first.series, 1, colour)
    last.hide()
    last.show(second.series, 1, colour)
    expect([first.lines, second.lines.length]).toEqual([[], 1])
  })
})
