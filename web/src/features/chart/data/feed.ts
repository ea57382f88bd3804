/** One series at one timeframe: its window, the pages that are asked for at either end, and its live bars. */
import { createStore } from '@/lib/store'

import type { BarPage } from './api'
import { EdgeLoader } from './edgeLoader'
import type { FeedPorts, FeedState } from './feedTypes'
import { NOTHING_BEYOND } from './feedTypes'
import type { LiveBar } from './tickStore'
import { TickStore } from './tickStore'
import type { Timeframe } from './timeframes'
import { nextOpening } from './timeframes'
import { barsOf, closedIn, decimalsShown, joined, MOST_AT_ONCE, PAGE, pageBefore, spanOf } from './pages'
import { BarWindow } from './windowStore'

const BACKFILL_PAUSE = 3_000

export class Feed {
  readonly window = new BarWindow()
  readonly state
  /** The moment (milliseconds) of the newest price that was told, or 0. */
  heardAt = 0
  /** The series asked for last. */
  private asked: string
  private ticks: TickStore | null = null
  private loading = new AbortController()
  private readonly edges = new EdgeLoader(
    { older: (signal) => this.fetchOlder(signal), newer: (signal) => this.fetchNewer(signal) },
    (edge) => this.update({ edge }),
  )
  /** The opening of the newest bar that is closed. */
  closedUntil = -Infinity
  private live = true
  /** How far was looked: bars beyond are not known to be missing. */
  private from = Infinity
  private until = -Infinity

  constructor(
    private readonly ports: FeedPorts,
    series: string,
    timeframe: Timeframe,
  ) {
    this.asked = series
    this.state = createStore<FeedState>({
      phase: 'loading',
      series,
      timeframe,
      error: null,
      edge: null,
      ...NOTHING_BEYOND,
      decimals: 2,
    })
  }

  /** The bars held are of another series than the one asked for, which is on its way. */
  get isOther(): boolean {
    return this.state.get().series !== this.asked
  }

  /**
   * Shows a series at a timeframe: the newest bars, or those around a span of seconds. What was shown stays until
   * the new bars are here, of the same series also where they do not come; where that has none around the span, false
   * says so.
   */
  async open(series: string, timeframe: Timeframe, span?: { from: number; to: number }): Promise<boolean> {
    const { signal } = this.begin()
    this.asked = series
    const before = this.state.get()
    const isMove = span !== undefined && before.series === series && before.timeframe === timeframe
    const asked = spanOf(timeframe, span, this.ports.now() / 1000)
    this.update({ phase: this.window.length > 0 ? 'ready' : 'loading', error: null })
    try {
      const page = await this.ports.fetchBars(series, timeframe, asked, signal)
      if (signal.aborted) return true
      if (isMove && page.count === 0 && this.window.length > 0) return false
      this.rest()
      this.ports.onReplacing()
      this.window.replace(page)
      this.from = page.from
      this.until = page.until
      this.closedUntil = closedIn(page)
      this.update({
        phase: 'ready',
        series,
        timeframe,
        older: page.more,
        newer: this.isNewer(page),
        gaps: page.gaps,
        backfill: page.backfill,
        decimals: decimalsShown(page),
      })
      this.heardAt = (page.known_until ?? 0) * 1000
      this.ports.onReplaced()
      this.listen()
    } catch (error) {
      if (signal.aborted) return true
      if (this.isOther) this.empty(timeframe)
      this.update({ phase: 'failed', error })
    }
    return true
  }

  /** Nothing of another series stands for one that did not come. */
  private empty(timeframe: Timeframe): void {
    this.rest()
    this.ports.onReplacing()
    this.window.clear()
    this.heardAt = 0
    this.update({ phase: 'failed', series: this.asked, timeframe, ...NOTHING_BEYOND })
    this.ports.onReplaced()
  }

  /** Asks for bars before the first. */
  async loadOlder(): Promise<void> {
    const { older, backfill } = this.state.get()
    if (this.window.length > 0 && (older || backfill)) await this.edges.ask('older')
  }

  /** Asks for bars after the last. */
  async loadNewer(): Promise<void> {
    if (this.window.length > 0 && this.state.get().newer) await this.edges.ask('newer')
  }

  /** Asks again at the end where that failed. */
  async retryEdge(): Promise<void> {
    await this.edges.retry()
  }

