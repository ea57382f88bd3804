import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

export type SymbolView = Schemas['SymbolView']

/** Markets whose name or symbol fits what was typed, best first. */
export const symbolsQuery = (typed: string) =>
  queryOptions({
    queryKey: ['symbols', typed],
    queryFn: ({ signal }) => answer(api.GET('/api/symbols', { params: { query: { q: typed, limit: 40 } }, signal })),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
