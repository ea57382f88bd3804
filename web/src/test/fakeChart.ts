/** As much of lightweight-charts as an engine asks for, without a canvas: it has a range and tells when it changes. */
import type { IChartApi } from 'lightweight-charts'

interface Range {
  from: number
  to: number
}

export class FakeChart {
  range: Range | null = null
  private readonly listeners = new Set<(range: Range | null) => void>()

  timeScale = () =>
    answering({
      getVisibleLogicalRange: () => this.range,
      setVisibleLogicalRange: (range: Range) => this.show(range),
      subscribeVisibleLogicalRangeChange: (listener: (range: Range | null) => void) => this.listeners.add(listener),
      unsubscribeVisibleLogicalRangeChange: (listener: (range: Range | null) => void) =>
        this.listeners.delete(listener),
      width: () => 1_050,
      height: () => 26,
    })

  chartElement = () => document.createElement('div')

  /** The reader moves it. */
  show(range: Range): void {
    this.range = range
    for (const listener of [...this.listeners]) listener(range)
  }
}

export const makeChart = () => answering(new FakeChart()) as unknown as IChartApi & FakeChart

/** Whatever else is asked for is a function that does nothing and answers with another such thing. */
function answering<Known extends object>(known: Known): Known {
  const nothing = (): unknown => answering({})
  return new Proxy(known, { get: (target, name) => (Reflect.get(target, name) as unknown) ?? nothing })
}
