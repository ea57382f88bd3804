/** How an account went: columns from the API, and what they say in words. */
import { get } from '@/features/chart/data/api'
import type { Column } from '@/features/chart/data/columns'
import { columnOf, parseColumns } from '@/features/chart/data/columns'

export interface Equity {
  /** UTC seconds, rising. */
  time: Column
  equity: Column
  /** What buying at the start and holding would be worth; null where nobody compares. */
  hold: Column | null
  /** Share below the highest value so far: 0 or less. */
  drawdown: Column
}

export async function fetchEquity(path: string, signal?: AbortSignal): Promise<Equity> {
  const response = await get(path, {}, signal)
  const page = parseColumns(await response.arrayBuffer())
  return {
    time: columnOf(page, 'time'),
    equity: columnOf(page, 'equity'),
    hold: page.columns.get('hold') ?? null,
    drawdown: columnOf(page, 'drawdown'),
  }
}

/** The places of the highest and the lowest value, and of the deepest drawdown; null without a value. */
export function extremes({ equity, drawdown }: Equity): { high: number; low: number; deepest: number } | null {
  if (equity.length === 0) return null
  const found = { high: 0, low: 0, deepest: 0 }
  for (let at = 1; at < equity.length; at++) {
    if ((equity[at] ?? 0) > (equity[found.high] ?? 0)) found.high = at
    if ((equity[at] ?? 0) < (equity[found.low] ?? 0)) found.low = at
    if ((drawdown[at] ?? 0) < (drawdown[found.deepest] ?? 0)) found.deepest = at
  }
  return found
}

const LOG_FROM = 20

/** Whether values are so far apart that a straight scale would hide the small ones. */
export function spansMagnitudes({ equity, hold }: Equity): boolean {
  const values = [...equity, ...(hold ?? [])]
  const [low, high] = values.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, 0],
  )
  return low > 0 && high / low > LOG_FROM
}

/** At most `most` places spread evenly over `count`, the first and the last among them. */
export function spread(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, at) => at)
  return Array.from({ length: most }, (_, at) => Math.round((at * (count - 1)) / (most - 1)))
}
