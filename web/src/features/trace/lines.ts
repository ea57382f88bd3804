import type { Item } from './queries'

export type Show = 'all' | 'orders' | 'requests' | 'events'

const SHOWS: Record<Exclude<Show, 'all'>, readonly Item['kind'][]> = {
  orders: ['row', 'event'],
  requests: ['request', 'answer'],
  events: ['event', 'stream', 'decision', 'job'],
}

export const isShow = (text: string | undefined): text is Show =>
  text !== undefined && ['all', 'orders', 'requests', 'events'].includes(text)

/** What is to be shown: one kind of thing, one instrument. What concerns everything belongs to no instrument. */
export function chosen(items: Item[], show: Show, symbol: string | undefined): Item[] {
  return items.filter(
    (item) => (show === 'all' || SHOWS[show].includes(item.kind)) && (!symbol || item.symbol === symbol),
  )
}

export interface Span {
  from: number
  to: number
}

/** When it began and ended, in ms after the start. An answer and an ending are told at their end. */
export function spanOf(item: Item): Span {
  const took = item.took_ms ?? 0
  const endsHere = item.kind === 'answer' || item.kind === 'decision'
  return endsHere
    ? { from: item.after_ms - took, to: item.after_ms }
    : { from: item.after_ms, to: item.after_ms + took }
}

/** The whole timeline: from the first moment to the last. */
export function wholeOf(items: Item[]): Span {
  const spans = items.map(spanOf)
  return {
    from: Math.min(0, ...spans.map((span) => span.from)),
    to: Math.max(1, ...spans.map((span) => span.to)),
  }
}

/** Where a span lies in the whole, as shares of its length. */
export function placeOf(span: Span, whole: Span): { left: number; width: number } {
  const length = whole.to - whole.from
  return { left: (span.from - whole.from) / length, width: (span.to - span.from) / length }
}

const TROUBLE = new Set(['reject', 'ambiguous', 'forbid', 'differ', 'withheld', 'silent', 'refused', 'held back'])

/** Something that did not go as asked. */
export function isTrouble(item: Item): boolean {
  return [item.detail['event'], item.detail['outcome']].some((word) => typeof word === 'string' && TROUBLE.has(word))
}

/** The longest request to the venue and its answer, in ms. */
export function slowest(items: Item[]): number | null {
  const took = items.filter((item) => item.kind === 'answer' || item.kind === 'request').map((item) => item.took_ms)
  const known = took.filter((each): each is number => each !== null)
  return known.length > 0 ? Math.max(...known) : null
}
