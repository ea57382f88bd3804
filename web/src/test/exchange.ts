/** An exchange of one symbol: the true history, its answers and its frames. */
import type { BarPage, Span } from '@/features/chart/data/api'
import type { TickFrame, TickRow } from '@/features/chart/data/tickStore'
import type { Timeframe } from '@/features/chart/data/timeframes'
import { secondsOf } from '@/features/chart/data/timeframes'

export const MINUTE = 60
/** When it began: on the grid of every timeframe up to 1 d. */
export const START = 694 * 86_400

export class Exchange {
  now = START + 3_000 * MINUTE
  asked: Span[] = []
  failing = 0
  holes = new Set<number>()
  private listeners = new Set<(frame: TickFrame) => void>()

  row(time: number, pace = MINUTE): TickRow {
    const price = 100 + ((time / pace) % 97)
    const end = Math.min(this.now, time + pace)
    const closed = this.now >= time + pace ? 1 : 0
    return [time, price, price + 2, price - 2, price + (end - time) / pace, end - time, closed]
  }

  fetchBars = (_series: string, timeframe: Timeframe, span: Span): Promise<BarPage> => {
    this.asked.push(span)
    if (this.failing > 0) {
      this.failing -= 1
      return Promise.reject(new Error('no answer'))
    }
    const pace = secondsOf(timeframe)
    const latest = Math.floor(this.now / pace) * pace + pace
    const asked = span.before === undefined ? latest : Math.ceil(span.before / pace) * pace
    const from = span.after === undefined ? 0 : Math.floor(span.after / pace) * pace + pace
    const until = Math.min(latest, span.after === undefined ? asked : from + span.limit * pace)
    const start = span.after === undefined ? until - Math.ceil(span.limit) * pace : from
    const rows: TickRow[] = []
    for (let time = Math.max(START, start); time < until; time += pace) {
      if (!this.holes.has(time)) rows.push(this.row(time, pace))
    }
    const column = (index: number) => rows.map((row) => row[index] ?? NaN)
    return Promise.resolve({
      series: 'bybit:X',
      timeframe,
      count: rows.length,
      price_decimals: 2,
      volume_decimals: 0,
      from: start,
      until,
      more: start > START,
      gaps: [],
      backfill: null,
      forming: rows.at(-1)?.[6] === 0,
      columns: [],
      time: column(0),
      open: column(1),
      high: column(2),
      low: column(3),
      close: column(4),
      volume: column(5),
    })
  }

  watch = (_topic: string, listener: (frame: TickFrame) => void) => {
    this.listeners.add(listener)
    return () => void this.listeners.delete(listener)
  }

  get watched() {
    return this.listeners.size
  }

  /** Sends the newest bars, as the hub does. */
  say(count = 2): void {
    const last = Math.floor(this.now / MINUTE) * MINUTE
    const bars = Array.from({ length: count }, (_, index) => this.row(last - (count - 1 - index) * MINUTE))
    for (const listener of [...this.listeners]) listener({ series: 'bybit:X', timeframe: '1m', bars, at: this.now })
  }
}
