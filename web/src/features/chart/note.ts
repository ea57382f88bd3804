import { serverNow } from '@/lib/clock'

import type { ChartEngine } from './engine/ChartEngine'

/** Where a note about the bar at `x` of the chart is written, or about the bar under the crosshair without it. */
export function noteAt(engine: ChartEngine | null, series: string, x?: number) {
  const logical = x === undefined ? null : (engine?.chart.timeScale().coordinateToLogical(x) ?? null)
  const index = logical === null ? (engine?.crosshair.cursor.get() ?? null) : Math.round(logical)
  const bar = index === null ? undefined : engine?.feed.window.at(index)
  const time = String(Math.floor(bar?.time ?? serverNow() / 1000))
  return { to: '/journal', search: { new: '1', series, time } } as const
}
