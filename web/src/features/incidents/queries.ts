import { infiniteQueryOptions, queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useFrames } from '@/api/live'
import { at, paging } from '@/api/paging'

export type Incident = Schemas['IncidentView']

/** What the stream tells on `incidents`. */
export interface IncidentsTick {
  open: number
  unseen: number
}

export type Which = 'open' | 'all'

/** What is not settled yet, the newest first: enough for the bell and for marks. */
const openIncidentsQuery = queryOptions({
  queryKey: ['incidents', 'open', 'first'],
  queryFn: () => answer(api.GET('/api/incidents', { params: { query: { state: 'open' } } })),
})

export const incidentsQuery = (which: Which, position: string | undefined) =>
  infiniteQueryOptions({
    queryKey: ['incidents', which, position ?? ''],
    queryFn: ({ pageParam }) =>
      answer(
        api.GET('/api/incidents', {
          params: {
            query: { state: which, ...(position ? { position } : {}), ...at(pageParam) },
          },
        }),
      ),
    ...paging,
  })

/**
 * Open incidents, renewed when the stream tells of a change; asked for too, should the stream be down.
 * `unknown`: they were asked for, and have never come.
 */
export function useOpenIncidents(enabled = true) {
  const client = useQueryClient()
  useFrames(enabled ? 'incidents' : null, () => void client.invalidateQueries({ queryKey: ['incidents'] }))
  const query = useQuery({ ...openIncidentsQuery, enabled, refetchInterval: 30_000 })
  return { ...query, data: query.data?.items, unknown: query.isFetched && !query.data }
}

/** What open incidents forbid on a whole account: nothing, opening, or all trading. */
export function useBlockOf(connectionId: string): Incident['blocks'] {
  const { data = [] } = useOpenIncidents()
  const found = data.filter((each) => each.connection_id === connectionId && each.symbol === '')
  return found.find((each) => each.blocks === 'trading')?.blocks ?? found.find((each) => each.blocks)?.blocks ?? ''
}

export function useMarkSeen() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (ids: string[]) =>
      Promise.all(
        ids.map((id) =>
          answer(api.POST('/api/incidents/{incident_id}/seen', { params: { path: { incident_id: id } } })),
        ),
      ),
    onSettled: () => client.invalidateQueries({ queryKey: ['incidents'] }),
  })
}
