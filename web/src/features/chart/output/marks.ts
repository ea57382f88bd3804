/** Fills of the user, gathered by bar and side. */
import { forGeometry } from '@/lib/numbers'

import type { BarWindow } from '../data/windowStore'

export interface TradeFill {
  executed_at: string
  price: string
  quantity: string
  side: 'buy' | 'sell'
}

export interface Mark {
  index: number
  side: 'buy' | 'sell'
  /** The mean price, weighted by quantity. */
  price: number
  count: number
}

/** A fill belongs to the bar during which it happened; those before the first bar are left out. */
export function marksOf(fills: readonly TradeFill[], window: BarWindow): Mark[] {
  const found = new Map<string, Mark & { quantity: number }>()
  for (const fill of fills) {
    const time = Date.parse(fill.executed_at) / 1000
    if (time < (window.first ?? Infinity)) continue
    const after = window.lowerBound(time)
    const index = window.time[after] === time && after < window.length ? after : after - 1
    const [price, quantity] = [forGeometry(fill.price), forGeometry(fill.quantity)]
    const key = `${index}-${fill.side}`
    const present = found.get(key) ?? { index, side: fill.side, price: 0, count: 0, quantity: 0 }
    const total = present.quantity + quantity
    found.set(key, {
      ...present,
      price: total === 0 ? price : (present.price * present.quantity + price * quantity) / total,
      quantity: total,
      count: present.count + 1,
    })
  }
  return [...found.values()]
}
