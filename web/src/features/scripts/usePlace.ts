import { useState } from 'react'

import { workspace } from '@/features/chart/workspace'

import type { Place } from './useWorkbench'

/** Where a script is tried: first on what the chart shows, then wherever its writer goes. */
export function usePlace() {
  const [place, set] = useState<Place>(() => {
    const { cells, active } = workspace.get()
    const { series = 'bybit:BTCUSDT', timeframe = '1h' } = cells[active] ?? {}
    return { series, timeframe }
  })
  return { place, setPlace: set }
}
