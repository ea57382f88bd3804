/** Puts marks on the bars during which they happened, and those that would cover one another together. */
import { nextOpening } from '../data/timeframes'
import type { Timeframe } from '../data/timeframes'
import type { BarWindow } from '../data/windowStore'
import type { MarkItem } from './model'

/** What is drawn at one place: one mark or several. */
export interface Glyph {
  index: number
  /** Oldest first, at least one; it looks like the first. */
  items: [MarkItem, ...MarkItem[]]
  /** The mean of its marks. */
  price: number
  /** How many others it stands beyond, seen from its bar. */
  level: number
}

export interface PlacedMark {
  item: MarkItem
  index: number
}

/**
 * The bar during which something happened. What happened while there was no bar belongs to the next one: nobody could
 * act on it before. Null before the first bar and after the last.
 */
export function barDuring(window: BarWindow, timeframe: Timeframe, time: number): number | null {
  if (time < (window.first ?? Infinity)) return null
  const after = window.lowerBound(time)
  const index = after < window.length && window.time[after] === time ? after : after - 1
  if (time < nextOpening(window.time[index] ?? 0, timeframe)) return index
  return after < window.length ? after : null
}

export function placed(items: readonly MarkItem[], window: BarWindow, timeframe: Timeframe): PlacedMark[] {
  return items
    .flatMap((item) => {
      const index = barDuring(window, timeframe, item.time)
      return index === null ? [] : [{ item, index }]
    })
    .sort((one, other) => one.index - other.index || one.item.time - other.item.time)
}

/** `room`: how many bars a mark is wide. Marks at prices stay on their own bar, others share that room. */
export function glyphsOf(marks: readonly PlacedMark[], room: number): Glyph[] {
  const latest = new Map<string, Glyph>()
  const glyphs: Glyph[] = []
  for (const { item, index } of marks) {
    const open = latest.get(item.group)
    if (open && index - open.index < (item.place === 'price' ? 1 : room)) {
      open.items.push(item)
      continue
    }
    const glyph: Glyph = { index, items: [item], price: item.price, level: 0 }
    latest.set(item.group, glyph)
    glyphs.push(glyph)
  }
  for (const glyph of glyphs) glyph.price = meanPrice(glyph.items)
  stack(glyphs, room)
  return glyphs
}

/** What the fills among some marks come to, by side, at their mean prices. */
export function tradesOf(items: readonly MarkItem[]): { side: 'buy' | 'sell'; price: number }[] {
  return (['buy', 'sell'] as const).flatMap((side) => {
    const fills = items.filter((item) => item.kind === 'fill' && item.fill.side === side)
    return fills.length > 0 ? [{ side, price: meanPrice(fills) }] : []
  })
}

function meanPrice(items: readonly MarkItem[]): number {
  const weight = items.reduce((sum, each) => sum + each.weight, 0)
  if (weight === 0) return items[0]?.price ?? NaN
  return items.reduce((sum, each) => sum + each.price * each.weight, 0) / weight
}

/** Marks on the same side of neighbouring bars stand one beyond the other. */
function stack(glyphs: Glyph[], room: number): void {
  for (const place of ['below', 'above']) {
    const near: Glyph[] = []
    for (const glyph of glyphs) {
      if (glyph.items[0].place !== place) continue
      while (near[0] && glyph.index - near[0].index >= room) near.shift()
      const taken = new Set(near.map((each) => each.level))
      while (taken.has(glyph.level)) glyph.level += 1
      near.push(glyph)
    }
  }
}
