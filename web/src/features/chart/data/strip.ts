/** Columns that come from elsewhere than the bars (indicators, other series), kept by time and laid beside a window. */
import type { Drawable } from './drawable'
import type { Timeframe } from './timeframes'
import { secondsOf } from './timeframes'
import type { BarWindow } from './windowStore'

export interface StripPage {
  /** The beginning of the span that was looked at; the first value where it is not said. */
  from?: number
  time: ArrayLike<number>
  columns: ArrayLike<number>[]
  /** What the columns are, where that may change: values of one shape are not mixed with those of another. */
  shape?: string
  /** With a shape: what is drawn of it. */
  drawable?: Drawable
}

/** What is to be asked for: the newest `limit` values before a time, or up to now. */
export interface Missing {
  before?: number
  limit: number
}

/** A value changes while its bar forms, so the end is asked for again with those before it. */
const OVERLAP = 2
const MOST_AT_ONCE = 2_000

export class Strip {
  time = new Float64Array(0)
  columns: Float64Array[]
  /** Bars that open within [from, until) were asked for. */
  private from = Infinity
  private until = -Infinity

  constructor(private readonly width: number) {
    this.columns = this.empty(0)
  }

  clear(): void {
    this.time = new Float64Array(0)
    this.columns = this.empty(0)
    this.from = Infinity
    this.until = -Infinity
  }

  /** Notes how far an answer looked, whether or not it found something there. */
  cover(asked: Missing, page: StripPage, timeframe: Timeframe): void {
    const last = page.time[page.time.length - 1]
    const until = asked.before ?? (last === undefined ? (page.from ?? -Infinity) : last + 1)
    const from = page.from ?? page.time[0] ?? until - asked.limit * secondsOf(timeframe)
    this.from = Math.min(this.from, from)
    this.until = Math.max(this.until, until)
  }

  /** Takes a page in; where times meet, the page is the newer truth. */
  merge(page: StripPage): void {
    const count = this.time.length + page.time.length
    const time = new Float64Array(count)
    const columns = this.empty(count)
    let [mine, theirs, at] = [0, 0, 0]
    while (mine < this.time.length || theirs < page.time.length) {
      const own = this.time[mine] ?? Infinity
      const other = page.time[theirs] ?? Infinity
      const source = other <= own ? page.columns : this.columns
      const from = other <= own ? theirs : mine
      time[at] = Math.min(own, other)
      for (const [index, column] of columns.entries()) column[at] = source[index]?.[from] ?? NaN
      if (own <= other) mine += 1
      if (other <= own) theirs += 1
      at += 1
    }
    this.time = time.slice(0, at)
    this.columns = columns.map((column) => column.slice(0, at))
  }

  /** Forgets what lies outside the window, so that it cannot grow without end. */
  trim(window: BarWindow): void {
    const [first, last] = [window.first ?? Infinity, window.last ?? -Infinity]
    this.from = Math.max(this.from, first)
    this.until = Math.min(this.until, last + 1)
    if (this.from > this.until) [this.from, this.until] = [Infinity, -Infinity]
    const from = this.time.findIndex((time) => time >= first)
    const until = this.time.findLastIndex((time) => time <= last) + 1
    const keep = from >= 0 && from < until
    this.time = keep ? this.time.slice(from, until) : new Float64Array(0)
    this.columns = keep ? this.columns.map((column) => column.slice(from, until)) : this.empty(0)
  }

  /** Lays the columns beside the bars; a bar without a value gets NaN. */
  align(window: BarWindow, into: Float64Array[]): void {
    let at = 0
    for (let index = 0; index < window.length; index += 1) {
      const time = window.time[index] ?? NaN
      while (at < this.time.length && (this.time[at] ?? Infinity) < time) at += 1
      const present = this.time[at] === time
      for (const [column, target] of into.entries()) target[index] = present ? (this.columns[column]?.[at] ?? NaN) : NaN
    }
  }

  /** The newest stretch of the window that was not asked for yet, or null. `atEnd`: the window ends now. */
  missing(window: BarWindow, timeframe: Timeframe, atEnd: boolean): Missing | null {
    return this.missingEnd(window, timeframe, atEnd) ?? this.missingBefore(window, timeframe)
  }

  /** The end of the window, if that was not reached. */
  missingEnd(window: BarWindow, timeframe: Timeframe, atEnd: boolean): Missing | null {
    const [first, last] = [window.first, window.last]
    if (first === undefined || last === undefined || last < this.until) return null
    const pace = secondsOf(timeframe)
    const from = this.until > first ? this.until - OVERLAP * pace : first
    const limit = Math.min(MOST_AT_ONCE, Math.ceil((last - from) / pace) + 1)
    return atEnd ? { limit } : { before: last + 1, limit }
  }

  /** What is before all that was asked for. */
  missingBefore({ first }: BarWindow, timeframe: Timeframe): Missing | null {
    if (first === undefined || first >= this.from || this.from === Infinity) return null
    const bars = Math.ceil((this.from - first) / secondsOf(timeframe))
    return { before: this.from, limit: Math.min(MOST_AT_ONCE, bars) }
  }

  private empty(count: number): Float64Array[] {
    return Array.from({ length: this.width }, () => new Float64Array(count))
  }
}
