import { useOwnData, useOwnNames } from '@/features/chart/own/useOwnData'

/** Learns what the user calls own data; `ownSeries` tells who shows it. */
export function useSeriesNames(): void {
  const { bars, signals } = useOwnData()
  useOwnNames(bars, signals)
}
