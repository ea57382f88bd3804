import { queryOptions, useMutation, useQueryClient } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

export type Limits = Schemas['Limits-Output']
export type LimitName = keyof Limits
export type LimitUsage = Schemas['LimitUsage']

/** `effective` is what counts: the strictest of all that apply. */
export type LimitsView = Schemas['LimitsView'] | Schemas['PositionLimitsView']

/** Whose limits: the user's, or one position's. */
export type Owner = string | null

const read = (owner: Owner): Promise<LimitsView> =>
  owner === null
    ? answer(api.GET('/api/limits'))
    : answer(api.GET('/api/positions/{position_id}/limits', { params: { path: { position_id: owner } } }))

const write = (owner: Owner, body: Limits, key: string): Promise<LimitsView> => {
  const header = { 'idempotency-key': key }
  return owner === null
    ? answer(api.PUT('/api/limits', { params: { header }, body }))
    : answer(api.PUT('/api/positions/{position_id}/limits', { params: { header, path: { position_id: owner } }, body }))
}

export const limitsQuery = (owner: Owner) =>
  queryOptions({ queryKey: ['limits', owner ?? ''], queryFn: () => read(owner), refetchInterval: 10_000 })

export function useSaveLimits(owner: Owner) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: ({ limits, key }: { limits: Limits; key: string }) => write(owner, limits, key),
    onSuccess: (view) => {
      client.setQueryData(limitsQuery(owner).queryKey, view)
      return client.invalidateQueries({ queryKey: ['limits'] })
    },
  })
}
