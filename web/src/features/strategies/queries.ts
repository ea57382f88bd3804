import { infiniteQueryOptions, queryOptions, useQuery } from '@tanstack/react-query'

import { answer, api } from '@/api/client'
import { useTopic } from '@/api/live'
import { at, paging } from '@/api/paging'
import { fetchEquity } from '@/features/backtests/equity'

import type { NewStrategy, Strategy, StrategyTick } from './types'

export type Change = 'pause' | 'resume' | 'stop'

const strategiesQuery = queryOptions({
  queryKey: ['strategies'],
  queryFn: () => answer(api.GET('/api/strategies')),
})

const path = (id: string) => ({ path: { strategy_id: id } })
const keyed = (id: string, key: string) => ({ params: { ...path(id), header: { 'idempotency-key': key } } })

export const strategyQuery = (id: string) =>
  queryOptions({
    queryKey: ['strategy', id],
    queryFn: () => answer(api.GET('/api/strategies/{strategy_id}', { params: path(id) })),
  })

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
      answer(api.GET('/api/strategies/{strategy_id}/events', { params: { ...path(id), query: at(pageParam) } })),
    ...paging,
  })

export const fillsQuery = (id: string) =>
  infiniteQueryOptions({
    queryKey: ['strategy', id, 'fills'],
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/strategies/{strategy_id}/fills', { params: { ...path(id), query: at(pageParam) } })),
    ...paging,
  })

export const startStrategy = (body: NewStrategy, key: string) =>
  answer(api.POST('/api/strategies', { params: { header: { 'idempotency-key': key } }, body }))

export const changeStrategy = (id: string, change: Change, key: string) =>
  answer(api.POST(`/api/strategies/{strategy_id}/${change}`, keyed(id, key)))

export const renameStrategy = (id: string, name: string, key: string) =>
  answer(api.PATCH('/api/strategies/{strategy_id}', { ...keyed(id, key), body: { name } }))

export const deleteStrategy = (id: string, key: string) =>
  answer(api.DELETE('/api/strategies/{strategy_id}', keyed(id, key)))
