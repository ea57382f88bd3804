/** Which bar the crosshair of a chart stands at, shared with the other charts of the workspace by time. */
import type { IChartApi, ISeriesApi, MouseEventParams, SeriesType, UTCTimestamp } from 'lightweight-charts'

import { createStore } from '@/lib/store'

import type { BarWindow } from '../data/windowStore'

/** The moment pointed at, and the chart where the pointer is. */
const pointed = createStore<{ time: number; by: Crosshair } | null>(null)

export class Crosshair {
  /** The index of the bar under the crosshair, null for the newest. */
  readonly cursor = createStore<number | null>(null)
  private frame = 0
  private latest: number | null = null
  /** The moment it was set at, which stays when bars come or the screen moves; null where a pointer is. */
  private held: number | null = null
  private following = false
  private readonly unwatch: () => void

  constructor(
    private readonly chart: IChartApi,
    private readonly window: BarWindow,
    private readonly series: () => ISeriesApi<SeriesType>,
  ) {
    chart.subscribeCrosshairMove((event) => this.onMove(event))
    this.unwatch = pointed.subscribe(() => this.follow())
  }

  stop(): void {
    cancelAnimationFrame(this.frame)
    this.unwatch()
  }

  /** Sets the crosshair at a bar. */
  place(index: number): void {
    const bar = this.window.at(index)
    if (!bar) return
    this.held = bar.time
    this.chart.setCrosshairPosition(bar.close, bar.time as UTCTimestamp, this.series())
    this.cursor.set(index)
  }

  /** Goes on standing at its moment after the bars or the screen have moved. */
  keep(): void {
    if (this.held === null) return
    const index = this.window.lowerBound(this.held + 1) - 1
    if (index < 0) this.clear()
    else this.place(index)
  }

  /** Stands at no bar any more, so that the next step begins at the newest on the screen. */
  clear(): void {
    this.held = null
    this.latest = null
    this.cursor.set(null)
    this.chart.clearCrosshairPosition()
  }

  private onMove({ logical, point, sourceEvent }: MouseEventParams): void {
    const own = sourceEvent !== undefined
    if (own) this.held = null
    if (this.held !== null) return
    const index = logical === undefined || !point ? null : Math.round(logical)
    this.latest = index !== null && index >= 0 && index < this.window.length ? index : null
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0
      if (this.held === null) this.cursor.set(this.latest)
      if (own && !this.following) this.publish()
    })
  }

  private publish(): void {
    const time = this.latest === null ? undefined : this.window.time[this.latest]
    if (time !== undefined) pointed.set({ time, by: this })
    else if (pointed.get()?.by === this) pointed.set(null)
  }

  private follow(): void {
    const target = pointed.get()
    if (target?.by === this) return
    this.following = true
    const at = target ? this.window.lowerBound(target.time + 1) - 1 : -1
    const [last = 0, before = last] = [this.window.last, this.window.time[this.window.length - 2]]
    if (at >= 0 && target && target.time < last + (last - before)) this.place(at)
    else this.clear()
    this.following = false
  }
}
