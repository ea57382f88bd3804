/** What the chart asks the server: bars and values as binary columns. */
import { authorisedFetch } from '@/api/client'
import { ProblemError, problemOf } from '@/api/problem'

import type { ColumnHeader } from './columns'
import { columnOf, parseColumns } from './columns'
import { splitSeries } from './series'
import type { Timeframe } from './timeframes'
import type { BarColumns } from './windowStore'

export interface BarPage extends ColumnHeader, BarColumns {}

export interface Span {
  /** Bars that open before this second, the newest of them; absent means up to now. */
  before?: number
  /** Bars that open after this second, the oldest of them. */
  after?: number
  limit: number
}

/** A GET with the access token when there is one; throws {@link ProblemError} when the answer is no. */
export async function get(path: string, query: Record<string, string>, signal?: AbortSignal): Promise<Response> {
  const url = new URL(path, globalThis.location.origin)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const response = await authorisedFetch(new Request(url, signal ? { signal } : {}))
  if (!response.ok) throw new ProblemError(problemOf(await response.json().catch(() => null), response))
  return response
}

export function spanQuery({ before, after, limit }: Span): Record<string, string> {
  return {
    limit: String(Math.min(2_000, Math.ceil(limit))),
    ...(before === undefined ? {} : { before: String(Math.floor(before)) }),
    ...(after === undefined ? {} : { after: String(Math.floor(after)) }),
  }
}

export async function fetchBars(
  series: string,
  timeframe: Timeframe,
  span: Span,
  signal?: AbortSignal,
): Promise<BarPage> {
  const path = `/api/candles/${splitSeries(series).map(encodeURIComponent).join('/')}`
  const response = await get(path, { timeframe, ...spanQuery(span) }, signal)
  const page = parseColumns(await response.arrayBuffer())
  return {
    ...page.header,
    time: columnOf(page, 'time'),
    open: columnOf(page, 'open'),
    high: columnOf(page, 'high'),
    low: columnOf(page, 'low'),
    close: columnOf(page, 'close'),
    volume: columnOf(page, 'volume'),
  }
}
