/**
 * Live bars on their way to the chart, outside React. Frames are collected and handed over at most ten times a
 * second (five when many bars are visible); the chart paints them with its next frame, so that each costs one frame
 * and not two. A closed bar is never dropped: where the first bar of a frame does not
 * join the last one known, the bars between are asked for before anything is handed over. A hidden page listens to
 * nothing and asks for what it missed when it is seen again.
 */
import type { Bar } from './windowStore'

export type TickRow = readonly [
  time: number,
  open: number,
  high: number,
  low: number,
  close: number,
  volume: number,
  closed: 0 | 1,
]

export interface TickFrame {
  series: string
  timeframe: string
  bars: TickRow[]
  at: number
}

export interface LiveBar extends Bar {
  closed: boolean
}

export interface TickOptions {
  /** Watches the topic until the returned function is called. */
  watch: (onFrame: (frame: TickFrame) => void) => () => void
  /** Hands bars over, oldest first. */
  flush: (bars: LiveBar[]) => void
  /** Bars from this opening time on, for a joint. */
  missed: (from: number) => Promise<LiveBar[]>
  /** The newest bar the page holds. */
  known: () => { time: number; closed: boolean } | undefined
  /** The opening of the bar after the one that opens at `time`. */
  next: (time: number) => number
  /** False while the page holds bars of the past only, which none of now can join. */
  wanted: () => boolean
  visibleBars: () => number
  now?: () => number
  onFrame?: (frame: TickFrame) => void
}

const OFTEN = 100
const SELDOM = 200
const MANY_VISIBLE = 300
const RETRY = 2_000

export class TickStore {
  private readonly pending = new Map<number, LiveBar>()
  private unwatch: (() => void) | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private lastFlush = -Infinity
  /** Bars from here on may be missing; nothing is handed over before they were asked for. */
  private hole: number | undefined
  private joining = false
  private retry: ReturnType<typeof setTimeout> | undefined
  private readonly now: () => number

  constructor(private readonly options: TickOptions) {
    this.now = options.now ?? (() => performance.now())
    document.addEventListener('visibilitychange', this.onVisibility)
    if (document.visibilityState === 'visible') this.listen()
  }

  stop(): void {
    document.removeEventListener('visibilitychange', this.onVisibility)
    this.rest()
  }

  private readonly onVisibility = () => {
    if (document.visibilityState === 'hidden') this.rest()
    else if (!this.unwatch) this.wake()
  }

  private listen(): void {
    this.unwatch = this.options.watch((frame) => this.receive(frame))
  }

  private wake(): void {
    this.listen()
    const known = this.options.known()
    if (known && this.options.wanted()) this.join(known.time)
  }

  private rest(): void {
    this.unwatch?.()
    this.unwatch = null
    clearTimeout(this.timer)
    clearTimeout(this.retry)
    this.timer = undefined
    this.hole = undefined
    this.pending.clear()
  }

  private receive(frame: TickFrame): void {
    this.options.onFrame?.(frame)
    const first = frame.bars[0]
    if (!first || !this.options.wanted()) return
    const hole = this.holeBefore(first[0])
    for (const row of frame.bars) this.keep(barOf(row))
    if (hole !== undefined) this.join(hole)
    else this.flushSoon()
  }

  /** The opening time from which bars are missing, if the frame does not join what is known. */
  private holeBefore(first: number): number | undefined {
    const tail = this.tail()
    if (!tail || first <= tail.time) return undefined
    if (tail.closed && first <= this.options.next(tail.time)) return undefined
    return tail.time
  }

  private tail(): { time: number; closed: boolean } | undefined {
    let newest = this.options.known()
    for (const bar of this.pending.values()) if (!newest || bar.time >= newest.time) newest = bar
    return newest
  }

  /** A closed bar stays closed whatever arrives late. */
  private keep(bar: LiveBar): void {
    const present = this.pending.get(bar.time)
    if (present?.closed && !bar.closed) return
    this.pending.set(bar.time, bar)
  }

  private join(from: number): void {
    this.hole = Math.min(this.hole ?? Infinity, from)
    if (!this.joining) void this.fill()
  }

  private async fill(): Promise<void> {
    const from = this.hole
    if (from === undefined || !this.listening) return
    this.hole = undefined
    this.joining = true
    try {
      for (const bar of await this.options.missed(from)) if (bar.closed || !this.pending.has(bar.time)) this.keep(bar)
      this.joining = false
      if (this.hole === undefined) this.flushSoon()
      else void this.fill()
    } catch {
      this.joining = false
      this.hole = Math.min(this.hole ?? Infinity, from)
      clearTimeout(this.retry)
      if (this.listening) this.retry = setTimeout(() => void this.fill(), RETRY)
    }
  }

  private get listening(): boolean {
    return this.unwatch !== null
  }

  private get waits(): boolean {
    return this.joining || this.hole !== undefined
  }

  private flushSoon(): void {
    if (this.timer !== undefined || this.waits || !this.listening || this.pending.size === 0) return
    const interval = this.options.visibleBars() > MANY_VISIBLE ? SELDOM : OFTEN
    const wait = Math.max(0, this.lastFlush + interval - this.now())
    this.timer = setTimeout(() => this.flush(), wait)
  }

  private flush(): void {
    this.timer = undefined
    if (this.waits || !this.listening || this.pending.size === 0) return
    this.lastFlush = this.now()
    const bars = [...this.pending.values()].sort((a, b) => a.time - b.time)
    this.pending.clear()
    this.options.flush(bars)
  }
}

function barOf([time, open, high, low, close, volume, closed]: TickRow): LiveBar {
  return { time, open, high, low, close, volume, closed: closed === 1 }
}
