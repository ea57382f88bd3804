import { queryOptions } from '@tanstack/react-query'

import { answer, api } from '@/api/client'

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: () => answer(api.GET('/api/overview')),
  /** Soon again while an account that was just connected has not been read. */
  refetchInterval: ({ state: { data } }) => (data && !data.as_of && data.accounts.length > 0 ? 2_000 : 15_000),
})
