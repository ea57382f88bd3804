/** Opens the bars a chart is asked for, and those that moving about it needs. */
import type { IChartApi, LogicalRange } from 'lightweight-charts'

import { toast } from '@/ui/toasts'

import type { Feed } from '../data/feed'
import type { Timeframe } from '../data/timeframes'
import { secondsOf, timeframeFor } from '../data/timeframes'
import type { Place } from '../own/places'
import { ownSeries } from '../own/store'
import type { Replay } from './Replay'
import type { ChartSpec } from './spec'
import type { View, Viewport } from './Viewport'
import { USUAL_VISIBLE } from './Viewport'

/** The chart whose bars these are. */
interface OpenerHost {
  readonly chart: IChartApi
  readonly feed: Feed
  readonly viewport: Viewport
  readonly replay: Replay
  readonly spec: ChartSpec
}

export class Opener {
  /** What the screen shows of the bars that were asked for last. */
  private view: View = { kind: 'end' }
  /** The timeframe that is on its way, so that it is asked for once. */
  private asked: Timeframe | null = null

  constructor(private readonly host: OpenerHost) {}

  /** The bars of a series, from `place` on or the newest. */
  begin(place: Place | null): void {
    const timeframe = place?.shown ?? this.host.spec.timeframe
    this.open(timeframe, place ? { kind: 'span', span: place } : { kind: 'end' })
  }

  /** Asks again for what did not come, if anything. */
  retry(): void {
    const { feed } = this.host
    if (feed.state.get().phase === 'failed') this.open(this.timeframe, this.view)
    else void feed.retryEdge()
  }

  /** Brings a moment to the middle of the screen; a replay goes on from there. */
  goTo(time: number): void {
    const { timeframe } = this
    if (this.replaying) this.host.replay.startAt(time)
    else this.open(timeframe, { kind: 'span', span: this.host.viewport.around(time, timeframe) })
  }

  /** Brings the newest bar that may be seen back to the screen, with as many beside it as there are now. */
  toNewest(): void {
    const { chart, feed, viewport } = this.host
    const { newer } = feed.state.get()
    const bars = viewport.bars()
    if (!this.replaying && (newer || this.asked)) this.open(this.timeframe, { kind: 'end', bars })
    else chart.timeScale().setVisibleLogicalRange(viewport.newest(bars))
  }

  /** Keeps the right edge where it is, or follows the newest bar where that was visible; a replay its moment. */
  chooseTimeframe(timeframe: Timeframe): void {
    const { replay, viewport } = this.host
    if (this.replaying) {
      replay.pause()
      this.replayAt(replay.moment, timeframe)
      return
    }
    const to = viewport.follows() ? undefined : viewport.span()?.to
    if (to === undefined) this.open(timeframe, { kind: 'end' })
    else this.open(timeframe, { kind: 'span', span: { from: to - USUAL_VISIBLE * secondsOf(timeframe), to } })
  }

  /** Opens the bars around a moment, for a replay that goes on there. */
  replayAt(moment: number, timeframe = this.timeframe): void {
    this.open(timeframe, { kind: 'span', span: this.host.viewport.around(moment, timeframe), replayAt: moment })
  }

  /** The bars asked for are here and about to be shown. */
  onReplacing(): void {
    if (this.view.kind === 'keep') this.view = { kind: 'keep', span: this.host.viewport.span() }
  }

  /** They are: how they were meant to be looked at. */
  opened(): View {
    this.asked = null
    return this.view
  }

  /** The screen moved: it may need coarser bars, or those beyond the ends. */
  onRange(range: LogicalRange): void {
    const { feed, spec } = this.host
    const { phase, timeframe, older, newer, backfill } = feed.state.get()
    const last = feed.window.length - 1
    const left = older ? range.from : Math.max(0, range.from)
    const right = newer ? range.to : Math.min(last, range.to)
    const base = ownSeries.get().get(spec.series)?.base
    const wanted = this.replaying ? timeframe : timeframeFor(spec.timeframe, timeframe, right - left, base)
    if (wanted !== timeframe) {
      if (wanted !== this.asked) this.open(wanted, { kind: 'keep', span: undefined })
      return
    }
    if (phase === 'failed') this.asked = null // what did not come is not wanted any more
    if (this.asked) return
    const screen = Math.max(range.to - range.from, 50)
    if (range.from < screen && (older || backfill)) void feed.loadOlder()
    else if (range.to > last + 1 - screen) void feed.loadNewer()
  }

  /** That on its way, also where it did not come; else that of the bars. */
  private get timeframe(): Timeframe {
    return this.asked ?? this.host.feed.state.get().timeframe
  }

  private get replaying(): boolean {
    return this.host.replay.state.get().active
  }

  private open(timeframe: Timeframe, view: View): void {
    const { feed, spec, viewport } = this.host
    this.view = view
    this.asked = timeframe
    const span = view.kind === 'end' ? undefined : (view.span ?? viewport.span())
    void feed.open(spec.series, timeframe, span).then((found) => {
      if (found || this.view !== view) return
      this.asked = null
      toast('There are no bars there.')
    })
  }
}
