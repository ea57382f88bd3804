/** The line and the label of the newest price, wherever the screen is. */
import type { IPriceLine, ISeriesApi, SeriesType } from 'lightweight-charts'
import { LineStyle } from 'lightweight-charts'

import type { Feed } from '../data/feed'

/** The library's own label names the last bar that is visible, which is not the price once one has scrolled back. */
export const NO_LABEL_OF_ITS_OWN = { lastValueVisible: false, priceLineVisible: false }

export class LastPrice {
  private line: IPriceLine | null = null
  private series: ISeriesApi<SeriesType> | null = null

  constructor(private readonly feed: Pick<Feed, 'window' | 'state'>) {}

  /** Shows the close of the last of the first `shown` bars, on `series`; nothing while newer bars are not loaded. */
  show(series: ISeriesApi<SeriesType>, shown: number, colour: (rises: boolean) => string): void {
    const { window, state } = this.feed
    const bar = window.at(shown - 1)
    const isNewest = shown < window.length || !state.get().newer
    if (!bar || !isNewest) {
      this.hide()
      return
    }
    const options = { price: bar.close, color: colour(bar.close >= bar.open) }
    if (this.line) {
      this.line.applyOptions(options)
      return
    }
    this.series = series
    this.line = series.createPriceLine({
      ...options,
      lineWidth: 1,
      lineStyle: LineStyle.Dotted,
      axisLabelVisible: true,
    })
  }

  /** Takes it away; to be called before its series goes. */
  hide(): void {
    if (this.line) this.series?.removePriceLine(this.line)
    this.line = null
  }
}
