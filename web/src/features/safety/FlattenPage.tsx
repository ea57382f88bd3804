import { useQuery, useQueryClient } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'
import { CircleAlert, CircleCheck, LoaderCircle } from 'lucide-react'
import { useEffect } from 'react'

import { useFrames } from '@/api/live'
import { positionQuery } from '@/features/positions/queries'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import type { Flatten } from './queries'
import { flattenQuery } from './queries'
import { isSilence, WithoutPage } from './WithoutPage'
import { FLATTEN_TITLES, FLATTEN_WORDS, positionName } from './words'

const ICONS = { running: LoaderCircle, done: CircleCheck, partly: CircleAlert } as const

/** How closing everything goes, position by position. May be left and come back to. */
export default function FlattenPage() {
  const { flattenId } = useParams({ from: '/mine/flatten/$flattenId' })
  const { data, error, refetch } = useFlattening(flattenId)
  if (!data) {
    return (
      <Page title="Flatten" narrow>
        {error ? (
          <>
            <ProblemNotice error={error} retry={() => void refetch()} />
            {isSilence(error) && <WithoutPage flatten />}
          </>
        ) : (
          <SkeletonRows rows={4} label="Loading" />
        )}
      </Page>
    )
  }
  return <Progress flatten={data} silent={error !== null && isSilence(error)} />
}

function useFlattening(id: string) {
  const client = useQueryClient()
  const query = useQuery({
    ...flattenQuery(id),
    refetchInterval: ({ state }) => (state.data && state.data.state !== 'running' ? false : 1_500),
  })
  useFrames('positions', () => void client.invalidateQueries({ queryKey: ['flatten', id] }))
  const over = query.data !== undefined && query.data.state !== 'running'
  useEffect(() => {
    if (!over) return
    for (const key of ['positions', 'position', 'overview', 'orders', 'stops', 'incidents']) {
      void client.invalidateQueries({ queryKey: [key] })
    }
  }, [over, client])
  return query
}

function Progress({ flatten, silent }: { flatten: Flatten; silent: boolean }) {
  const Icon = ICONS[flatten.state]
  return (
    <Page title={flatten.scope === 'user' ? 'Flatten everything' : 'Flatten a position'} narrow>
      <div role="status" className="flex items-center gap-3">
        <Icon
          aria-hidden
          strokeWidth={1.5}
          className={
            'size-8 shrink-0 ' + { running: 'animate-spin text-muted', done: '', partly: 'text-error' }[flatten.state]
          }
        />
        <p className="text-2xl font-semibold">{FLATTEN_TITLES[flatten.state]}</p>
      </div>
      <p className="mt-3 max-w-[64ch] text-muted">{explain(flatten)}</p>
      {silent && <WithoutPage flatten />}
      {flatten.positions.length > 0 && (
        <ul aria-label="Positions being closed" className="my-8 border-t border-hairline">
          {flatten.positions.map((each) => (
            <PositionLine key={each.position_id} part={each} />
          ))}
        </ul>
      )}
      {flatten.state !== 'running' && (
        <div className="mt-8 flex flex-wrap gap-3">
          <Button asChild>
            <Link to="/positions">See positions</Link>
          </Button>
          <Button asChild kind="quiet">
            <Link to="/activity">See every order</Link>
          </Button>
        </div>
      )}
      {flatten.state === 'partly' && (
        <div className="mt-8">
          <p className="text-sm">
            What is left can be tried again here, or directly at the venue when Holdfast’s own parts are down:
          </p>
          <WithoutPage flatten />
        </div>
      )}
    </Page>
  )
}

function explain(flatten: Flatten): string {
  if (flatten.positions.length === 0) return 'There was nothing to close. Trading stays stopped until you resume it.'
  switch (flatten.state) {
    case 'running':
      return 'You may leave this page; it goes on by itself. Nothing new is opened meanwhile.'
    case 'done':
      return 'Everything listed is closed. Trading stays stopped until you resume it, in the bar above.'
    case 'partly':
      return 'What could not be closed is listed with the reason. Trading stays stopped until you resume it.'
  }
}

function PositionLine({ part }: { part: Flatten['positions'][number] }) {
  const position = useQuery({ ...positionQuery(part.position_id), staleTime: Infinity }).data
  return (
    <li className="border-b border-hairline py-4">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
        <Link
          to="/positions/$positionId"
          params={{ positionId: part.position_id }}
          className="text-lg font-medium underline-offset-4 hover:underline"
        >
          {position ? positionName(position) : 'Position'}
        </Link>
        <Badge tone={part.state === 'partly' ? 'error' : 'plain'}>{FLATTEN_WORDS[part.state]}</Badge>
        {part.execution_id && (
          <Link
            to="/executions/$executionId"
            params={{ executionId: part.execution_id }}
            className="ml-auto text-sm underline underline-offset-4"
          >
            Its orders
          </Link>
        )}
      </div>
      {part.text && <p className="mt-1 text-sm text-muted">{part.text}</p>}
    </li>
  )
}
