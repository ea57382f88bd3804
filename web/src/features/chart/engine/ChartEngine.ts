/** One chart: the library, its feed and what is drawn over it, outside React. */
import type { IChartApi, LogicalRange } from 'lightweight-charts'
import { createChart } from 'lightweight-charts'

import { createStore } from '@/lib/store'

import { AlertsLayer } from '../alerts/AlertsLayer'
import type { FeedPorts } from '../data/feedTypes'
import { Feed } from '../data/feed'
import type { Timeframe } from '../data/timeframes'
import { secondsOf, timeframeFor } from '../data/timeframes'
import type { WindowChange } from '../data/windowStore'
import { DrawingLayer } from '../drawings/DrawingLayer'
import { drawingSync } from '../drawings/sync'
import { MarksLayer } from '../marks/MarksLayer'
import type { Place } from '../own/places'
import { ownSeries } from '../own/store'
import { Crosshair } from './Crosshair'
import { Navigator } from './Navigator'
import { OutputLayer } from './OutputLayer'
import { PriceLayer } from './PriceLayer'
import { Replay } from './Replay'
import type { ChartSpec } from './spec'
import type { ChartColours } from './theme'
import { FIXED_OPTIONS, readColours, themedOptions } from './theme'
import { USUAL_VISIBLE, Viewport } from './Viewport'

export type EnginePorts = Pick<FeedPorts, 'fetchBars' | 'watch' | 'now'>

/** What the screen shows of the bars that are opened: the newest, a span of seconds, or what it showed before. */
type View = { kind: 'end' } | { kind: 'span' | 'keep'; span: { from: number; to: number } | undefined }

/** More bars than this are cheaper to hand over all at once. */
const FEW = 20

export class ChartEngine {
  readonly chart: IChartApi
  readonly feed: Feed
  readonly price: PriceLayer
  readonly viewport: Viewport
  readonly navigator: Navigator
  readonly outputs: OutputLayer
  readonly marks: MarksLayer
  readonly drawings: DrawingLayer
  readonly alerts: AlertsLayer
  readonly replay: Replay
  readonly crosshair: Crosshair
  /** Counts up with every change of what the labels read. */
  readonly revision = createStore(0)
  colours: ChartColours = readColours()
  private spec: ChartSpec
  private view: View = { kind: 'end' }
  /** The timeframe that is on its way, so that it is asked for once. */
  private asked: Timeframe | null = null
  private handed = 0
  private applying = false

