import { useInfiniteQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { useEffect, useState } from 'react'

import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { Segmented } from '@/ui/Segmented'
import { ShowMore } from '@/ui/ShowMore'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { IncidentLine } from './IncidentLine'
import type { Incident, Which } from './queries'
import { incidentsQuery, useMarkSeen } from './queries'

/** Everything out of the ordinary, with what was done about it. */
export default function IncidentsPage() {
  const { state, position } = useSearch({ from: '/mine/incidents' })
  const navigate = useNavigate({ from: '/incidents' })
  const which: Which = state ?? 'open'
  return (
    <Page
      title="Incidents"
      actions={
        <Segmented
          label="Which incidents"
          value={which}
          segments={[
            { value: 'open', label: 'Open' },
            { value: 'all', label: 'All' },
          ]}
          onChange={(next) =>
            void navigate({
              search: { ...(next === 'all' ? { state: 'all' as const } : {}), ...(position ? { position } : {}) },
            })
          }
        />
      }
    >
      {position && (
        <p className="mb-6 flex items-center gap-3 text-sm text-muted">
          Of one position.
          <Button size="small" onClick={() => void navigate({ search: state ? { state } : {} })}>
            Show all
          </Button>
        </p>
      )}
      <List which={which} position={position} />
    </Page>
  )
}

function List({ which, position }: { which: Which; position: string | undefined }) {
  const query = useInfiniteQuery(incidentsQuery(which, position))
  const incidents = query.data?.pages.flatMap((page) => page.items)
  const fresh = useSeeing(incidents)
  if (!incidents) {
    return query.error ? (
      <ProblemNotice error={query.error} retry={() => void query.refetch()} />
    ) : (
      <SkeletonRows label="Loading incidents" />
    )
  }
  if (incidents.length === 0) {
    return (
      <EmptyState
        title={which === 'open' ? 'Nothing is out of the ordinary' : 'Nothing has happened yet'}
        text="Trades by hand, deleveraging, delistings, refused keys, changed account settings: whatever Holdfast notices stands here, with what it did about it."
      />
    )
  }
  return (
    <>
      <ul aria-label="Incidents" className="border-t border-hairline">
        {incidents.map((incident) => (
          <IncidentLine key={incident.id} incident={incident} fresh={fresh.has(incident.id)} />
        ))}
      </ul>
      <ShowMore query={query} />
    </>
  )
}

/** Marks what is shown as seen, but for what that would settle; on this visit it stays marked as new. */
function useSeeing(incidents: Incident[] | undefined): ReadonlySet<string> {
  const [fresh, setFresh] = useState<ReadonlySet<string>>(new Set())
  const { mutate } = useMarkSeen()
  const unseen = (incidents ?? [])
    .filter((each) => !each.seen_at && !each.acknowledge && !fresh.has(each.id))
    .map((each) => each.id)
  const names = unseen.join(' ')
  if (names) setFresh(new Set([...fresh, ...unseen]))
  const all = [...fresh].join(' ')
  useEffect(() => {
    if (all) mutate(all.split(' '))
  }, [all, mutate])
  return fresh
}
