import { queryOptions } from '@tanstack/react-query'

import { answer, api } from './client'

/** What this installation is, and where its stream is. */
export const systemQuery = queryOptions({
  queryKey: ['system'],
  queryFn: () => answer(api.GET('/api/system')),
  staleTime: 60_000,
})
