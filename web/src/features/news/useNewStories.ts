import { useInfiniteQuery, useQuery, useQueryClient } from '@tanstack/react-query'
import { useRef } from 'react'

import { useFrames } from '@/api/live'

import type { Filters, Story } from './queries'
import { newestQuery, newsQuery } from './queries'

/** The list as it was when the reader last asked for it, and what has become known since. */
export function useNewStories(filters: Filters) {
  const client = useQueryClient()
  const list = useInfiniteQuery(newsQuery(filters))
  const shown = list.data?.pages.flatMap((page) => page.items)
  const newest = useQuery({
    ...newestQuery(filters),
    enabled: shown !== undefined,
    initialData: () => list.data?.pages[0],
  })
  const told = useRef(new Set<string>())

  useFrames<{ stories: Story[] }>('news', ({ stories }) => {
    const isNew = stories.some(({ id }) => !told.current.has(id) && !shown?.some((each) => each.id === id))
    told.current = new Set(stories.map(({ id }) => id))
    if (isNew) void client.refetchQueries(newestQuery(filters))
  })

  const first = newest.data
  const fresh = first?.items.filter(({ id }) => !shown?.some((each) => each.id === id)).length ?? 0
  return {
    list,
    news: shown?.length === 0 ? first?.items : shown,
    feed: first?.feed ?? list.data?.pages[0]?.feed,
    fresh: shown?.length ? fresh : 0,
    /** More than the newest page holds: how many is not known. */
    overflows: fresh > 0 && fresh === first?.items.length && first.next_before !== null,
    show: () => first && client.setQueryData(newsQuery(filters).queryKey, { pages: [first], pageParams: [null] }),
  }
}
