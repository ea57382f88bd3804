import { infiniteQueryOptions } from '@tanstack/react-query'

import type { Schemas } from '@/api/client'
import { answer, api } from '@/api/client'

export type News = Schemas['NewsView']
export type Mention = Schemas['MentionView']
export type Feed = Schemas['FeedView']
export type Mood = Schemas['Mood']
export type Basis = Schemas['Basis']

/** What the address of the page says. */
export interface Filters {
  symbol?: string
  mood?: string
}

export const MOODS = ['positive', 'neutral', 'negative', 'unknown'] as const satisfies readonly Mood[]

/** The source is asked for all every few minutes; this only looks whether it has brought anything. */
const LOOK_AGAIN_MS = 60_000

export const newsQuery = ({ symbol, mood }: Filters) => {
  const known = MOODS.find((each) => each === mood)
  const query = { ...(symbol ? { symbol: symbol.trim() } : {}), ...(known ? { mood: known } : {}) }
  return infiniteQueryOptions({
    queryKey: ['news', query],
    queryFn: ({ pageParam }) =>
      answer(api.GET('/api/news', { params: { query: { ...query, ...(pageParam ? { before: pageParam } : {}) } } })),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_before,
    refetchInterval: LOOK_AGAIN_MS,
  })
}
