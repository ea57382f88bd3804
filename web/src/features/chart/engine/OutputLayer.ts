/** What is drawn besides the price: volume below it, compared series and indicators above it and in panes below. */
import type { IChartApi } from 'lightweight-charts'

import { createStore } from '@/lib/store'
import { duration } from '@/lib/times'

import type { Drawable } from '../data/drawable'
import { fetchValues } from '../data/catalogue'
import type { Feed } from '../data/feed'
import type { StripPage } from '../data/strip'
import type { MarkItem } from '../marks/model'
import { OutputPrimitive } from '../output/OutputPrimitive'
import type { Plot } from '../output/plots'
import { gapWords } from '../words'
import { CompareView } from './CompareView'
import type { EnginePorts } from './ChartEngine'
import { IndicatorView } from './IndicatorView'
import type { OutputFeedPorts } from './OutputFeed'
import { OutputFeed } from './OutputFeed'
import type { PriceLayer } from './PriceLayer'
import type { IndicatorSpec } from './spec'
import type { ChartColours } from './theme'

/** Of the plot colours, those of compared series. */
/** The first is one that no built-in indicator has. */
const COMPARE_COLOURS = [7, 4, 2, 6]

export class OutputLayer {
  /** Replaced whenever something is added, removed or changed, for the legend. */
  readonly indicators = createStore<IndicatorView[]>([])
  readonly compared = createStore<CompareView[]>([])
  private readonly below
  private readonly above
  private readonly behind: OutputPrimitive
  private readonly front: OutputPrimitive
  private volume = false
  private colours: ChartColours | null = null
  private readonly unwatch: () => void

  constructor(
    private readonly chart: IChartApi,
    private readonly feed: Feed,
    price: PriceLayer,
    private readonly ports: EnginePorts,
    private readonly onChanged: () => void,
    private readonly shown: () => number,
    /** Takes what scripts mark on the bars. */
    private readonly mark: (marks: MarkItem[]) => void,
  ) {
    const base = (index: number) => feed.window.close[index] ?? NaN
    const forming = () => feed.forming
    this.below = { plots: [] as Plot[], length: shown, forming, base }
    this.above = { plots: [] as Plot[], length: shown, forming, base }
    this.behind = new OutputPrimitive(this.below, 'bottom')
    this.front = new OutputPrimitive(this.above, 'top')
    price.attach(this.behind)
    price.attach(this.front)
    this.unwatch = ports.onLive(() => this.retry())
  }

  setVolume(volume: boolean): void {
    this.volume = volume
    this.compose()
  }

  paint(colours: ChartColours): void {
    this.colours = colours
    this.compose()
  }

  /** Adds, changes and removes so that exactly these are drawn. */
  setIndicators(wanted: { spec: IndicatorSpec; indicator: Drawable }[]): void {
    const before = this.indicators.get()
    const next = wanted.map(({ spec, indicator }) => {
      const present = before.find((view) => view.spec.key === spec.key && view.wanted === indicator)
      if (!present) return this.makeIndicator(indicator, spec)
      const changed = JSON.stringify(present.spec.inputs) !== JSON.stringify(spec.inputs)
      present.spec = spec
      if (changed) present.feed.reset()
      return present
    })
    for (const view of before) if (!next.includes(view)) view.remove()
    this.indicators.set(next)
    this.compose()
    this.markBars()
  }

  setCompared(series: string[]): void {
    const before = this.compared.get()
    if (before.map((view) => view.series).join() === series.join()) return
    const next = series.map((each) => before.find((view) => view.series === each) ?? this.makeCompare(each))
    for (const view of before) if (!next.includes(view)) view.remove()
    this.compared.set(next)
    this.compose()
  }

  /** Other bars altogether. */
  reset(): void {
    const { timeframe } = this.feed.state.get()
    for (const view of this.compared.get()) {
      view.feed.reset()
      view.listen(timeframe)
    }
    for (const view of this.indicators.get()) view.feed.reset()
  }

  /** Bars came or changed; `replaced`: all were handed over anew. */
  refresh(replaced: boolean): void {
    if (replaced) this.compose()
    for (const view of this.compared.get()) view.feed.refresh()
    for (const view of this.indicators.get()) {
      view.feed.refresh()
      view.refresh(replaced)
    }
    if (replaced) this.markBars()
    this.front.requestUpdate()
  }

