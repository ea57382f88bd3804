import { queryOptions, useQuery, useQueryClient } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useFrames } from '@/api/live'

export type Connection = Schemas['ConnectionView']

export const connectionsQuery = queryOptions({
  queryKey: ['connections'],
  queryFn: () => answer(api.GET('/api/connections')),
})

/** The user's connections, kept current by the stream. */
export function useConnections(enabled = true) {
  const client = useQueryClient()
  useFrames(enabled ? 'connections' : null, () => void client.invalidateQueries({ queryKey: ['connections'] }))
  return useQuery({ ...connectionsQuery, enabled })
}

export const canTrade = (connection: Connection) => connection.state === 'active'

export const isLive = (connection: Connection) => connection.environment === 'live'
