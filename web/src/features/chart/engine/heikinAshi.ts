import type { Bar, BarWindow } from '../data/windowStore'

/**
 * Heikin-Ashi bars of a window: close = (o + h + l + c) / 4, open = mean of the previous Heikin-Ashi open and close.
 * The first bar opens at (o + c) / 2; each bar halves what that choice matters.
 */
export class HeikinAshi {
  private readonly opens: Float64Array
  private readonly closes: Float64Array

  constructor(private readonly window: BarWindow) {
    this.opens = new Float64Array(window.limit)
    this.closes = new Float64Array(window.limit)
  }

  /** Computes anew from a bar on. */
  refresh(from: number): void {
    const { open, high, low, close, length } = this.window
    for (let index = from; index < length; index += 1) {
      const [o, h, l, c] = [open[index] ?? NaN, high[index] ?? NaN, low[index] ?? NaN, close[index] ?? NaN]
      const before = index === 0 ? (o + c) / 2 : ((this.opens[index - 1] ?? o) + (this.closes[index - 1] ?? c)) / 2
      this.opens[index] = before
      this.closes[index] = (o + h + l + c) / 4
    }
  }

  at(index: number): Bar | undefined {
    const bar = this.window.at(index)
    if (!bar) return undefined
    const [open, close] = [this.opens[index] ?? bar.open, this.closes[index] ?? bar.close]
    return { ...bar, open, close, high: Math.max(bar.high, open, close), low: Math.min(bar.low, open, close) }
  }
}
