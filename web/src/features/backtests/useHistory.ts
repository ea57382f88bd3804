import { useQuery } from '@tanstack/react-query'

import { fetchBars } from '@/features/chart/data/api'
import type { Timeframe } from '@/features/chart/data/timeframes'
import { asTimeframe } from '@/features/chart/data/timeframes'
import { isOwn } from '@/features/chart/engine/spec'
import { useOwnData } from '@/features/chart/own/useOwnData'

import { seriesHolds } from './draft'

/** The bars there are of a series: milliseconds of the first and the last. */
export interface History {
  first: number
  last: number
  /** The shortest bars there are. */
  base: Timeframe
  /** Older ones come from the market when they are asked for. */
  fetched: boolean
}

const MOST_MONTHS = 2_000

/** Of own data what was uploaded; of everything else the months there are bars of. */
export function useHistory(series: string): { history: History | null; error: unknown; pending: boolean } {
  const { bars } = useOwnData()
  const own = isOwn(series)
  const dataset = bars.find((each) => each.series === series)
  const asked = useQuery({
    queryKey: ['history', series],
    queryFn: async ({ signal }): Promise<History | null> => {
      const { time } = await fetchBars(series, '1M', { limit: MOST_MONTHS }, signal)
      const [first, last] = [time[0], time[time.length - 1]]
      if (first === undefined || last === undefined) return null
      return { first: first * 1000, last: Date.now(), base: '1m', fetched: !series.startsWith('index:') }
    },
    enabled: seriesHolds(series) && !own,
    staleTime: 60_000,
    retry: false,
  })
  if (!own) return { history: asked.data ?? null, error: asked.error, pending: asked.isFetching && !asked.data }
  const base = asTimeframe(dataset?.timeframe ?? undefined)
  const history =
    dataset?.first_at && dataset.last_at && base
      ? { first: Date.parse(dataset.first_at), last: Date.parse(dataset.last_at), base, fetched: false }
      : null
  return { history, error: null, pending: false }
}
