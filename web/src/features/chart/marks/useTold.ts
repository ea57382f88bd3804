/** What the stream tells of the user's own orders and fills, so that nobody has to ask. */
import { skipToken, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMemo } from 'react'

import type { Schemas } from '@/api/client'
import { useFrames, useTopic } from '@/api/live'

import type { Fill, MarkItem } from './model'
import { isTrade, ofFill } from './model'

type Tick = Schemas['OrdersTick']

const topicOf = (enabled: boolean) => (enabled ? 'orders' : null)
const HEARD = ['fills', 'heard']
const MOST_HEARD = 1000

/** Whether they are told at the moment: what the stream said before it ended does not count. */
export const useIsTold = (enabled: boolean) => useTopic(topicOf(enabled), Infinity) !== undefined

/** The open orders, unless an answer of `answeredAt` (ms) is newer. */
export const useToldOrders = (enabled: boolean, answeredAt: number) =>
  useTopic<Tick>(topicOf(enabled), answeredAt)?.orders

/** The trades in a market that were told of so far. Where a frame joins nothing of those before, there may be more
 * between, and all that are marked on charts are asked for again; so they are where those before are too many to keep. */
export function useToldTrades(symbol: string, enabled: boolean): readonly MarkItem[] {
  const client = useQueryClient()
  useFrames<Tick>(topicOf(enabled), ({ fills }) => {
    const before = client.getQueryData<Fill[]>(HEARD)
    const known = new Set(before?.map((fill) => fill.exec_id))
    const fresh = fills.filter((fill) => !known.has(fill.exec_id))
    if (before && fresh.length === 0) return
    const heard = [...fresh, ...(before ?? [])]
    const isFull = heard.length > MOST_HEARD
    if (before && (isFull || fresh.length === fills.length))
      void client.invalidateQueries({ queryKey: ['fills', 'chart'] })
    client.setQueryData(HEARD, isFull ? fills : heard)
  })
  const { data } = useQuery<Fill[]>({ queryKey: HEARD, queryFn: skipToken })
  return useMemo(() => marksOf((enabled && data) || [], symbol), [symbol, enabled, data])
}

const marksOf = (fills: readonly Fill[], symbol: string) =>
  fills.filter((fill) => fill.symbol === symbol && isTrade(fill)).map(ofFill)
