/** Where in time a chart was left, for as long as the tab is open. */
import type { Timeframe } from '../data/timeframes'
import { keep, keyOf } from '../userStorage'

export interface Place {
  /** What was chosen, and what was shown at that width. */
  chosen: Timeframe
  shown: Timeframe
  /** UTC seconds at the edges of the screen. */
  from: number
  to: number
}

const KEY = 'holdfast.places'

/** `null`: it followed the newest bar. */
export function keepPlace(index: number, series: string, place: Place | null): void {
  const places = new Map(Object.entries(stored()))
  const key = `${index} ${series}`
  if (place) places.set(key, place)
  else places.delete(key)
  keep('sessionStorage', KEY, Object.fromEntries(places))
}

/** Where a chart was left on a series, if it was left at this timeframe. */
export function placeOf(index: number, series: string, chosen: Timeframe): Place | null {
  const place = stored()[`${index} ${series}`]
  return place?.chosen === chosen ? place : null
}

function stored(): Record<string, Place> {
  try {
    return (JSON.parse(sessionStorage.getItem(keyOf(KEY)) ?? '{}') ?? {}) as Record<string, Place>
  } catch {
    return {}
  }
}