  stop(): void {
    this.unwatch()
    for (const view of this.compared.get()) view.remove()
    for (const view of this.indicators.get()) view.feed.stop()
  }

  /** What failed while the server was away need not wait any longer. */
  private retry(): void {
    for (const { feed } of [...this.compared.get(), ...this.indicators.get()]) {
      if (feed.error.get() !== null) feed.retry()
    }
  }

  private makeIndicator(indicator: Drawable, spec: IndicatorSpec): IndicatorView {
    const feed: OutputFeed = this.makeFeed(
      indicator.plots.length,
      (missing, signal) => {
        const { series, timeframe } = this.feed.state.get()
        const question = { inputs: view.spec.inputs, series, timeframe }
        return indicator.fetch?.(question, missing, signal) ?? fetchValues({ indicator, ...question }, missing, signal)
      },
      ({ drawable }) => {
        if (drawable) view.adopt(drawable)
        this.indicators.set([...this.indicators.get()])
      },
      indicator.still,
    )
    const view: IndicatorView = new IndicatorView(this.chart, this.feed, this.shown, indicator, spec, feed)
    feed.refresh()
    return view
  }

  private makeCompare(series: string): CompareView {
    const feed = this.makeFeed(1, async (missing, signal) => {
      const page = await this.ports.fetchBars(series, this.feed.state.get().timeframe, missing, signal)
      return { from: page.from, time: page.time, columns: [page.close] }
    })
    const view = new CompareView(series, feed, this.ports.watch)
    view.listen(this.feed.state.get().timeframe)
    feed.refresh()
    return view
  }

  private makeFeed(
    width: number,
    fetch: OutputFeedPorts['fetch'],
    onShape: (page: StripPage) => void = () => undefined,
    still = false,
  ): OutputFeed {
    return new OutputFeed(this.feed.window, width, {
      fetch,
      onShape,
      atEnd: () => !still && !this.feed.state.get().newer,
      timeframe: () => this.feed.state.get().timeframe,
      onChanged: () => {
        this.compose()
        this.markBars()
        this.onChanged()
      },
      now: this.ports.now,
    })
  }

  private markBars(): void {
    const { window, closedUntil } = this.feed
    const marksOf = (view: IndicatorView) => view.indicator.script?.marks(view, window, closedUntil) ?? []
    this.mark(this.indicators.get().flatMap(marksOf))
  }

  private compose(): void {
    const { colours } = this
    if (!colours) return
    const { window } = this.feed
    const rose = (index: number) => (window.close[index] ?? 0) >= (window.open[index] ?? 0)
    this.below.plots = [gapsPlot(this.feed, colours)]
    if (this.volume) {
      const { up: colour, down } = colours
      this.below.plots.push({ id: 'volume', kind: 'volume', values: window.volume, rose, colour, down })
    }
    const compared = this.compared
      .get()
      .map((view, index): Plot => ({ id: view.series, kind: 'compare', values: view.closes, colour: compareColour(colours, index) })) // prettier-ignore
    this.above.plots = [...compared, ...this.indicators.get().flatMap((view) => view.overlays(colours))]
    for (const view of this.indicators.get()) view.paint(colours)
    this.behind.requestUpdate()
    this.front.requestUpdate()
  }
}

export function compareColour(colours: ChartColours, index: number): string {
  return colours.plots[COMPARE_COLOURS[index % COMPARE_COLOURS.length] ?? 0] ?? colours.ink
}

/** The known gaps between the bars that are held. */
function gapsPlot(feed: Feed, colours: ChartColours): Plot {
  const { window, state } = feed
  const gaps = state.get().gaps.flatMap(({ from, until, reason }) => {
    const index = window.lowerBound(until)
    const between = index > 0 && index < window.length && (window.time[index - 1] ?? 0) < from
    return between ? [{ index, words: `${duration((until - from) * 1000)}: ${gapWords(reason)}` }] : []
  })
  return { id: 'gaps', kind: 'gaps', gaps, colour: colours.muted, font: getComputedStyle(document.body).fontFamily }
}
