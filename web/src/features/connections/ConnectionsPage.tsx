import { Link } from '@tanstack/react-router'

import { IncidentsUnknown } from '@/features/incidents/IncidentMarks'
import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { ConnectionCard } from './ConnectionCard'
import { useConnections } from './queries'

export default function ConnectionsPage() {
  const { data, error, refetch } = useConnections()
  const connect = (
    <Button kind="primary" asChild>
      <Link to="/connections/new">Connect Bybit</Link>
    </Button>
  )
  return (
    <Page title="Connections" actions={data && data.length > 0 && connect}>
      {error && !data && <ProblemNotice error={error} retry={() => void refetch()} />}
      {!data && !error && <SkeletonRows rows={2} label="Loading connections" />}
      {data?.length === 0 && (
        <EmptyState
          title="No account is connected"
          text="Holdfast trades on your own Bybit account with a key that can trade and nothing else. It takes about two minutes."
          action={connect}
        />
      )}
      {data && data.length > 0 && (
        <>
          <IncidentsUnknown className="mb-5" />
          <ul aria-label="Connections" className="border-t border-hairline">
            {data.map((connection) => (
              <ConnectionCard key={connection.id} connection={connection} />
            ))}
          </ul>
        </>
      )}
    </Page>
  )
}
