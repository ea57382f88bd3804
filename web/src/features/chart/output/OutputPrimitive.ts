/** Draws all output columns of a pane, touching only the bars on the screen. */
import type {
  AutoscaleInfo,
  IPrimitivePaneView,
  ISeriesPrimitive,
  Logical,
  PrimitivePaneViewZOrder,
  SeriesAttachedParameter,
  Time,
} from 'lightweight-charts'
import { PriceScaleMode } from 'lightweight-charts'

import { extent } from './geometry'
import type { Frame } from './paint'
import { paintUpTo } from './paint'
import type { Plot } from './plots'

export interface OutputSource {
  plots: readonly Plot[]
  /** How many bars may be drawn. */
  length: () => number
  /** The bar that still forms; Infinity where all are closed. */
  forming: () => number
  /** The price of the first series at a bar, to which compared ones are brought. */
  base: (index: number) => number
}

type Target = Parameters<NonNullable<ReturnType<IPrimitivePaneView['renderer']>>['draw']>[0]

export class OutputPrimitive implements ISeriesPrimitive<Time> {
  private host: SeriesAttachedParameter<Time> | null = null
  private readonly views: readonly IPrimitivePaneView[]

  constructor(
    private readonly source: OutputSource,
    order: PrimitivePaneViewZOrder,
  ) {
    this.views = [{ zOrder: () => order, renderer: () => ({ draw: (target: Target) => this.draw(target) }) }]
  }

  attached(host: SeriesAttachedParameter<Time>): void {
    this.host = host
  }

  detached(): void {
    this.host = null
  }

  requestUpdate(): void {
    this.host?.requestUpdate()
  }

  paneViews(): readonly IPrimitivePaneView[] {
    return this.views
  }

  autoscaleInfo(start: Logical, end: Logical): AutoscaleInfo | null {
    let [low, high] = [Infinity, -Infinity]
    const [from, to] = [Math.floor(start), Math.min(this.source.length() - 1, Math.ceil(end))]
    const include = (values: Float64Array, scale = 1) => {
      const found = extent(values, from, to)
      if (!found) return
      low = Math.min(low, found.low * scale)
      high = Math.max(high, found.high * scale)
    }
    for (const plot of this.source.plots) {
      if (plot.kind === 'volume' || plot.kind === 'level' || plot.kind === 'gaps') continue
      if (plot.kind === 'compare') include(plot.values, this.scaleOf(plot.values, from))
      else include(plot.values)
      if (plot.kind === 'band') include(plot.other)
      if (plot.kind === 'histogram' || plot.kind === 'columns') [low, high] = [Math.min(low, 0), Math.max(high, 0)]
    }
    return low <= high ? { priceRange: { minValue: low, maxValue: high } } : null
  }

  private draw(target: Target): void {
    const { host, source } = this
    const range = host?.chart.timeScale().getVisibleLogicalRange()
    if (!host || !range || source.plots.length === 0) return
    target.useBitmapCoordinateSpace(
      ({ context, bitmapSize, horizontalPixelRatio: ratio, verticalPixelRatio, mediaSize }) => {
        const x0 = this.xOf(0, ratio)
        const dx = (this.xOf(1_000, ratio) - x0) / 1_000
        const from = Math.max(0, Math.floor(range.from) - 1)
        const to = Math.min(source.length() - 1, Math.ceil(range.to) + 1)
        const yOf = this.converter(mediaSize.height)
        const frame: Frame = {
          context,
          at: { from, to, x0, dx },
          width: bitmapSize.width,
          height: bitmapSize.height,
          ratio,
          yOf: (value) => yOf(value) * verticalPixelRatio,
          scaleOf: (values) => this.scaleOf(values, Math.max(0, Math.floor(range.from))),
        }
        for (const plot of source.plots) paintUpTo(frame, plot, source.forming())
      },
    )
  }

  private xOf(index: number, ratio: number): number {
    return (this.host?.chart.timeScale().logicalToCoordinate(index as Logical) ?? 0) * ratio
  }

  /** From value to pixel: linear and percent scales by two points, a logarithmic one by its own conversion. */
  private converter(height: number): (value: number) => number {
    const series = this.host?.series
    if (!series) return () => NaN
    const [top, bottom] = [series.coordinateToPrice(0), series.coordinateToPrice(height)]
    const logarithmic = series.priceScale().options().mode === PriceScaleMode.Logarithmic
    if (logarithmic || top === null || bottom === null || top === bottom) {
      return (value) => series.priceToCoordinate(value) ?? NaN
    }
    const slope = height / (bottom - top)
    return (value) => (value - top) * slope
  }

  /** What brings a compared series to the price of the first at the left edge of the screen. */
  private scaleOf(values: Float64Array, from: number): number {
    const length = this.source.length()
    for (let index = Math.max(0, from); index < length; index += 1) {
      const value = values[index] ?? NaN
      if (!Number.isNaN(value) && value !== 0) return this.source.base(index) / value
    }
    return NaN
  }
}
