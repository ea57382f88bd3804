import { queryOptions, useQuery } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useTopic } from '@/api/live'

export type IndexSummary = Schemas['IndexSummary']
export type IndexDetail = Schemas['IndexDetail']
export type LevelTick = Schemas['LevelTick']
export type HistoryRange = Schemas['IndexHistory']['range']

const indicesQuery = queryOptions({
  queryKey: ['indices'],
  queryFn: () => answer(api.GET('/api/indices')),
  // Levels come over the stream, the shape of the last day does not; right after a start it is still being rebuilt.
  refetchInterval: ({ state }) => (state.data?.some((index) => index.spark.length === 0) ? 5_000 : 60_000),
})

const indexQuery = (id: string) =>
  queryOptions({
    queryKey: ['index', id],
    queryFn: () => answer(api.GET('/api/indices/{index_id}', { params: { path: { index_id: id } } })),
  })

export const historyQuery = (id: string, range: HistoryRange) =>
  queryOptions({
    queryKey: ['index', id, 'history', range],
    queryFn: () =>
      answer(api.GET('/api/indices/{index_id}/history', { params: { path: { index_id: id }, query: { range } } })),
    staleTime: 30_000,
  })

/** A summary or detail with the newest level the stream has told. */
function withTick<Index extends IndexSummary>(index: Index, tick: LevelTick | undefined): Index {
  if (!tick || tick.index_id !== index.id) return index
  const { level, change_24h, as_of, stale_reason } = tick
  return { ...index, level, change_24h, as_of, stale_reason }
}

export function useIndices() {
  const query = useQuery(indicesQuery)
  const ticks = useTopic<LevelTick[]>('indices', query.dataUpdatedAt)
  const indices = query.data?.map((index) =>
    withTick(
      index,
      ticks?.find((tick) => tick.index_id === index.id),
    ),
  )
  return { ...query, data: indices }
}

export function useIndex(id: string) {
  const query = useQuery(indexQuery(id))
  const tick = useTopic<LevelTick>(`index:${id}`, query.dataUpdatedAt)
  return { ...query, data: query.data && withPrices(withTick(query.data, tick), tick) }
}

function withPrices(index: IndexDetail, tick: LevelTick | undefined): IndexDetail {
  if (!tick) return index
  return {
    ...index,
    members: index.members.map((member) => ({ ...member, price: tick.members[member.asset_id] ?? member.price })),
  }
}
