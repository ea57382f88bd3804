/** Moving about a chart by keys and buttons, for which nothing needs to be dragged. */
import type { IChartApi } from 'lightweight-charts'

import type { Crosshair } from './Crosshair'

export class Navigator {
  constructor(
    private readonly chart: IChartApi,
    private readonly shown: () => number,
    private readonly crosshair: Crosshair,
  ) {}

  /** Moves by a share of the screen. */
  pan(share: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    if (!range) return
    const by = (range.to - range.from) * share
    this.chart.timeScale().setVisibleLogicalRange({ from: range.from + by, to: range.to + by })
  }

  /** Shows `factor` times as many bars, keeping the right edge. */
  zoom(factor: number): void {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    if (!range) return
    this.chart.timeScale().setVisibleLogicalRange({ from: range.to - (range.to - range.from) * factor, to: range.to })
  }

  /** Moves the crosshair by bars and gives the index where it stands now. */
  step(by: number): number {
    const newest = this.shown() - 1
    const range = this.chart.timeScale().getVisibleLogicalRange()
    const start = this.crosshair.cursor.get() ?? Math.min(newest, Math.floor(range?.to ?? 0))
    const index = Math.max(0, Math.min(newest, start + by))
    if (!range) return index
    const outside = index < range.from || index > range.to
    if (outside) this.pan((index - (range.from + range.to) / 2) / (range.to - range.from))
    this.crosshair.place(index)
    return index
  }

  leave(): void {
    this.crosshair.clear()
  }
}