  /** `place`: where in time to begin, instead of now. */
  constructor(box: HTMLElement, spec: ChartSpec, ports: EnginePorts, place: Place | null = null) {
    this.spec = spec
    this.chart = createChart(box, { ...FIXED_OPTIONS, ...themedOptions(this.colours) })
    this.feed = new Feed(
      {
        ...ports,
        visibleBars: () => this.viewport.bars(),
        onReplacing: () => this.onReplacing(),
        onReplaced: () => this.onReplaced(),
        onChanged: (change) => this.onChanged(change),
      },
      spec.series,
      spec.timeframe,
    )
    this.replay = new Replay(this.feed, { draw: (from) => this.draw(from, 0), open: (time) => this.goTo(time) })
    this.viewport = new Viewport(this.chart, this.feed)
    this.price = new PriceLayer(this.chart, this.feed.window, spec.type)
    this.crosshair = new Crosshair(this)
    this.navigator = new Navigator(this.chart, () => this.shown, this.crosshair)
    this.outputs = new OutputLayer(
      this.chart,
      this.feed,
      this.price,
      ports,
      () => this.tell(),
      () => this.shown,
    )
    this.drawings = new DrawingLayer(
      this.chart,
      this.feed,
      this.price,
      () => this.colours,
      (drawings) => drawingSync.keep(this.spec.series, drawings, this.drawings.store.take),
    )
    this.marks = new MarksLayer(this)
    this.alerts = new AlertsLayer(this.chart, this.feed, this.price, () => this.colours)
    this.outputs.setVolume(spec.volume)
    this.outputs.setCompared(spec.compare)
    this.repaint()
    this.price.setScale(spec.scale)
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.onRange(range))
    this.begin(place)
  }

  dispose(): void {
    this.crosshair.stop()
    this.replay.end()
    this.feed.stop()
    this.outputs.stop()
    this.chart.remove()
  }

  /** Where in time it is, unless it follows the newest bar. */
  place(): Place | null {
    const span = this.viewport.follows() ? undefined : this.viewport.span()
    return span ? { ...span, chosen: this.spec.timeframe, shown: this.feed.state.get().timeframe } : null
  }

  /** Shows what the specification says now, another series from `place` on. */
  show(next: ChartSpec, place: Place | null = null): void {
    const before = this.spec
    this.spec = next
    if (next.type !== before.type) {
      this.price.setType(next.type)
      this.price.setAll(this.shown)
      this.repaint()
    }
    if (next.scale !== before.scale) this.price.setScale(next.scale)
    if (next.volume !== before.volume) this.outputs.setVolume(next.volume)
    this.outputs.setCompared(next.compare)
    if (next.series !== before.series) this.begin(place)
    else if (next.timeframe !== before.timeframe) this.chooseTimeframe(next.timeframe)
  }

  /** Takes the colours of the page again. */
  repaint(): void {
    this.colours = readColours()
    this.chart.applyOptions(themedOptions(this.colours))
    this.price.paint(this.colours, this.feed.state.get().decimals)
    this.outputs.paint(this.colours)
  }

  retry(): void {
    const { phase } = this.feed.state.get()
    if (phase === 'failed') this.open(this.asked ?? this.spec.timeframe, this.view)
    else void this.feed.loadOlder()
  }

  /** Brings a moment to the middle of the screen. */
  goTo(time: number): void {
    this.open(this.feed.state.get().timeframe, { kind: 'span', span: this.viewport.around(time) })
  }

  /** Keeps the right edge where it is, or follows the newest bar where that was visible. */
  chooseTimeframe(timeframe: Timeframe): void {
    const to = this.viewport.follows() ? undefined : this.viewport.span()?.to
    if (to === undefined) this.open(timeframe, { kind: 'end' })
    else this.open(timeframe, { kind: 'span', span: { from: to - USUAL_VISIBLE * secondsOf(timeframe), to } })
  }

  private begin(place: Place | null): void {
    this.crosshair.clear()
    this.open(place?.shown ?? this.spec.timeframe, place ? { kind: 'span', span: place } : { kind: 'end' })
  }

  private open(timeframe: Timeframe, view: View): void {
    this.view = view
    this.asked = timeframe
    const span = view.kind === 'end' ? undefined : (view.span ?? this.viewport.span())
    void this.feed.open(this.spec.series, timeframe, span)
  }

  private onReplacing(): void {
    if (this.view.kind === 'keep') this.view = { kind: 'keep', span: this.viewport.span() }
  }

  private onReplaced(): void {
    this.asked = null
    const { window, state } = this.feed
    const { timeframe } = state.get()
    const span = this.view.kind === 'end' ? undefined : this.view.span
    this.price.paint(this.colours, state.get().decimals)
    this.replay.onReplaced()
    this.outputs.reset()
    this.handOver(() =>
      span
        ? { from: window.logicalAt(span.from, timeframe), to: window.logicalAt(span.to, timeframe) }
        : this.viewport.newest(),
    )
  }

  private onChanged({ from, shift }: WindowChange): void {
    this.replay.onShift(shift)
    const few = shift === 0 && from >= this.handed - 1 && this.shown - from <= FEW
    this.draw(few ? from : null, shift)
  }

  /** How many bars may be seen: all, unless a replay holds some back. */
  get shown(): number {
    return Math.min(this.feed.window.length, this.replay.limit)
  }

  /** Draws the bars from `from` on, or all anew, with the screen moved by `shift` places. */
  private draw(from: number | null, shift: number): void {
    if (from === null) {
      const range = this.chart.timeScale().getVisibleLogicalRange()
      this.handOver(() => range && { from: range.from + shift, to: range.to + shift })
      return
    }
    this.price.update(from, this.shown)
    if (this.handed !== this.shown) this.marks.refresh()
    this.handed = this.shown
    this.outputs.refresh(false)
    this.tell()
  }

  /** Hands all bars over and shows a range of them, without hearing of what that changes in between. */
  private handOver(range: () => { from: number; to: number } | null): void {
    this.applying = true
    this.price.setAll(this.shown)
    this.handed = this.shown
    this.outputs.refresh(true)
    this.marks.refresh()
    this.tell()
    const wanted = range()
    if (wanted) this.chart.timeScale().setVisibleLogicalRange(wanted)
    this.crosshair.redraw()
    this.applying = false
  }

  private tell = (): void => this.revision.set(this.revision.get() + 1)

  private onRange(range: LogicalRange | null): void {
    const { window, state } = this.feed
    if (this.applying || !range || window.length === 0) return
    const { timeframe, older, newer } = state.get()
    const left = older ? range.from : Math.max(0, range.from)
    const right = newer ? range.to : Math.min(window.length - 1, range.to)
    const fixed = this.replay.state.get().active
    const base = ownSeries.get().get(this.spec.series)?.base
    const wanted = fixed ? timeframe : timeframeFor(this.spec.timeframe, timeframe, right - left, base)
    if (wanted !== timeframe) {
      if (wanted !== this.asked) this.open(wanted, { kind: 'keep', span: undefined })
      return
    }
    if (this.asked) return
    const screen = Math.max(range.to - range.from, 50)
    if (range.from < screen) void this.feed.loadOlder()
    else if (range.to > window.length - screen) void this.feed.loadNewer()
  }
}
