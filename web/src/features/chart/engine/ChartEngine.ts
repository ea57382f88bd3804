/** One chart: the library, its feed and what is drawn over it, outside React. */
import type { IChartApi, LogicalRange } from 'lightweight-charts'
import { createChart } from 'lightweight-charts'

import { createStore } from '@/lib/store'

import { AlertsLayer } from '../alerts/AlertsLayer'
import type { FeedPorts } from '../data/feedTypes'
import { Feed } from '../data/feed'
import type { WindowChange } from '../data/windowStore'
import { DrawingLayer } from '../drawings/DrawingLayer'
import { drawingSync } from '../drawings/sync'
import { MarksLayer } from '../marks/MarksLayer'
import type { Place } from '../own/places'
import { Crosshair } from './Crosshair'
import { Navigator } from './Navigator'
import { Opener } from './Opener'
import { OutputLayer } from './OutputLayer'
import { PriceLayer } from './PriceLayer'
import { Replay } from './Replay'
import type { ChartSpec } from './spec'
import type { ChartColours } from './theme'
import { FIXED_OPTIONS, readColours, themedOptions } from './theme'
import { Viewport } from './Viewport'

export interface EnginePorts extends Pick<FeedPorts, 'fetchBars' | 'watch' | 'now'> {
  /** Calls back when the stream has come back, until the returned function is called. */
  onLive: (listener: () => void) => () => void
}

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
  readonly opener: Opener
  readonly crosshair: Crosshair
  /** Counts up with every change of what the labels read. */
  readonly revision = createStore(0)
  colours: ChartColours = readColours()
  /** What it shows. */
  spec: ChartSpec
  private handed = 0
  private applying = false
  private readonly unwatch: () => void

  /** `place`: where in time to begin, instead of now. */
  constructor(box: HTMLElement, spec: ChartSpec, ports: EnginePorts, place: Place | null = null) {
    this.spec = spec
    this.chart = createChart(box, { ...FIXED_OPTIONS, ...themedOptions(this.colours) })
    this.feed = new Feed(
      {
        ...ports,
        visibleBars: () => this.viewport.bars(),
        onReplacing: () => this.opener.onReplacing(),
        onReplaced: () => this.onReplaced(),
        onChanged: (change) => this.onChanged(change),
      },
      spec.series,
      spec.timeframe,
    )
    this.replay = new Replay(this.feed, {
      draw: (from) => this.draw(from, 0),
      open: (time) => this.opener.replayAt(time),
      toNewest: () => this.opener.toNewest(),
    })
    this.viewport = new Viewport(this.chart, this.feed, this)
    this.opener = new Opener(this)
    this.price = new PriceLayer(this.chart, this.feed, spec.type)
    this.crosshair = new Crosshair(this)
    this.navigator = new Navigator(this.chart, () => this.shown, this.crosshair)
    this.outputs = new OutputLayer(
      this.chart,
      this.feed,
      this.price,
      ports,
      () => this.tell(),
      () => this.shown,
      (marks) => this.marks.set('script', marks, false),
    )
    this.drawings = new DrawingLayer(
      this.chart,
      this.feed,
      this.price,
      () => this.colours,
      (drawings) => drawingSync.keep(this.spec.series, drawings, this.drawings.store.take),
    )
    this.marks = new MarksLayer(this)
    this.alerts = new AlertsLayer(this.chart, this.feed, this.price, this)
    this.outputs.setVolume(spec.volume)
    this.outputs.setCompared(spec.compare)
    this.repaint()
    this.price.setScale(spec.scale)
    this.chart.timeScale().subscribeVisibleLogicalRangeChange((range) => this.onRange(range))
    this.unwatch = ports.onLive(() => this.opener.retry())
    this.opener.begin(place)
  }

  dispose(): void {
    this.unwatch()
    this.crosshair.stop()
    this.viewport.stop()
    this.replay.end()
    this.feed.stop()
    this.outputs.stop()
    this.chart.remove()
  }

  /** Lets keys read it, from where somebody was beside it. */
  focus(): void {
    this.chart.chartElement().closest<HTMLElement>('[role=region]')?.focus({ preventScroll: true })
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
    if (next.series !== before.series) {
      this.crosshair.clear()
      this.drawings.choose(this.drawings.tool.get())
      this.opener.begin(place)
      this.marks.refresh()
    } else if (next.timeframe !== before.timeframe) this.opener.chooseTimeframe(next.timeframe)
  }

  /** Takes the colours of the page again. */
  repaint(): void {
    this.colours = readColours()
    this.chart.applyOptions(themedOptions(this.colours))
    this.price.paint(this.colours, this.feed.state.get().decimals)
    this.outputs.paint(this.colours)
  }

  private onReplaced(): void {
    const view = this.opener.opened()
    this.price.paint(this.colours, this.feed.state.get().decimals)
    this.replay.onReplaced(view.kind === 'span' ? view.replayAt : undefined)
    this.outputs.reset()
    this.handOver(() => this.viewport.rangeOf(view))
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

  private tell = (): void => {
    this.viewport.look()
    this.revision.set(this.revision.get() + 1)
  }

  private onRange(range: LogicalRange | null): void {
    this.viewport.look()
    if (!this.applying && range && this.feed.window.length > 0) this.opener.onRange(range)
  }
}
