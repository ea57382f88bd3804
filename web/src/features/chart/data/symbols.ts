import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import { get } from './api'

export interface SymbolView {
  series: string
  source: string
  symbol: string
  name: string
  base: string
  quote: string
  kind: string
  price_decimals: number
  volume_24h: string | number | null
}

/** Markets whose name or symbol fits what was typed, best first. */
export const symbolsQuery = (typed: string) =>
  queryOptions({
    queryKey: ['symbols', typed],
    queryFn: async ({ signal }) =>
      (await (await get('/api/symbols', { q: typed, limit: '40' }, signal)).json()) as SymbolView[],
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
