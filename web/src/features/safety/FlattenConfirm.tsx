import { useQuery } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import type { PositionSummary } from '@/features/positions/queries'
import { isOver, openPositionsQuery } from '@/features/positions/queries'
import { forGeometry, heaviestFirst } from '@/lib/numbers'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Money } from '@/ui/Money'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import type { Target } from './queries'
import { useFlatten } from './queries'
import { isSilence, WithoutPage } from './WithoutPage'
import { positionName } from './words'

/** What will be closed and what will not, and the second press. */
export function FlattenConfirm({ target, back, onClose }: { target: Target; back: () => void; onClose: () => void }) {
  const positions = useQuery(openPositionsQuery)
  const [key] = useState(randomKey)
  const flatten = useFlatten()
  const navigate = useNavigate()
  const affected = heaviestFirst(
    (positions.data ?? []).filter(
      (each) => !isOver(each) && (target.scope === 'user' || each.id === target.position_id),
    ),
    (each) => forGeometry(each.gross),
  )

  function now() {
    flatten.mutate(
      { target, key },
      {
        onSuccess: (started) => {
          onClose()
          void navigate({ to: '/flatten/$flattenId', params: { flattenId: started.id } })
        },
      },
    )
  }

  return (
    <>
      {!positions.data && !positions.error && <SkeletonRows rows={2} label="Loading positions" />}
      {!positions.data && positions.error && (
        <p className="text-sm text-muted">
          Your positions could not be loaded, so they cannot be listed here. Flattening closes whatever Holdfast opened.
        </p>
      )}
      {positions.data && <Affected positions={affected} />}
      <h3 className="mt-6 text-sm font-normal text-muted">Not touched</h3>
      <p className="mt-1 text-sm">
        {target.scope === 'position' && 'Your other positions. '}
        What you bought or opened yourself at the venue, even in the same coin.
      </p>
      <p className="mt-4 text-sm text-muted">
        Orders go at market prices, giving way until they are filled. Costs are the venue’s fees and the spread.
      </p>
      {flatten.error && <ProblemNotice error={flatten.error} className="mt-4" />}
      {flatten.error && isSilence(flatten.error) && <WithoutPage flatten />}
      <div className="mt-6 flex flex-col gap-2">
        <Button kind="alarm" busy={flatten.isPending} onClick={now}>
          {flatten.error ? 'Try again' : actionWords(positions.data ? affected.length : null)}
        </Button>
        <Button kind="quiet" onClick={back}>
          Back
        </Button>
      </div>
    </>
  )
}

function actionWords(count: number | null): string {
  if (count === null) return 'Stop and close everything now'
  if (count === 0) return 'Stop now'
  return count === 1 ? 'Close 1 position now' : `Close ${count} positions now`
}

function Affected({ positions }: { positions: PositionSummary[] }) {
  if (positions.length === 0) return <p>No position is open: nothing has to be closed. Trading is stopped.</p>
  return (
    <>
      <h3 className="text-sm font-normal text-muted">Will be closed</h3>
      <ul aria-label="Will be closed" className="mt-1 border-t border-hairline">
        {positions.map((position) => (
          <li
            key={position.id}
            className="flex min-h-11 items-center justify-between gap-4 border-b border-hairline py-1.5"
          >
            <span className="min-w-0">
              <span className="font-medium">{positionName(position)}</span>
              <span className="block truncate text-xs text-muted">{position.connection_label}</span>
            </span>
            <span className="text-right">
              <Money value={position.gross} unit="USDT" />
              <span className="block text-xs text-muted">long and short together</span>
            </span>
          </li>
        ))}
      </ul>
    </>
  )
}
