/** Keeps the columns of one output beside the bars of a window, asking for what is missing. */
import { createStore } from '@/lib/store'

import type { Missing, StripPage } from '../data/strip'
import { Strip } from '../data/strip'
import type { Timeframe } from '../data/timeframes'
import type { BarWindow } from '../data/windowStore'

export interface OutputFeedPorts {
  fetch: (missing: Missing, signal: AbortSignal) => Promise<StripPage>
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
  readonly columns: Float64Array[]
  readonly error = createStore<unknown>(null)
  private readonly strip: Strip
  private abort = new AbortController()
  private asking = false
  private askedEndAt = -Infinity
  private later: ReturnType<typeof setTimeout> | undefined

  constructor(
    private readonly window: BarWindow,
    width: number,
    private readonly ports: OutputFeedPorts,
  ) {
    this.strip = new Strip(width)
    this.columns = Array.from({ length: width }, () => new Float64Array(window.limit).fill(NaN))
  }

  /** The window holds other bars altogether, or the inputs changed. */
  reset(): void {
    this.abort.abort()
    this.abort = new AbortController()
    this.asking = false
    this.askedEndAt = -Infinity
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

  retry(): void {
    this.error.set(null)
    this.refresh()
  }

  /** Takes values that came by themselves. */
  put(page: StripPage): void {
    this.strip.merge(page)
    this.strip.align(this.window, this.columns)
  }

  private wanted(): Missing | null {
    const atEnd = this.ports.atEnd()
    const missing = this.strip.missing(this.window, this.ports.timeframe(), atEnd)
    if (missing?.before !== undefined) return missing
    const pause = missing ? PATIENCE : RENEW
    const wait = this.askedEndAt + pause - this.ports.now()
    if (!missing && (!atEnd || this.window.length === 0)) return null
    if (wait <= 0) return missing ?? { limit: 3 }
    this.lookAgain(wait)
    return null
  }

  private lookAgain(wait: number): void {
    clearTimeout(this.later)
    this.later = setTimeout(() => this.refresh(), wait)
  }

  private async ask(): Promise<void> {
    const wanted = this.wanted()
    if (!wanted || document.visibilityState === 'hidden') return
    const { signal } = this.abort
    this.asking = true
    if (wanted.before === undefined) this.askedEndAt = this.ports.now()
    try {
      const page = await this.ports.fetch(wanted, signal)
      if (signal.aborted) return
      this.strip.cover(wanted, page, this.ports.timeframe())
      this.strip.merge(page)
      this.strip.trim(this.window)
      this.asking = false
      this.refresh()
      this.ports.onChanged()
    } catch (error) {
      if (signal.aborted) return
      this.asking = false
      this.error.set(error)
    }
  }
}
