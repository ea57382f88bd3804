import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query'

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

/** What the stream tells of a story; the rest is in the list. */
export type Story = Pick<News, 'id' | 'title' | 'publisher' | 'published_at' | 'known_at'>

/** New stories are told on the stream; this is for when it is down. */
const LOOK_AGAIN_MS = 60_000

const asked = ({ symbol, mood }: Filters) => {
  const known = MOODS.find((each) => each === mood)
  return { ...(symbol ? { symbol: symbol.trim() } : {}), ...(known ? { mood: known } : {}) }
}

const page = (filters: Filters, before: string | null) =>
  answer(api.GET('/api/news', { params: { query: { ...asked(filters), ...(before ? { before } : {}) } } }))

/** What is shown. It changes only when the reader wants it to. */
export const newsQuery = (filters: Filters) =>
  infiniteQueryOptions({
    queryKey: ['news', asked(filters)],
    queryFn: ({ pageParam }) => page(filters, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_before,
    refetchOnWindowFocus: false,
  })

/** What would be the first page now. */
export const newestQuery = (filters: Filters) =>
  queryOptions({
    queryKey: ['newest news', asked(filters)],
    queryFn: () => page(filters, null),
    staleTime: LOOK_AGAIN_MS,
    refetchInterval: LOOK_AGAIN_MS,
  })

/** One article, whatever was written since. */
export const storyQuery = (id: string) =>
  queryOptions({
    queryKey: ['story', id],
    queryFn: () => answer(api.GET('/api/news/{article_id}', { params: { path: { article_id: id } } })),
    staleTime: Infinity,
  })
