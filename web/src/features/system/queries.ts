import { queryOptions, useQuery } from '@tanstack/react-query'

import { answer, api } from '@/api/client'

export const systemQuery = queryOptions({
  queryKey: ['system'],
  queryFn: () => answer(api.GET('/api/system')),
  staleTime: 60_000,
})

/** True unless the server says that prices and venue are real: what is not known is not claimed to be real. */
export function useSimulated(): boolean | undefined {
  return useQuery(systemQuery).data?.simulated
}
