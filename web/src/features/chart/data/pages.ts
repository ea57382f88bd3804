/** How much is asked for at once, and what an answer says. */
import type { BarPage, Span } from './api'
import type { Gap } from './columns'
import type { LiveBar } from './tickStore'
import type { Timeframe } from './timeframes'
import { secondsOf } from './timeframes'

export const PAGE = 1_500
export const MOST_AT_ONCE = 2_000

/** A screen of room on both sides of the span, as far as one page goes; up to now where it reaches now. */
export function spanOf(timeframe: Timeframe, span: { from: number; to: number } | undefined, now: number): Span {
  if (!span) return { limit: PAGE }
  const pace = secondsOf(timeframe)
  const count = Math.ceil((span.to - span.from) / pace)
  const room = Math.min(Math.max(count, 200), Math.max(0, (MOST_AT_ONCE - count) / 2))
  const before = span.to + room * pace
  return before < now ? { before, limit: count + 2 * room } : { limit: Math.max(PAGE, (now - span.from) / pace + room) }
}

/**
 * The page before a second, as long as it must be to begin where everybody's pages begin: the server keeps what
 * many ask for. Months are few enough to be the same anyway.
 */
export function pageBefore(timeframe: Timeframe, before: number): Span {
  if (timeframe === '1M') return { before, limit: PAGE }
  const pace = secondsOf(timeframe)
  const grid = PAGE * pace
  const from = Math.floor((before - (MOST_AT_ONCE - PAGE) * pace) / grid) * grid
  return { before, limit: Math.ceil((before - from) / pace) }
}

export function closedIn(page: BarPage): number {
  return page.time[page.count - (page.forming ? 2 : 1)] ?? -Infinity
}

/** Its bars, one by one. */
export function barsOf(page: BarPage): LiveBar[] {
  const closed = closedIn(page)
  return Array.from({ length: page.count }, (_, index) => barAt(page, index, closed))
}

function barAt(page: BarPage, index: number, closedUntil: number): LiveBar {
  const time = page.time[index] ?? NaN
  return {
    time,
    open: page.open[index] ?? NaN,
    high: page.high[index] ?? NaN,
    low: page.low[index] ?? NaN,
    close: page.close[index] ?? NaN,
    volume: page.volume[index] ?? NaN,
    closed: time <= closedUntil,
  }
}

export function joined(earlier: Gap[], later: Gap[]): Gap[] {
  const seen = new Set<string>()
  return [...earlier, ...later].filter((gap) => {
    const key = `${gap.from}-${gap.until}`
    return !seen.has(key) && seen.add(key)
  })
}

const DIGITS = 6
const FEWEST_DECIMALS = 2

/** As many decimals as the series has, but no more than say something at its price: 74.7702, 0.0349123, 71,254.10. */
export function decimalsShown(page: BarPage): number {
  const last = Math.abs(page.close[page.count - 1] ?? 0)
  if (last === 0) return page.price_decimals
  const telling = DIGITS - 1 - Math.floor(Math.log10(last))
  return Math.min(page.price_decimals, Math.max(FEWEST_DECIMALS, telling))
}

/** Of what is computed from a series: a mean of whole numbers is not whole. */
export const decimalsComputed = (decimals: number) => Math.max(FEWEST_DECIMALS, decimals)
