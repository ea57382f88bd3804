/** What of the bars is on the screen. */
import type { IChartApi } from 'lightweight-charts'

import { createStore } from '@/lib/store'

import type { Feed } from '../data/feed'
import type { Timeframe } from '../data/timeframes'
import { secondsOf } from '../data/timeframes'
import type { Replay } from './Replay'

/** Seconds. */
export interface TimeSpan {
  from: number
  to: number
}

/** What the screen shows of the bars that are opened: the newest, so many of them; a span, in which a replay goes on
 * at a moment; or what it showed before. */
export type View =
  | { kind: 'end'; bars?: number }
  | { kind: 'span'; span: TimeSpan; replayAt?: number }
  | { kind: 'keep'; span: TimeSpan | undefined }

/** The chart that is looked at. `shown`: how many of its bars may be seen. */
interface ViewHost {
  readonly replay: Replay
  readonly shown: number
}

export const USUAL_VISIBLE = 150
const USUAL_SPACING = 7
const RIGHT_ROOM = 6

export class Viewport {
  /** Whether the newest bar that may be seen is somewhere else. */
  readonly away = createStore(false)
  /** What {@link last} was when the chart was drawn. */
  readonly seen = createStore(-1)
  private frame = 0

  constructor(
    private readonly chart: IChartApi,
    private readonly feed: Feed,
    private readonly host: ViewHost,
  ) {}

  stop(): void {
    cancelAnimationFrame(this.frame)
  }

  /** Bars or the range changed: the library moves along with a new bar when it draws. */
  look(): void {
    cancelAnimationFrame(this.frame)
    this.frame = requestAnimationFrame(() => {
      const { shown, replay } = this.host
      const sees = replay.state.get().active ? this.sees(shown - 1) : this.follows()
      this.seen.set(this.last())
      this.away.set(this.feed.window.length > 0 && !sees)
    })
  }

  /** How many bars would fit. */
  bars(): number {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    return range ? range.to - range.from : USUAL_VISIBLE
  }

  /** The index of the first bar on the screen. */
  first(): number {
    return Math.max(0, Math.floor(this.chart.timeScale().getVisibleLogicalRange()?.from ?? 0))
  }

  /** The index of the last bar on the screen that may be seen; -1 where there is none. */
  last(): number {
    const right = this.chart.timeScale().getVisibleLogicalRange()?.to ?? Infinity
    return Math.min(this.host.shown - 1, Math.max(0, Math.floor(right)))
  }

  /** The seconds between the edges of the screen. */
  span(): TimeSpan | undefined {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    const { window, state } = this.feed
    if (!range || window.length === 0) return undefined
    const { timeframe } = state.get()
    return { from: window.timeAt(range.from, timeframe), to: window.timeAt(range.to, timeframe) }
  }

  /** The seconds between the edges with a moment in the middle. */
  around(time: number, timeframe: Timeframe): TimeSpan {
    const half = (this.bars() / 2) * secondsOf(timeframe)
    return { from: time - half, to: time + half }
  }

  /** Whether the newest bar there is can be seen. */
  follows(): boolean {
    return !this.feed.state.get().newer && this.sees(this.feed.window.length - 1)
  }

  /** The range of the newest bars that may be seen: `bars` of them, or as many as look well at this width. */
  newest(bars?: number): { from: number; to: number } {
    const usual = Math.min(USUAL_VISIBLE, Math.max(30, this.chart.timeScale().width() / USUAL_SPACING))
    const to = this.host.shown - 1 + RIGHT_ROOM
    return { from: to - (bars ?? usual + RIGHT_ROOM - 1), to }
  }

  /** Where in the window a view is. */
  rangeOf(view: View): { from: number; to: number } {
    if (view.kind === 'end') return this.newest(view.bars)
    if (!view.span) return this.newest()
    const { window, state } = this.feed
    const { timeframe } = state.get()
    return { from: window.logicalAt(view.span.from, timeframe), to: window.logicalAt(view.span.to, timeframe) }
  }

  private sees(index: number): boolean {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    return range === null || range.to >= index
  }
}
