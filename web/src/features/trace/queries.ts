import { queryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

export type Trace = Schemas['TraceView']
export type Item = Schemas['TraceItem']

export const traceQuery = (id: string) =>
  queryOptions({
    queryKey: ['trace', id],
    queryFn: () => answer(api.GET('/api/executions/{execution_id}/trace', { params: { path: { execution_id: id } } })),
    refetchInterval: ({ state }) => (state.data && state.data.execution.finished_at !== null ? false : 2_000),
  })
