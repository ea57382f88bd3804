/** Which bar the crosshair of a chart stands at, shared with the other charts of the workspace by time. */
import type { IChartApi, ISeriesApi, MouseEventParams, SeriesType, UTCTimestamp } from 'lightweight-charts'

import { createStore } from '@/lib/store'

import type { BarWindow } from '../data/windowStore'

/** The moment pointed at, and the chart where the pointer is. */
const pointed = createStore<{ time: number; by: Crosshair } | null>(null)

/** The chart whose crosshair it is. `shown`: how many of its bars may be seen. */
export interface CrosshairHost {
  readonly chart: IChartApi
  readonly feed: { readonly window: BarWindow }
  readonly price: { readonly series: ISeriesApi<SeriesType> }
  readonly shown: number
}

export class Crosshair {
  /** The index of the bar under the crosshair, null for the newest. */
  readonly cursor = createStore<number | null>(null)
  private frame = 0
  private latest: number | null = null
  private untold = false
  /** The moment it was set at by keys or by another chart, until a pointer comes; null where a pointer is. */
  private held: number | null = null
  private drawing = false
  private readonly unwatch: () => void

  constructor(private readonly host: CrosshairHost) {
    host.chart.subscribeCrosshairMove((event) => this.onMove(event))
    host.chart.timeScale().subscribeVisibleLogicalRangeChange(this.redraw)
    this.unwatch = pointed.subscribe(() => this.follow())
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
    this.unwatch()
    this.host.chart.timeScale().unsubscribeVisibleLogicalRangeChange(this.redraw)
    if (pointed.get()?.by === this) pointed.set(null)
  }

  /** Sets the crosshair at a bar. */
  place(index: number): void {
    const bar = index < this.host.shown ? this.host.feed.window.at(index) : undefined
    if (bar) this.hold(bar.time)
  }

  /** Stands at no bar any more, so that the next step begins at the newest on the screen. */
  clear(): void {
    this.held = null
    this.latest = null
    this.cursor.set(null)
    this.silently(() => this.host.chart.clearCrosshairPosition())
  }

  private hold(time: number): void {
    this.held = time
    this.redraw()
  }

  /** The line at the moment that is held, whatever bars and screen there are now; none where its bar is not on it. */
  readonly redraw = (): void => {
    if (this.held === null) return
    const { chart, feed, price } = this.host
    const index = this.indexAt(this.held)
    const bar = index === null ? undefined : feed.window.at(index)
    const range = chart.timeScale().getVisibleLogicalRange()
    this.cursor.set(index)
    this.silently(() => {
      if (!bar || index === null || !range || index < range.from || index > range.to) chart.clearCrosshairPosition()
      else chart.setCrosshairPosition(bar.close, bar.time as UTCTimestamp, price.series)
    })
  }

  /** The bar that is open at a moment, among those that may be seen. */
  private indexAt(time: number): number | null {
    const { feed, shown } = this.host
    const index = feed.window.lowerBound(time + 1) - 1
    if (index < 0 || index >= shown) return null
    const [opened = 0, before = -Infinity] = [feed.window.time[index], feed.window.time[index - 1]]
    return index === shown - 1 && time >= opened + (opened - before) ? null : index
  }

  private silently(act: () => void): void {
    this.drawing = true
    act()
    this.drawing = false
  }

  /** Also told by the library, without an event, whenever it has computed its line anew, from pixels under which
   * another bar may stand by then; and without a point when the pointer has left. */
  private onMove({ logical, point, sourceEvent }: MouseEventParams): void {
    if (this.drawing) return
    if (sourceEvent) this.held = null
    if (this.held !== null) {
      this.redraw()
      return
    }
    const index = logical === undefined || !point ? null : Math.round(logical)
    this.latest = index !== null && index >= 0 && index < this.host.shown ? index : null
    this.untold ||= sourceEvent !== undefined || !point
    this.frame ||= requestAnimationFrame(() => this.tell())
  }

  private tell(): void {
    this.frame = 0
    if (this.held === null) this.cursor.set(this.latest)
    if (this.untold) this.publish()
    this.untold = false
  }

  private publish(): void {
    const time = this.latest === null ? undefined : this.host.feed.window.time[this.latest]
    if (time !== undefined) pointed.set({ time, by: this })
    else if (pointed.get()?.by === this) pointed.set(null)
  }

  private follow(): void {
    const target = pointed.get()
    if (target?.by === this) return
    if (target && this.indexAt(target.time) !== null) this.hold(target.time)
    else this.clear()
  }
}
