import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'

import { Section } from '@/ui/Layout'
import { ShowMore } from '@/ui/ShowMore'
import { ProblemNotice, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { eventsQuery, fillsQuery, strategyQuery } from './queries'
import type { Strategy } from './types'
import { eventWords } from './words'

/** What happened, newest first. */
export function Events({ strategy }: { strategy: Strategy }) {
  const query = useInfiniteQuery(eventsQuery(strategy.id))
  useFreshRecords(strategy)
  const events = query.data?.pages.flatMap((page) => page.items)
  return (
    <Section title="Events">
      {!events && query.error && <ProblemNotice error={query.error} retry={() => void query.refetch()} />}
      {!events && !query.error && <SkeletonRows rows={3} label="Loading events" />}
      {events?.length === 0 && <p className="text-muted">Nothing has happened yet.</p>}
      {events && events.length > 0 && (
        <ul aria-label="Events" className="border-t border-hairline">
          {events.map((event) => (
            <li key={event.id} className="flex flex-wrap gap-x-4 gap-y-0.5 border-b border-hairline py-3">
              <span className="shrink-0 font-medium max-md:flex-1 md:w-24">{eventWords(event.kind)}</span>
              <span className="min-w-0 break-words max-md:order-last max-md:basis-full md:flex-1">{event.text}</span>
              <span className="text-sm text-muted">
                <Time iso={event.at} />
              </span>
            </li>
          ))}
        </ul>
      )}
      <ShowMore query={query} size="small" />
    </Section>
  )
}

/** Asks for events, fills and what the stream does not carry when it says that something was decided. */
function useFreshRecords({ id, last_bar: bar, state, quantity }: Strategy): void {
  const client = useQueryClient()
  const now = [id, bar, state, quantity].join()
  const before = useRef(now)
  useEffect(() => {
    if (before.current === now) return
    before.current = now
    for (const { queryKey } of [strategyQuery(id), eventsQuery(id), fillsQuery(id)]) {
      void client.invalidateQueries({ queryKey, exact: true })
    }
  }, [client, id, now])
}
