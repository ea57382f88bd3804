/**
 * The bars a chart holds: parallel typed arrays with strictly rising times and a bound on their number. Pages are
 * put in at either end; what is beyond the bound falls off at the other one.
 */
import type { Timeframe } from './timeframes'
import { secondsOf } from './timeframes'

export interface Bar {
  time: number
  open: number
  high: number
  low: number
  close: number
  volume: number
}

/** A page of bars, oldest first. */
export interface BarColumns {
  time: ArrayLike<number>
  open: ArrayLike<number>
  high: ArrayLike<number>
  low: ArrayLike<number>
  close: ArrayLike<number>
  volume: ArrayLike<number>
}

/** What a change did: bars from `from` on are new or different; every bar kept moved by `shift` places. */
export interface WindowChange {
  from: number
  shift: number
}

const FIELDS = ['time', 'open', 'high', 'low', 'close', 'volume'] as const
/** A bar is added many times a minute, so the window makes room for several at once. */
const ROOM = 250

export class BarWindow {
  readonly time: Float64Array
  readonly open: Float64Array
  readonly high: Float64Array
  readonly low: Float64Array
  readonly close: Float64Array
  readonly volume: Float64Array
  length = 0

  constructor(readonly limit = 5_000) {
    this.time = new Float64Array(limit)
    this.open = new Float64Array(limit)
    this.high = new Float64Array(limit)
    this.low = new Float64Array(limit)
    this.close = new Float64Array(limit)
    this.volume = new Float64Array(limit)
  }

  get first(): number | undefined {
    return this.length > 0 ? this.time[0] : undefined
  }

  get last(): number | undefined {
    return this.length > 0 ? this.time[this.length - 1] : undefined
  }

  clear(): void {
    this.length = 0
  }

  /** Forgets everything and holds the newest bars of the page. */
  replace(page: BarColumns): void {
    const skipped = Math.max(0, page.time.length - this.limit)
    this.length = page.time.length - skipped
    this.write(page, skipped, page.time.length, 0)
  }

  /** Puts bars older than the first in front; the newest fall off when there are too many. */
  prepend(page: BarColumns): WindowChange {
    const first = this.first ?? Infinity
    let end = page.time.length
    while (end > 0 && (page.time[end - 1] ?? 0) >= first) end -= 1
    const added = Math.min(end, this.limit)
    const kept = Math.min(this.length, this.limit - added)
    for (const field of FIELDS) this[field].copyWithin(added, 0, kept)
    this.write(page, end - added, end, 0)
    this.length = added + kept
    return { from: 0, shift: added }
  }

  /** Puts bars behind the last, replacing those that overlap; the oldest fall off when there are too many. */
  append(page: BarColumns): WindowChange {
    const count = page.time.length
    if (count === 0) return { from: this.length, shift: 0 }
    const at = this.lowerBound(page.time[0] ?? 0)
    const excess = Math.max(0, at + count - this.limit)
    const dropped = Math.min(at, excess)
    const skipped = excess - dropped
    for (const field of FIELDS) this[field].copyWithin(0, dropped, at)
    this.length = at - dropped + count - skipped
    this.write(page, skipped, count, at - dropped)
    return { from: dropped > 0 ? 0 : at, shift: 0 - dropped }
  }

  /** Takes a live bar: the last one anew, or one after it. Older ones are corrected where they stand. */
  put(bar: Bar): WindowChange {
    let at = this.lowerBound(bar.time)
    if (at < this.length && this.time[at] !== bar.time) return { from: this.length, shift: 0 }
    let shift = 0
    if (at === this.limit) {
      shift = -Math.min(ROOM, this.length)
      for (const field of FIELDS) this[field].copyWithin(0, -shift, this.length)
      this.length += shift
      at += shift
    }
    for (const field of FIELDS) this[field][at] = bar[field]
    this.length = Math.max(this.length, at + 1)
    return { from: shift === 0 ? at : 0, shift }
  }

  at(index: number): Bar | undefined {
    if (index < 0 || index >= this.length) return undefined
    const value = (column: Float64Array) => column[index] ?? NaN
    return {
      time: value(this.time),
      open: value(this.open),
      high: value(this.high),
      low: value(this.low),
      close: value(this.close),
      volume: value(this.volume),
    }
  }

  /** The index of the first bar that opens at or after `time`. */
  lowerBound(time: number): number {
    let [low, high] = [0, this.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.time[middle] ?? Infinity) < time) low = middle + 1
      else high = middle
    }
    return low
  }

  /** The place of a time among the bars, between two of them or beyond the ends at the pace of the timeframe. */
  logicalAt(time: number, timeframe: Timeframe): number {
    const [first, last] = [this.first, this.last]
    if (first === undefined || last === undefined) return 0
    const pace = secondsOf(timeframe)
    if (time <= first) return (time - first) / pace
    if (time >= last) return this.length - 1 + (time - last) / pace
    const right = this.lowerBound(time)
    const [before, after] = [this.time[right - 1] ?? time, this.time[right] ?? time]
    return right - 1 + (time - before) / (after - before)
  }

  /** The inverse of {@link logicalAt}. */
  timeAt(logical: number, timeframe: Timeframe): number {
    const [first, last] = [this.first ?? 0, this.last ?? 0]
    const pace = secondsOf(timeframe)
    if (logical <= 0) return first + logical * pace
    if (logical >= this.length - 1) return last + (logical - this.length + 1) * pace
    const left = Math.floor(logical)
    const [before, after] = [this.time[left] ?? first, this.time[left + 1] ?? last]
    return before + (logical - left) * (after - before)
  }

  private write(page: BarColumns, from: number, until: number, at: number): void {
    for (const field of FIELDS) {
      const [source, target] = [page[field], this[field]]
      for (let index = from; index < until; index += 1) target[at + index - from] = source[index] ?? NaN
    }
  }
}
