/** One series at one timeframe: its window, the pages that are asked for at either end, and its live bars. */
import { createStore } from '@/lib/store'

import type { BarPage } from './api'
import type { FeedPorts, FeedState } from './feedTypes'
import type { LiveBar } from './tickStore'
import { TickStore } from './tickStore'
import type { Timeframe } from './timeframes'
import { nextOpening } from './timeframes'
import { barAt, closedIn, decimalsShown, joined, MOST_AT_ONCE, PAGE, pageBefore, spanOf } from './pages'
import { BarWindow } from './windowStore'

const BACKFILL_PAUSE = 3_000

export class Feed {
  readonly window = new BarWindow()
  readonly state
  /** The moment (milliseconds) of the newest price that was told, or 0. */
  heardAt = 0
  private ticks: TickStore | null = null
  private loading = new AbortController()
  private busy: 'older' | 'newer' | null = null
  private closedUntil = -Infinity
  private liveTail: { time: number; closed: boolean } | undefined
  private retryOlder: ReturnType<typeof setTimeout> | undefined
  private live = true
  /** How far was looked: bars beyond are not known to be missing. */
  private from = Infinity
  private until = -Infinity

  constructor(
    private readonly ports: FeedPorts,
    series: string,
    timeframe: Timeframe,
  ) {
    this.state = createStore<FeedState>({
      phase: 'loading',
      series,
      timeframe,
      error: null,
      olderError: null,
      older: false,
      newer: false,
      gaps: [],
      backfill: null,
      decimals: 2,
    })
  }

  /**
   * Shows a series at a timeframe: the newest bars, or those around a span of seconds. What was shown stays until
   * the new bars are here.
   */
  async open(series: string, timeframe: Timeframe, span?: { from: number; to: number }): Promise<void> {
    const { signal } = this.begin()
    const asked = spanOf(timeframe, span, this.ports.now() / 1000)
    this.update({ phase: this.window.length > 0 ? 'ready' : 'loading', error: null, olderError: null })
    try {
      const page = await this.ports.fetchBars(series, timeframe, asked, signal)
      if (signal.aborted) return
      this.rest()
      this.ports.onReplacing()
      this.window.replace(page)
      this.from = page.from
      this.until = page.until
      this.closedUntil = closedIn(page)
      this.liveTail = undefined
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
      if (!signal.aborted) this.update({ phase: 'failed', error })
    }
  }

  async loadOlder(): Promise<void> {
    const { series, timeframe, older, backfill } = this.state.get()
    if (this.busy || this.window.first === undefined || (!older && !backfill)) return
    await this.extend('older', async (signal) => {
      const before = Math.min(this.from, this.window.first ?? Infinity)
      const page = await this.ports.fetchBars(series, timeframe, pageBefore(timeframe, before), signal)
      if (signal.aborted) return
      const newest = this.newestKnown()
      const change = this.window.prepend(page)
      const dropped = (this.window.last ?? newest) < newest
      if (dropped) this.until = -Infinity
      if (page.count > 0 || !page.backfill) this.from = page.from
      this.update({
        older: page.more,
        newer: this.state.get().newer || dropped,
        gaps: joined(page.gaps, this.state.get().gaps),
        backfill: page.backfill,
        olderError: null,
      })
      if (change.shift > 0) this.ports.onChanged(change)
      else if (page.more || page.backfill) {
        this.retryOlder = setTimeout(() => void this.loadOlder(), page.backfill ? BACKFILL_PAUSE : 0)
      }
    })
  }

  async loadNewer(): Promise<void> {
    const { series, timeframe, newer } = this.state.get()
    const last = this.window.last
    if (this.busy || last === undefined || !newer) return
    await this.extend('newer', async (signal) => {
      const after = Math.max(last, this.until - 1)
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
    })
  }

  /** Stops taking live bars, for a replay; {@link open} or true takes them again. */
  setLive(live: boolean): void {
    this.live = live
    this.rest()
    if (live) this.listen()
  }

  stop(): void {
    this.begin()
    this.rest()
  }

  private async extend(side: 'older' | 'newer', work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { signal } = this.loading
    this.busy = side
    try {
      await work(signal)
    } catch (error) {
      if (!signal.aborted) this.update({ olderError: error })
    } finally {
      if (!signal.aborted) this.busy = null
    }
  }

  private begin(): AbortController {
    this.loading.abort()
    this.loading = new AbortController()
    this.busy = null
    clearTimeout(this.retryOlder)
    return this.loading
  }

  private rest(): void {
    this.ticks?.stop()
    this.ticks = null
  }

  private listen(): void {
    const { series, timeframe } = this.state.get()
    if (!this.live || this.ticks) return
    this.ticks = new TickStore({
      watch: (onFrame) => this.ports.watch(`candles:${series}:${timeframe}`, onFrame),
      flush: (bars) => this.take(bars),
      missed: (from) => this.missed(from),
      known: () => this.known(),
      next: (time) => nextOpening(time, timeframe),
      visibleBars: this.ports.visibleBars,
      onFrame: ({ at }) => {
        this.heardAt = Math.max(this.heardAt, at)
      },
    })
  }

  /** The newest bar held or heard of, and whether it is closed. */
  private known(): { time: number; closed: boolean } | undefined {
    const last = this.window.last
    if (this.liveTail && (last === undefined || this.liveTail.time >= last)) return this.liveTail
    return last === undefined ? undefined : { time: last, closed: last <= this.closedUntil }
  }

  /** There may be bars after this page. */
  private isNewer(page: BarPage): boolean {
    return page.until <= this.ports.now() / 1000
  }

  private newestKnown(): number {
    return this.known()?.time ?? -Infinity
  }

  private async missed(from: number): Promise<LiveBar[]> {
    const { series, timeframe } = this.state.get()
    const bars: LiveBar[] = []
    for (let after = from - 1; ;) {
      const page = await this.ports.fetchBars(series, timeframe, { after, limit: MOST_AT_ONCE }, this.loading.signal)
      const closed = closedIn(page)
      for (let index = 0; index < page.count; index += 1) bars.push(barAt(page, index, closed))
      if (!this.isNewer(page)) return bars
      after = page.until - 1
    }
  }

  private take(bars: LiveBar[]): void {
    const newest = bars.at(-1)
    if (!newest) return
    if (!this.liveTail || newest.time >= this.liveTail.time) this.liveTail = newest
    for (const bar of bars) if (bar.closed) this.closedUntil = Math.max(this.closedUntil, bar.time)
    if (this.state.get().newer) return
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
