/** Keeps the columns of one output beside the bars of a window, asking for what is missing. */
import { createStore } from '@/lib/store'

import { isFinal, pauseAfter } from '../data/again'
import type { Missing, StripPage } from '../data/strip'
import { Strip } from '../data/strip'
import type { Timeframe } from '../data/timeframes'
import type { BarWindow } from '../data/windowStore'

export interface OutputFeedPorts {
  fetch: (missing: Missing, signal: AbortSignal) => Promise<StripPage>
  /** The columns are others than before. */
  onShape?: (page: StripPage) => void
  /** The window ends with the newest bar there is. */
  atEnd: () => boolean
  timeframe: () => Timeframe
  onChanged: () => void
  now: () => number
}

/** The value of a forming bar is asked for again after this long. */
const RENEW = 10_000
/** An answer may lag behind the stream: its end is not asked for more often than this. */
const PATIENCE = 1_500

export class OutputFeed {
  /** Parallel to the window. */
  columns: Float64Array[]
  /** Why values are missing, until they are here. */
  readonly error = createStore<unknown>(null)
  private strip: Strip
  private shape: string | undefined
  private abort = new AbortController()
  private asking = false
  private askedEndAt = -Infinity
  private failures = 0
  /** How many answers on end did not reach the end of the window. */
  private short = 0
  private later: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly window: BarWindow,
    width: number,
    private readonly ports: OutputFeedPorts,
  ) {
    this.strip = new Strip(width)
    this.columns = this.empty(width)
  }

  /** The window holds other bars altogether, or the inputs changed. */
  reset(): void {
    this.abort.abort()
    this.abort = new AbortController()
    clearTimeout(this.later)
    this.asking = false
    this.askedEndAt = -Infinity
    this.failures = 0
    this.short = 0
    this.error.set(null)
    this.strip.clear()
    this.refresh()
  }

  stop(): void {
    this.abort.abort()
    clearTimeout(this.later)
  }

  /** The window changed. */
  refresh(): void {
    this.strip.align(this.window, this.columns)
    if (!this.asking && this.error.get() === null) void this.ask()
  }

  /** Asks for what is missing, also while a failure has it wait. */
  retry(): void {
    if (!this.asking) void this.ask()
  }

  /** Takes values that came by themselves. */
  put(page: StripPage): void {
    this.strip.merge(page)
    this.strip.align(this.window, this.columns)
  }

  private wanted(): Missing | null {
    const [atEnd, timeframe] = [this.ports.atEnd(), this.ports.timeframe()]
    const end = this.strip.missingEnd(this.window, timeframe, atEnd)
    if (end?.before !== undefined) return end
    const wait = this.askedEndAt + (end ? this.patience : RENEW) - this.ports.now()
    if (end && wait <= 0) return end
    const before = this.strip.missingBefore(this.window, timeframe)
    if (before) return before
    if (!end && (!atEnd || this.window.length === 0)) return null
    if (wait <= 0) return { limit: 3 }
    this.lookAgain(wait)
    return null
  }

  /** Twice as long after every answer that did not reach the end, other than the first: a series may be over. */
  private get patience(): number {
    return pauseAfter(Math.max(0, this.short - 1), PATIENCE)
  }

  /** Notes whether an answer reached the end of the window. */
  private judge(wanted: Missing): void {
    if (wanted.before !== undefined) return
    const isShort = this.strip.missingEnd(this.window, this.ports.timeframe(), true) !== null
    this.short = isShort ? this.short + 1 : 0
  }

  private lookAgain(wait: number): void {
    clearTimeout(this.later)
    this.later = setTimeout(() => this.retry(), wait)
  }

  private async ask(): Promise<void> {
    const wanted = this.wanted()
    if (!wanted) {
      this.error.set(null)
      return
    }
    if (document.visibilityState === 'hidden') {
      this.lookAgain(RENEW)
      return
    }
    const { signal } = this.abort
    this.asking = true
    if (wanted.before === undefined) this.askedEndAt = this.ports.now()
    try {
      const page = await this.ports.fetch(wanted, signal)
      if (signal.aborted) return
      this.suit(page)
      this.strip.cover(wanted, page, this.ports.timeframe())
      this.strip.merge(page)
      this.strip.trim(this.window)
      this.judge(wanted)
      this.asking = false
      this.failures = 0
      this.error.set(null)
      this.refresh()
      this.ports.onChanged()
    } catch (error) {
      if (signal.aborted) return
      this.asking = false
      this.fail(error)
    }
  }

  /** Forgets what was kept of other columns than these. */
  private suit(page: StripPage): void {
    if (page.shape === this.shape) return
    this.shape = page.shape
    this.strip = new Strip(page.columns.length)
    this.columns = this.empty(page.columns.length)
    this.ports.onShape?.(page)
  }

  private empty(width: number): Float64Array[] {
    return Array.from({ length: width }, () => new Float64Array(this.window.limit).fill(NaN))
  }

  private fail(error: unknown): void {
    this.askedEndAt = -Infinity
    this.error.set(error)
    if (isFinal(error)) return
    this.lookAgain(pauseAfter(this.failures))
    this.failures += 1
  }
}
