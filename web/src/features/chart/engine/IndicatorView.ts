/** One indicator or script on a chart: its values, what it draws over the price, and its own pane where it has one. */
import type { IChartApi, ISeriesApi, UTCTimestamp } from 'lightweight-charts'
import { LineSeries, PriceScaleMode } from 'lightweight-charts'

import { plotValue } from '@/lib/numbers'

import type { IndicatorPlot } from '../data/catalogue'
import type { Drawable } from '../data/drawable'
import type { Feed } from '../data/feed'
import type { OutputSource } from '../output/OutputPrimitive'
import { OutputPrimitive } from '../output/OutputPrimitive'
import type { Plot } from '../output/plots'
import type { OutputFeed } from './OutputFeed'
import type { IndicatorSpec } from './spec'
import type { ChartColours } from './theme'

const PANE_SHARE = 0.3

export class IndicatorView {
  pane: OwnPane | null = null
  /** As it was asked for; what a script draws is known with its first values only. */
  readonly wanted: Drawable

  constructor(
    private readonly chart: IChartApi,
    private readonly bars: Pick<Feed, 'window' | 'forming'>,
    private readonly shown: () => number,
    public indicator: Drawable,
    public spec: IndicatorSpec,
    readonly feed: OutputFeed,
  ) {
    this.wanted = indicator
    this.adopt(indicator)
  }

  /** Draws this from now on, in a pane of its own where it needs one. */
  adopt(indicator: Drawable): void {
    this.indicator = indicator
    const own = indicator.plots.some((plot) => plot.pane === 'own')
    if (own === (this.pane !== null)) return
    if (this.pane) this.chart.removeSeries(this.pane.anchor)
    this.pane = own ? new OwnPane(this.chart, this.bars, this.shown) : null
  }

  /** What it draws over the price. */
  overlays(colours: ChartColours): Plot[] {
    return [...(this.pane ? [] : this.levels(colours)), ...this.plots(colours, 'price')]
  }

  paint(colours: ChartColours): void {
    this.pane?.draw([...this.levels(colours), ...this.plots(colours, 'own')])
  }

  /** The values at a bar, as the legend says them. */
  valuesAt(index: number): { plot: IndicatorPlot; value: number }[] {
    return this.indicator.plots.map((plot, column) => ({ plot, value: this.feed.columns[column]?.[index] ?? NaN }))
  }

  refresh(replaced: boolean): void {
    if (replaced) this.pane?.settle()
    this.pane?.primitive.requestUpdate()
  }

  remove(): void {
    this.feed.stop()
    if (this.pane) this.chart.removeSeries(this.pane.anchor)
  }

  private levels(colours: ChartColours): Plot[] {
    if (this.spec.hidden) return []
    const { levels, script } = this.indicator
    const font = getComputedStyle(document.body).fontFamily
    const lines = (script?.lines ?? []).map(({ value, label, colour }, index): Plot => {
      return { id: `line-${index}`, kind: 'level', value, label, font, colour: colours.plots[colour] ?? colours.edge }
    })
    return [
      ...levels.map((value): Plot => ({ id: `level-${value}`, kind: 'level', value, colour: colours.edge })),
      ...lines,
    ]
  }

  private plots(colours: ChartColours, pane: 'price' | 'own'): Plot[] {
    if (this.spec.hidden) return []
    const { plots } = this.indicator
    return plots.flatMap((plot, column) => {
      const values = this.feed.columns[column]
      if (plot.pane !== pane || !values) return []
      const base = { id: `${this.spec.key}-${plot.id}`, colour: colours.plots[plot.colour - 1] ?? colours.ink, values }
      if (plot.kind !== 'band') return [{ ...base, kind: plot.kind }]
      const edge: Plot = { ...base, kind: 'line' }
      const other = this.feed.columns[plots.findIndex((each) => each.id === plot.band_with)]
      return other ? [{ ...base, kind: 'band', id: `${base.id}-fill`, other } as Plot, edge] : [edge]
    })
  }
}

/** A pane needs a series of its own to have a scale: one invisible point at the newest bar. */
class OwnPane {
  readonly anchor: ISeriesApi<'Line'>
  readonly primitive: OutputPrimitive
  private readonly source: OutputSource & { plots: Plot[] }

  constructor(
    private readonly chart: IChartApi,
    private readonly bars: Pick<Feed, 'window' | 'forming'>,
    private readonly shown: () => number,
  ) {
    this.source = { plots: [], length: shown, forming: () => bars.forming, base: () => NaN }
    this.primitive = new OutputPrimitive(this.source, 'normal')
    this.anchor = chart.addSeries(
      LineSeries,
      {
        lineVisible: false,
        crosshairMarkerVisible: false,
        lastValueVisible: false,
        priceLineVisible: false,
        priceFormat: { type: 'custom', formatter: plotValue, minMove: 1e-6 },
        autoscaleInfoProvider: () => this.range(),
      },
      chart.panes().length,
    )
    // A new pane takes after the chart: in percent of the price nothing of its own could be seen.
    const scaleMargins = { top: 0.22, bottom: 0.08 }
    this.anchor.priceScale().applyOptions({ mode: PriceScaleMode.Normal, scaleMargins })
    this.anchor.attachPrimitive(this.primitive)
    const price = chart.panes()[0]
    this.anchor.getPane().setStretchFactor((price?.getStretchFactor() ?? 1) * PANE_SHARE)
    this.settle()
  }

  draw(plots: Plot[]): void {
    this.source.plots = plots
    this.primitive.requestUpdate()
  }

  /** Stands at the newest bar again after the bars were replaced. */
  settle(): void {
    const time = this.bars.window.at(this.shown() - 1)?.time
    this.anchor.setData(time === undefined ? [] : [{ time: time as UTCTimestamp, value: 0 }])
  }

  private range() {
    const range = this.chart.timeScale().getVisibleLogicalRange()
    return range ? this.primitive.autoscaleInfo(range.from, range.to) : null
  }
}
