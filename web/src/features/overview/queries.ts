import { queryOptions } from '@tanstack/react-query'

import { answer, api } from '@/api/client'

export const overviewQuery = queryOptions({
  queryKey: ['overview'],
  queryFn: () => answer(api.GET('/api/overview')),
  refetchInterval: 15_000,
})
