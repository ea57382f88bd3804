import { queryOptions, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useFrames } from '@/api/live'

export type Stop = Schemas['StopView']
export type Flatten = Schemas['FlattenView']

/** What is to be stopped or flattened: everything of the user, or one position. */
export type Target = { scope: 'user' } | { scope: 'position'; position_id: string }

const stopsQuery = queryOptions({
  queryKey: ['stops'],
  queryFn: () => answer(api.GET('/api/stops')),
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
      answer(api.POST('/api/stops', { params: { header: { 'idempotency-key': key } }, body: { ...target, reason } })),
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
    mutationFn: (stop: Stop) => answer(api.DELETE('/api/stops/{stop_id}', { params: { path: { stop_id: stop.id } } })),
    onSuccess: (_, stop) =>
      client.setQueryData(stopsQuery.queryKey, (known) => known?.filter((each) => each.id !== stop.id)),
    onSettled: () => client.invalidateQueries({ queryKey: ['stops'] }),
  })
}

export const flattenQuery = (id: string) =>
  queryOptions({
    queryKey: ['flatten', id],
    queryFn: () => answer(api.GET('/api/flatten/{flatten_id}', { params: { path: { flatten_id: id } } })),
  })

export function useFlatten() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ target, key }: { target: Target; key: string }) =>
      answer(api.POST('/api/flatten', { params: { header: { 'idempotency-key': key } }, body: target })),
    onSuccess: (flatten) => client.setQueryData(flattenQuery(flatten.id).queryKey, flatten),
    onSettled: () => client.invalidateQueries({ queryKey: ['stops'] }),
  })
}