  /** Stops taking live bars, for a replay, or takes them again. */
  setLive(live: boolean): void {
    this.live = live
    this.rest()
    if (live) this.listen()
  }

  stop(): void {
    this.begin()
    this.rest()
  }

  private async fetchOlder(signal: AbortSignal): Promise<void> {
    const { series, timeframe } = this.state.get()
    const before = Math.min(this.from, this.window.first ?? Infinity)
    const page = await this.ports.fetchBars(series, timeframe, pageBefore(timeframe, before), signal)
    if (signal.aborted) return
    const newest = this.window.last ?? -Infinity
    const change = this.window.prepend(page)
    const dropped = (this.window.last ?? newest) < newest
    if (dropped) this.until = -Infinity
    if (page.count > 0 || !page.backfill) this.from = page.from
    this.update({
      older: page.more,
      newer: this.state.get().newer || dropped,
      gaps: joined(page.gaps, this.state.get().gaps),
      backfill: page.backfill,
    })
    if (change.shift > 0) this.ports.onChanged(change)
    else if (page.more || page.backfill) this.edges.askIn(page.backfill ? BACKFILL_PAUSE : 0, 'older')
  }

  private async fetchNewer(signal: AbortSignal): Promise<void> {
    const { series, timeframe } = this.state.get()
    const after = Math.max(this.window.last ?? -Infinity, this.until - 1)
    const page = await this.ports.fetchBars(series, timeframe, { after, limit: PAGE }, signal)
    if (signal.aborted) return
    const change = this.window.append(page)
    if (change.shift < 0) this.from = Infinity
    this.until = page.until
    this.closedUntil = Math.max(this.closedUntil, closedIn(page))
    this.update({
      newer: this.isNewer(page),
      older: this.state.get().older || change.shift < 0,
      gaps: joined(this.state.get().gaps, page.gaps),
    })
    this.ports.onChanged(change)
  }

  private begin(): AbortController {
    this.loading.abort()
    this.loading = new AbortController()
    this.edges.stop()
    return this.loading
  }

  private rest(): void {
    this.ticks?.stop()
    this.ticks = null
  }

  private listen(): void {
    const { series, timeframe, phase } = this.state.get()
    const isLost = phase === 'failed' && this.window.length === 0
    if (!this.live || this.ticks || isLost) return
    this.ticks = new TickStore({
      watch: (onFrame) => this.ports.watch(`candles:${series}:${timeframe}`, onFrame),
      flush: (bars) => this.take(bars),
      missed: (from) => this.missed(from),
      known: () => this.known(),
      wanted: () => !this.state.get().newer,
      next: (time) => nextOpening(time, timeframe),
      visibleBars: this.ports.visibleBars,
      onFrame: ({ at }) => {
        this.heardAt = Math.max(this.heardAt, at)
      },
    })
  }

  /** The place of the bar that still forms; Infinity where the last one is closed. */
  get forming(): number {
    return this.known()?.closed === false ? this.window.length - 1 : Infinity
  }

  /** The newest bar held, and whether it is closed. */
  private known(): { time: number; closed: boolean } | undefined {
    const last = this.window.last
    return last === undefined ? undefined : { time: last, closed: last <= this.closedUntil }
  }

  /** There may be bars after this page. */
  private isNewer(page: BarPage): boolean {
    return page.until <= this.ports.now() / 1000
  }

  private async missed(from: number): Promise<LiveBar[]> {
    const { series, timeframe } = this.state.get()
    const bars: LiveBar[] = []
    for (let after = from - 1; ;) {
      const page = await this.ports.fetchBars(series, timeframe, { after, limit: MOST_AT_ONCE }, this.loading.signal)
      bars.push(...barsOf(page))
      if (!this.isNewer(page)) return bars
      after = page.until - 1
    }
  }

  private take(bars: LiveBar[]): void {
    if (this.state.get().newer) return
    for (const bar of bars) if (bar.closed) this.closedUntil = Math.max(this.closedUntil, bar.time)
    let from = this.window.length
    let shift = 0
    for (const bar of bars) {
      const change = this.window.put(bar)
      from = Math.min(from + change.shift, change.from)
      shift += change.shift
    }
    this.ports.onChanged({ from: Math.max(0, from), shift })
  }

  private update(change: Partial<FeedState>): void {
    this.state.set({ ...this.state.get(), ...change })
  }
}
