import { useNavigate } from '@tanstack/react-router'
import { OctagonX } from 'lucide-react'

import { openStop } from '@/features/safety/store'
import { positionRequest, usePreview } from '@/features/trade/queries'
import { USUAL } from '@/features/trade/tactics'
import { Button } from '@/ui/Button'
import { ProblemNotice } from '@/ui/States'

import { PositionBadge } from './PositionRow'
import type { PositionDetail } from './queries'
import { isBusy, isOver } from './queries'

/** What may be done with a position: bring it back to its weights, close it, stop it. */
export function PositionActions({ position }: { position: PositionDetail }) {
  const preview = usePreview()
  const navigate = useNavigate()
  const wanted = preview.variables?.kind

  async function start(kind: 'close' | 'rebalance') {
    const plan = await preview.mutateAsync(positionRequest(kind, position.id, USUAL)).catch(() => null)
    if (plan) await navigate({ to: '/plans/$planId', params: { planId: plan.id } })
  }

  if (isOver(position)) return <PositionBadge state={position.state} />
  // On a phone the same is in the header, one press away, with this position to choose.
  const stop = (
    <Button kind="quiet" className="max-md:hidden" onClick={() => openStop(position.id)}>
      <OctagonX aria-hidden className="size-4" />
      Stop
    </Button>
  )
  if (isBusy(position)) {
    return (
      <div className="flex items-center gap-3">
        <PositionBadge state={position.state} />
        {stop}
      </div>
    )
  }
  return (
    <div className="flex flex-col gap-3">
      <div className="flex flex-wrap items-center gap-x-2 gap-y-3">
        <PositionBadge state={position.state} />
        <Button busy={preview.isPending && wanted === 'rebalance'} onClick={() => void start('rebalance')}>
          Rebalance
        </Button>
        <Button busy={preview.isPending && wanted === 'close'} onClick={() => void start('close')}>
          Close position
        </Button>
        {stop}
      </div>
      {preview.error && <ProblemNotice error={preview.error} />}
    </div>
  )
}
