/** What is asked of the server for the marks of one span of time. */
import { answer, api } from '@/api/client'

import { splitSeries } from '../data/series'
import type { MarkItem } from './model'
import { isTrade, ofEntry, ofFill, ofNews, ofSignal } from './model'
import type { Span } from './tiles'

export interface Found {
  items: MarkItem[]
  /** There are more than were given. */
  more: boolean
}

const FILLS_AT_ONCE = 200
const MOST_PAGES = 5
const MOST_AT_ONCE = 500

const moment = (seconds: number) => new Date(seconds * 1000).toISOString()

/** The newest thousand of the span. */
export async function fetchFills(series: string, { from, to }: Span): Promise<Found> {
  const [, symbol] = splitSeries(series)
  const items: MarkItem[] = []
  let cursor: string | null | undefined
  for (let page = 0; page < MOST_PAGES && cursor !== null; page += 1) {
    const query = { symbol, from: moment(from), to: moment(to), limit: FILLS_AT_ONCE, ...(cursor ? { cursor } : {}) }
    const found = await answer(api.GET('/api/fills', { params: { query } }))
    items.push(...found.items.filter(isTrade).map(ofFill))
    cursor = found.next_cursor ?? null
  }
  return { items, more: typeof cursor === 'string' }
}

/** The newest of the span. */
export async function fetchNews(series: string, { from, to }: Span): Promise<Found> {
  const found = await answer(api.GET('/api/news/marks', { params: { query: { series, from, until: to } } }))
  return { items: found.map(ofNews), more: found.length >= MOST_AT_ONCE }
}

/** The oldest of the span. */
export async function fetchSignals(series: string, { from, to }: Span): Promise<Found> {
  const found = await answer(api.GET('/api/signals', { params: { query: { series, from, until: to } } }))
  return { items: found.signals.map(ofSignal), more: found.more }
}

export async function fetchEntries(series: string, { from, to }: Span): Promise<Found> {
  const found = await answer(api.GET('/api/journal/marks', { params: { query: { series, from, until: to } } }))
  return { items: found.map(ofEntry), more: found.length >= MOST_AT_ONCE }
}
