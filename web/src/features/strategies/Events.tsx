import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect } from 'react'

import { Section } from '@/ui/Layout'
import { ShowMore } from '@/ui/ShowMore'
import { ProblemNotice, SkeletonRows } from '@/ui/States'
import { Time } from '@/ui/Time'

import { eventsQuery, fillsQuery } from './queries'
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
              <span className="w-24 shrink-0 font-medium">{eventWords(event.kind)}</span>
              <span className="min-w-0 flex-1 break-words">{event.text}</span>
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

/** Asks for events and fills again when the stream says that a bar was decided or the state has changed. */
function useFreshRecords({ id, last_bar: bar, state, quantity }: Strategy): void {
  const client = useQueryClient()
  useEffect(() => {
    void client.invalidateQueries({ queryKey: eventsQuery(id).queryKey })
    void client.invalidateQueries({ queryKey: fillsQuery(id).queryKey })
  }, [client, id, bar, state, quantity])
}
