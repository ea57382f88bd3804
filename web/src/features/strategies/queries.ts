import { infiniteQueryOptions, queryOptions, useQuery } from '@tanstack/react-query'

import { authorisedFetch } from '@/api/client'
import { useTopic } from '@/api/live'
import { at, paging } from '@/api/paging'
import { ProblemError, problemOf } from '@/api/problem'
import { fetchEquity } from '@/features/backtests/equity'
import type { Terms } from '@/features/backtests/types'
import type { InputValue } from '@/features/scripts/scriptInputs'

import type { Strategy, StrategyEvent, StrategyFill, StrategyTick } from './types'

interface Page<Item> {
  items: Item[]
  next_cursor: string | null
}

export interface NewStrategy extends Terms {
  name: string
  script_id: string
  version: number
  inputs: Record<string, InputValue>
  series: string
  timeframe: string
}

export type Change = 'pause' | 'resume' | 'stop'

async function ask<Data>(
  method: string,
  path: string,
  { query = {}, body, key }: { query?: Record<string, string>; body?: unknown; key?: string } = {},
): Promise<Data> {
  const url = new URL(path, globalThis.location.origin)
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  const headers = {
    ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
    ...(key ? { 'Idempotency-Key': key } : {}),
  }
  const response = await authorisedFetch(
    new Request(url, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }),
  )
  const told: unknown = response.status === 204 ? undefined : await response.json().catch(() => null)
  if (!response.ok) throw new ProblemError(problemOf(told, response))
  return told as Data
}

export const strategiesQuery = queryOptions({
  queryKey: ['strategies'],
  queryFn: () => ask<Strategy[]>('GET', '/api/strategies'),
})

export const strategyQuery = (id: string) =>
  queryOptions({ queryKey: ['strategy', id], queryFn: () => ask<Strategy>('GET', `/api/strategies/${id}`) })

const TOPIC = 'strategies'

/** All of them: what the API told, with the stream's newest word on each. */
export function useStrategies() {
  const query = useQuery(strategiesQuery)
  const tick = useTopic<{ strategies: StrategyTick[] }>(TOPIC, query.dataUpdatedAt)
  return { ...query, data: query.data?.map((each) => withTick(each, tick?.strategies)) }
}

export function useStrategy(id: string) {
  const query = useQuery(strategyQuery(id))
  const tick = useTopic<{ strategies: StrategyTick[] }>(TOPIC, query.dataUpdatedAt)
  return { ...query, data: query.data && withTick(query.data, tick?.strategies) }
}

/** The newer of two words on one strategy: an answer that came after a change is not undone by an older tick. */
export function withTick(strategy: Strategy, ticks: readonly StrategyTick[] | undefined): Strategy {
  const tick = ticks?.find((each) => each.id === strategy.id)
  if (!tick || Date.parse(tick.changed_at) < Date.parse(strategy.changed_at)) return strategy
  return { ...strategy, ...tick }
}

/** The equity grows by a point a bar: `lastBar` says which one was the last. */
export const equityQuery = (id: string, lastBar: string | null) =>
  queryOptions({
    queryKey: ['strategy', id, 'equity', lastBar],
    queryFn: ({ signal }) => fetchEquity(`/api/strategies/${id}/equity`, signal),
    placeholderData: (before) => before,
  })

export const eventsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['strategy', id, 'events'],
    queryFn: ({ pageParam }) =>
      ask<Page<StrategyEvent>>('GET', `/api/strategies/${id}/events`, { query: at(pageParam) }),
    ...paging,
  })

export const fillsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['strategy', id, 'fills'],
    queryFn: ({ pageParam }) => ask<Page<StrategyFill>>('GET', `/api/strategies/${id}/fills`, { query: at(pageParam) }),
    ...paging,
  })

export const startStrategy = (body: NewStrategy, key: string) => ask<Strategy>('POST', '/api/strategies', { body, key })

export const changeStrategy = (id: string, change: Change, key: string) =>
  ask<Strategy>('POST', `/api/strategies/${id}/${change}`, { key })

export const renameStrategy = (id: string, name: string, key: string) =>
  ask<Strategy>('PATCH', `/api/strategies/${id}`, { body: { name }, key })

export const deleteStrategy = (id: string, key: string) => ask<undefined>('DELETE', `/api/strategies/${id}`, { key })
