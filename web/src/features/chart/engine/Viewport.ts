/** What of the bars is on the screen. */
import type { IChartApi } from 'lightweight-charts'

import type { Feed } from '../data/feed'
import { secondsOf } from '../data/timeframes'

export const USUAL_VISIBLE = 150
const USUAL_SPACING = 7
const RIGHT_ROOM = 6

export class Viewport {
  constructor(
    private readonly chart: IChartApi,
    private readonly feed: Feed,
  ) {}

  /** How many bars would fit. */
  bars(): number {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    return range ? range.to - range.from : USUAL_VISIBLE
  }

  /** The index of the first bar on the screen. */
  first(): number {
    return Math.max(0, Math.floor(this.chart.timeScale().getVisibleLogicalRange()?.from ?? 0))
  }

  /** The seconds between the edges of the screen. */
  span(): { from: number; to: number } | undefined {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    const { window, state } = this.feed
    if (!range || window.length === 0) return undefined
    const { timeframe } = state.get()
    return { from: window.timeAt(range.from, timeframe), to: window.timeAt(range.to, timeframe) }
  }

  /** The seconds between the edges with a moment in the middle. */
  around(time: number): { from: number; to: number } {
    const half = (this.bars() / 2) * secondsOf(this.feed.state.get().timeframe)
    return { from: time - half, to: time + half }
  }

  /** Whether the newest bar there is can be seen. */
  follows(): boolean {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    return !this.feed.state.get().newer && (range === null || range.to >= this.feed.window.length - 1)
  }

  /** The range of the newest bars, as many as look well at this width. */
  newest(): { from: number; to: number } {
    const { length } = this.feed.window
    const visible = Math.min(USUAL_VISIBLE, Math.max(30, this.chart.timeScale().width() / USUAL_SPACING))
    return { from: length - visible, to: length - 1 + RIGHT_ROOM }
  }
}
