/** The one native series of a chart, in the type the reader chose. */
import type {
  BarData,
  IChartApi,
  ISeriesApi,
  ISeriesPrimitive,
  LineData,
  SeriesType,
  Time,
  UTCTimestamp,
} from 'lightweight-charts'
import { AreaSeries, BarSeries, CandlestickSeries, LineSeries, PriceScaleMode } from 'lightweight-charts'

import { money } from '@/lib/numbers'

import type { Feed } from '../data/feed'
import type { BarWindow } from '../data/windowStore'
import { HeikinAshi } from './heikinAshi'
import { LastPrice, NO_LABEL_OF_ITS_OWN } from './LastPrice'
import type { ChartType, ScaleMode } from './spec'
import type { ChartColours } from './theme'
import { faded } from './theme'

const MODES = { linear: PriceScaleMode.Normal, log: PriceScaleMode.Logarithmic, percent: PriceScaleMode.Percentage }

export class PriceLayer {
  series: ISeriesApi<SeriesType>
  private readonly window: BarWindow
  private readonly heikinAshi: HeikinAshi
  private readonly last: LastPrice
  private colours: ChartColours | null = null
  private shown = 0
  private readonly attached: ISeriesPrimitive<Time>[] = []

  constructor(
    private readonly chart: IChartApi,
    feed: Pick<Feed, 'window' | 'state'>,
    private type: ChartType,
  ) {
    this.window = feed.window
    this.heikinAshi = new HeikinAshi(feed.window)
    this.last = new LastPrice(feed)
    this.series = this.make()
  }

  /** Draws over the series, whatever its type becomes. */
  attach(primitive: ISeriesPrimitive<Time>): void {
    this.attached.push(primitive)
    this.series.attachPrimitive(primitive)
  }

  setType(type: ChartType): void {
    this.last.hide()
    this.chart.removeSeries(this.series)
    this.type = type
    this.series = this.make()
    for (const primitive of this.attached) this.series.attachPrimitive(primitive)
  }

  paint(colours: ChartColours, decimals: number): void {
    this.colours = colours
    const { up, down, ink } = colours
    const priceFormat = {
      type: 'custom' as const,
      formatter: (value: number) => money(value, decimals),
      minMove: 10 ** -decimals,
    }
    const looks = {
      candles: { upColor: up, downColor: down, borderVisible: false, wickUpColor: up, wickDownColor: down },
      bars: { upColor: up, downColor: down },
      line: { color: ink, lineWidth: 2 },
      area: { lineColor: ink, topColor: faded(ink, 0.16), bottomColor: faded(ink, 0), lineWidth: 2 },
    }
    const look = looks[this.type === 'heikin-ashi' ? 'candles' : this.type]
    this.series.applyOptions({ ...look, priceFormat } as never)
    this.showLast()
  }

  setScale(mode: ScaleMode): void {
    this.chart.priceScale('right', 0).applyOptions({ mode: MODES[mode], autoScale: true })
  }

  /** Hands the first `shown` bars over anew. */
  setAll(shown: number): void {
    if (this.type === 'heikin-ashi') this.heikinAshi.refresh(0)
    this.series.setData(Array.from({ length: shown }, (_, index) => this.row(index)))
    this.shown = shown
    this.showLast()
  }

  /** Hands over the bars from an index on, which must not lie before the last one handed over. */
  update(from: number, shown: number): void {
    if (this.type === 'heikin-ashi') this.heikinAshi.refresh(from)
    for (let index = from; index < shown; index += 1) this.series.update(this.row(index))
    this.shown = shown
    this.showLast()
  }

  private showLast(): void {
    const { colours } = this
    if (!colours) return
    const plain = this.type === 'line' || this.type === 'area'
    this.last.show(this.series, this.shown, (rises) => (plain ? colours.ink : rises ? colours.up : colours.down))
  }

  private row(index: number): BarData | LineData {
    const time = (this.window.time[index] ?? 0) as UTCTimestamp
    if (this.type === 'line' || this.type === 'area') return { time, value: this.window.close[index] ?? NaN }
    const bar = this.type === 'heikin-ashi' ? this.heikinAshi.at(index) : this.window.at(index)
    return { time, open: bar?.open ?? NaN, high: bar?.high ?? NaN, low: bar?.low ?? NaN, close: bar?.close ?? NaN }
  }

  private make(): ISeriesApi<SeriesType> {
    switch (this.type) {
      case 'candles':
      case 'heikin-ashi':
        return this.chart.addSeries(CandlestickSeries, NO_LABEL_OF_ITS_OWN, 0)
      case 'bars':
        return this.chart.addSeries(BarSeries, { ...NO_LABEL_OF_ITS_OWN, thinBars: false }, 0)
      case 'line':
        return this.chart.addSeries(LineSeries, NO_LABEL_OF_ITS_OWN, 0)
      case 'area':
        return this.chart.addSeries(AreaSeries, NO_LABEL_OF_ITS_OWN, 0)
    }
  }
}
