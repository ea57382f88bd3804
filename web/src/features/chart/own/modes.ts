/** Live shows markets, Custom the user's own data. Each chart remembers where it was in the other one. */
import type { ChartSpec } from '../engine/spec'
import { DEFAULT_SPEC, isOwn, withSeries } from '../engine/spec'
import { keep, keyOf } from '../userStorage'
import { readCell } from '../workspace'

export type Mode = 'live' | 'custom'

const KEY = 'holdfast.modes'
const FIRST_MARKET = 'bybit:BTCUSDT'

type Halves = Partial<Record<Mode, ChartSpec>>

export function modeOf(series: string): Mode {
  return isOwn(series) ? 'custom' : 'live'
}

/** Keeps what a chart shows in the mode it is in. */
export function keepHalf(index: number, cell: ChartSpec): void {
  const halves = stored()
  halves[index] = { ...halves[index], [modeOf(cell.series)]: cell }
  keep('localStorage', KEY, halves)
}

/** What a chart showed last in a mode. */
export function halfOf(index: number, mode: Mode): ChartSpec | null {
  const half = stored()[index]?.[mode]
  return half && modeOf(half.series) === mode ? half : null
}

/** What a chart shows in Live when it comes back to it, or comes to it for the first time. */
export function liveHalf(index: number): ChartSpec {
  return halfOf(index, 'live') ?? { ...DEFAULT_SPEC, series: FIRST_MARKET }
}

/** Another series in a chart: within a mode everything else stays, in the other one it is as it was left there. */
export function moved(index: number, cell: ChartSpec, series: string): ChartSpec {
  const mode = modeOf(series)
  if (modeOf(cell.series) === mode) return withSeries(cell, series)
  const half = halfOf(index, mode)
  return half ? withSeries(half, series) : { ...DEFAULT_SPEC, series, timeframe: cell.timeframe }
}

function stored(): Record<number, Halves> {
  try {
    const kept = (JSON.parse(localStorage.getItem(keyOf(KEY)) ?? '{}') ?? {}) as Record<number, Record<Mode, unknown>>
    return Object.fromEntries(Object.entries(kept).map(([index, halves]) => [index, readHalves(halves)]))
  } catch {
    return {}
  }
}

function readHalves({ live, custom }: Record<Mode, unknown>): Halves {
  const [market, own] = [readCell(live), readCell(custom)]
  return { ...(market ? { live: market } : {}), ...(own ? { custom: own } : {}) }
}
