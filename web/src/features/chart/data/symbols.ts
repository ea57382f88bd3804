import { keepPreviousData, queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

export type SymbolView = Schemas['SymbolView']

/** What can be charted whose name or symbol fits what was typed, best first; of one source if that is named. */
export const symbolsQuery = (typed: string, source = '') =>
  queryOptions({
    queryKey: ['symbols', typed, source],
    queryFn: ({ signal }) =>
      answer(api.GET('/api/symbols', { params: { query: { q: typed, source, limit: 40 } }, signal })),
    placeholderData: keepPreviousData,
    staleTime: 60_000,
  })
