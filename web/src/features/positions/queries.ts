import { infiniteQueryOptions, queryOptions, useQuery } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useTopic } from '@/api/live'
import { at, paging } from '@/api/paging'

export type PositionSummary = Schemas['PositionSummary']
export type PositionDetail = Schemas['PositionDetail']

/** The most that the API puts into one page. */
const PAGE = 200

/** Every open one, however many pages that takes: whoever closes everything has to see everything. */
export const openPositionsQuery = queryOptions({
  queryKey: ['positions', 'open'],
  queryFn: async () => {
    const all: PositionSummary[] = []
    let cursor: string | null = null
    do {
      const page: Schemas['Page_PositionSummary_'] = await answer(
        api.GET('/api/positions', { params: { query: { state: 'open', limit: PAGE, ...at(cursor) } } }),
      )
      all.push(...page.items)
      cursor = page.next_cursor ?? null
    } while (cursor)
    return all
  },
})

export const closedPositionsQuery = infiniteQueryOptions({
  queryKey: ['positions', 'closed'],
  queryFn: ({ pageParam }) =>
    answer(api.GET('/api/positions', { params: { query: { state: 'closed', ...at(pageParam) } } })),
  ...paging,
})

export const positionQuery = (id: string) =>
  queryOptions({
    queryKey: ['position', id],
    queryFn: () => answer(api.GET('/api/positions/{position_id}', { params: { path: { position_id: id } } })),
  })

/** Open positions: the stream's newest word, the answer of the API until it comes and once it has ended. */
export function useOpenPositions() {
  const query = useQuery(openPositionsQuery)
  const tick = useTopic<Schemas['PositionTick']>('positions', query.dataUpdatedAt)
  return { ...query, data: tick?.positions.filter((each) => !isOver(each)) ?? query.data }
}

export function usePosition(id: string) {
  const query = useQuery(positionQuery(id))
  const tick = useTopic<Schemas['PositionDetailTick']>(`position:${id}`, query.dataUpdatedAt)
  return { ...query, data: tick?.position ?? query.data }
}

export const isOver = (position: Pick<PositionSummary, 'state'>) =>
  position.state === 'closed' || position.state === 'unwound'

/** Orders of it are under way. */
export const isBusy = (position: Pick<PositionSummary, 'state'>) =>
  ['opening', 'closing', 'rebalancing'].includes(position.state)

export const STATE_WORDS: Record<PositionSummary['state'], string> = {
  opening: 'Opening',
  active: 'Active',
  closing: 'Closing',
  rebalancing: 'Rebalancing',
  closed: 'Closed',
  unwound: 'Unwound',
  needs_attention: 'Needs attention',
}
