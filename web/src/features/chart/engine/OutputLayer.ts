/** What is drawn into the price pane besides the price: volume below it, outputs above it. */
import type { BarWindow } from '../data/windowStore'
import { OutputPrimitive } from '../output/OutputPrimitive'
import type { Plot } from '../output/plots'
import type { PriceLayer } from './PriceLayer'
import type { ChartColours } from './theme'

export class OutputLayer {
  private readonly below: { plots: Plot[]; length: () => number; base: (index: number) => number }
  private readonly behind: OutputPrimitive
  private volume = false
  private colours: ChartColours | null = null

  constructor(
    private readonly window: BarWindow,
    private readonly price: PriceLayer,
  ) {
    this.below = { plots: [], length: () => window.length, base: (index) => window.close[index] ?? NaN }
    this.behind = new OutputPrimitive(this.below, 'bottom')
    this.attach()
  }

  /** Attaches to the price series, which is another one after a change of type. */
  attach(): void {
    this.price.series.attachPrimitive(this.behind)
  }

  setVolume(volume: boolean): void {
    this.volume = volume
    this.compose()
  }

  paint(colours: ChartColours): void {
    this.colours = colours
    this.compose()
  }

  refresh(): void {
    this.behind.requestUpdate()
  }

  private compose(): void {
    const { colours, window } = this
    if (!colours) return
    const rose = (index: number) => (window.close[index] ?? 0) >= (window.open[index] ?? 0)
    this.below.plots = this.volume
      ? [{ id: 'volume', kind: 'volume', values: window.volume, rose, colour: colours.up, down: colours.down }]
      : []
    this.behind.requestUpdate()
  }
}
