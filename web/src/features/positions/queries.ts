import { queryOptions, useQuery } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'
import { useTopic } from '@/api/live'

export type PositionSummary = Schemas['PositionSummary']
export type PositionDetail = Schemas['PositionDetail']

export const positionsQuery = (state: 'open' | 'closed') =>
  queryOptions({
    queryKey: ['positions', state],
    queryFn: () => answer(api.GET('/api/positions', { params: { query: { state } } })),
  })

export const positionQuery = (id: string) =>
  queryOptions({
    queryKey: ['position', id],
    queryFn: () => answer(api.GET('/api/positions/{position_id}', { params: { path: { position_id: id } } })),
  })

/** Open positions: the stream's newest word, the answer of the API until it comes and once it has ended. */
export function useOpenPositions() {
  const query = useQuery(positionsQuery('open'))
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
