/** Another series beside the first: its closes by time, live while the first one is. */
import type { TickFrame } from '../data/tickStore'
import type { OutputFeed } from './OutputFeed'

export class CompareView {
  private unwatch: (() => void) | null = null

  constructor(
    readonly series: string,
    readonly feed: OutputFeed,
    private readonly watch: (topic: string, onFrame: (frame: TickFrame) => void) => () => void,
  ) {}

  /** Listens at another timeframe, having forgotten what it held. */
  listen(timeframe: string): void {
    this.unwatch?.()
    this.unwatch = this.watch(`candles:${this.series}:${timeframe}`, ({ bars }) =>
      this.feed.put({ time: bars.map((bar) => bar[0]), columns: [bars.map((bar) => bar[4])] }),
    )
  }

  get closes(): Float64Array {
    return this.feed.columns[0] ?? new Float64Array(0)
  }

  remove(): void {
    this.unwatch?.()
    this.feed.stop()
  }
}
