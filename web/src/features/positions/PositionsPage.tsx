import { useInfiniteQuery } from '@tanstack/react-query'
import { Link, useNavigate, useSearch } from '@tanstack/react-router'

import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { Segmented } from '@/ui/Segmented'
import { ShowMore } from '@/ui/ShowMore'
import { EmptyState, ProblemNotice, SkeletonRows } from '@/ui/States'

import { PositionRow } from './PositionRow'
import type { PositionSummary } from './queries'
import { closedPositionsQuery, useOpenPositions } from './queries'

export default function PositionsPage() {
  const { state } = useSearch({ from: '/mine/positions' })
  const navigate = useNavigate({ from: '/positions' })
  return (
    <Page
      title="Positions"
      actions={
        <Segmented
          label="Which positions"
          value={state ?? 'open'}
          segments={[
            { value: 'open', label: 'Open' },
            { value: 'closed', label: 'Closed' },
          ]}
          onChange={(next) => void navigate({ search: next === 'closed' ? { state: 'closed' } : {} })}
        />
      }
    >
      {state === 'closed' ? <Closed /> : <Open />}
    </Page>
  )
}

function Open() {
  const { data, error, refetch } = useOpenPositions()
  return (
    <List data={data} error={error} retry={() => void refetch()} label="Open positions">
      <EmptyState
        title="No open positions"
        text="Pick an index, choose a size, and look at the exact orders before anything is placed."
        action={
          <Button kind="primary" asChild>
            <Link to="/indices">See the indices</Link>
          </Button>
        }
      />
    </List>
  )
}

function Closed() {
  const query = useInfiniteQuery(closedPositionsQuery)
  const positions = query.data?.pages.flatMap((page) => page.items)
  return (
    <>
      <List data={positions} error={query.error} retry={() => void query.refetch()} label="Closed positions">
        <EmptyState title="Nothing closed yet" text="Positions you close stay here with what they earned and cost." />
      </List>
      <ShowMore query={query} />
    </>
  )
}

function List({
  data,
  error,
  retry,
  label,
  children,
}: {
  data: PositionSummary[] | undefined
  error: unknown
  retry: () => void
  label: string
  children: React.ReactNode
}) {
  if (!data) return error ? <ProblemNotice error={error} retry={retry} /> : <SkeletonRows label="Loading positions" />
  if (data.length === 0) return children
  return (
    <ul aria-label={label} className="border-t border-hairline">
      {data.map((position) => (
        <PositionRow key={position.id} position={position} />
      ))}
    </ul>
  )
}
