import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import { ask } from '@/api/contract'
import { useFrames } from '@/api/live'

export interface Stop {
  id: string
  scope: 'instance' | 'user' | 'position'
  position_id: string | null
  reason: string
  by: string
  since: string
}

export interface Flatten {
  id: string
  scope: 'user' | 'position'
  state: 'running' | 'done' | 'partly'
  stop_id: string
  positions: {
    position_id: string
    state: 'waiting' | 'closing' | 'done' | 'partly'
    execution_id: string | null
    text: string
  }[]
  created_at: string
  finished_at: string | null
}

/** What is to be stopped or flattened: everything of the user, or one position. */
export type Target = { scope: 'user' } | { scope: 'position'; position_id: string }

export const stopsQuery = queryOptions({
  queryKey: ['stops'],
  queryFn: () => ask<Stop[]>('GET', '/api/stops'),
})

/** Every stop in force, told by the stream; asked for too, should the stream be down. */
export function useStops(enabled: boolean) {
  const client = useQueryClient()
  useFrames(enabled ? 'stops' : null, () => void client.invalidateQueries({ queryKey: ['stops'] }))
  return useQuery({ ...stopsQuery, enabled, refetchInterval: 20_000 })
}

export function useStop() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ target, reason, key }: { target: Target; reason: string; key: string }) =>
      ask<Stop>('POST', '/api/stops', { key, body: { ...target, ...(reason ? { reason } : {}) } }),
    onSuccess: (stop) =>
      client.setQueryData(stopsQuery.queryKey, (known) => [
        ...(known ?? []).filter((each) => each.id !== stop.id),
        stop,
      ]),
    onSettled: () => client.invalidateQueries({ queryKey: ['stops'] }),
  })
}

export function useResume() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (stop: Stop) => ask<undefined>('DELETE', `/api/stops/${stop.id}`),
    onSuccess: (_, stop) =>
      client.setQueryData(stopsQuery.queryKey, (known) => known?.filter((each) => each.id !== stop.id)),
    onSettled: () => client.invalidateQueries({ queryKey: ['stops'] }),
  })
}

export const flattenQuery = (id: string) =>
  queryOptions({
    queryKey: ['flatten', id],
    queryFn: () => ask<Flatten>('GET', `/api/flatten/${id}`),
  })

export function useFlatten() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ target, key }: { target: Target; key: string }) =>
      ask<Flatten>('POST', '/api/flatten', { key, body: target }),
    onSuccess: (flatten) => client.setQueryData(flattenQuery(flatten.id).queryKey, flatten),
    onSettled: () => client.invalidateQueries({ queryKey: ['stops'] }),
  })
}
