import { useNavigate } from '@tanstack/react-router'
import { useState } from 'react'

import { usePosition } from '@/features/positions/queries'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { Field } from '@/ui/Field'
import { Segmented } from '@/ui/Segmented'
import { ProblemNotice } from '@/ui/States'
import { toast } from '@/ui/toasts'

import { FlattenConfirm } from './FlattenConfirm'
import type { Target } from './queries'
import { useStop, useStops } from './queries'
import { isSilence, WithoutPage } from './WithoutPage'
import { positionName } from './words'

/** The kill switch: stop new risk, or stop it and close what there is. */
export default function StopDialog({
  positionId,
  preselect,
  onClose,
}: {
  /** The position this page is about. */
  positionId: string | null
  preselect: boolean
  onClose: () => void
}) {
  const [scope, setScope] = useState<Target['scope']>(preselect && positionId ? 'position' : 'user')
  const [flattening, setFlattening] = useState(false)
  const target: Target =
    scope === 'position' && positionId ? { scope: 'position', position_id: positionId } : { scope: 'user' }
  const parts = { target, onClose }
  return (
    <Dialog
      open
      onOpenChange={(open) => !open && onClose()}
      title={flattening ? 'Stop and flatten' : 'Stop trading'}
      description={
        flattening
          ? 'Look at what will be closed. One more press and it begins.'
          : 'Works at once, and holds until you resume.'
      }
    >
      {flattening ? (
        <FlattenConfirm {...parts} back={() => setFlattening(false)} />
      ) : (
        <>
          {positionId && <ScopeChoice positionId={positionId} scope={scope} onChange={setScope} />}
          <Choices key={scope} {...parts} flatten={() => setFlattening(true)} />
        </>
      )}
    </Dialog>
  )
}

function ScopeChoice({
  positionId,
  scope,
  onChange,
}: {
  positionId: string
  scope: Target['scope']
  onChange: (scope: Target['scope']) => void
}) {
  const position = usePosition(positionId).data
  return (
    <div className="mb-6">
      <Segmented
        label="What to stop"
        wide
        value={scope}
        onChange={onChange}
        segments={[
          { value: 'user', label: 'Everything' },
          { value: 'position', label: 'This position' },
        ]}
      />
      {position && scope === 'position' && <p className="mt-2 text-sm text-muted">{positionName(position)}</p>}
    </div>
  )
}

function Choices({ target, flatten, onClose }: { target: Target; flatten: () => void; onClose: () => void }) {
  const [reason, setReason] = useState('')
  const [key] = useState(randomKey)
  const stop = useStop()
  const navigate = useNavigate()
  const stopped = useAlreadyStopped(target)
  const everything = target.scope === 'user'

  function now() {
    stop.mutate(
      { target, reason: reason.trim(), key },
      {
        onSuccess: () => {
          toast(everything ? 'Trading is stopped.' : 'This position is stopped.')
          onClose()
        },
      },
    )
  }

  return (
    <>
      <Field
        label="Why, for your records (optional)"
        value={reason}
        maxLength={300}
        autoComplete="off"
        disabled={stopped}
        onChange={(event) => setReason(event.target.value)}
      />
      <div className="mt-6 flex flex-col gap-6">
        <div>
          <Button kind="danger" className="w-full" busy={stop.isPending} disabled={stopped} onClick={now} autoFocus>
            {stopped ? 'New orders are stopped already' : 'Stop new orders'}
          </Button>
          <p className="mt-2 text-sm text-muted">
            Nothing that adds risk {everything ? '' : 'to this position '}is sent any more. What you hold stays, and can
            still be closed.
          </p>
          {stop.error && <ProblemNotice error={stop.error} className="mt-4" />}
          {stop.error && isSilence(stop.error) && <WithoutPage flatten={false} />}
        </div>
        <div>
          <Button kind="danger" className="w-full" onClick={flatten}>
            Stop and flatten…
          </Button>
          <p className="mt-2 text-sm text-muted">
            {everything ? 'Also closes every position Holdfast opened.' : 'Also closes this position.'} You see what
            will be closed first.
          </p>
        </div>
        <Button
          kind="quiet"
          onClick={() => {
            onClose()
            void navigate({ to: '/settings/risk' })
          }}
        >
          Look at your limits instead
        </Button>
      </div>
    </>
  )
}

function useAlreadyStopped(target: Target): boolean {
  const stops = useStops(true).data ?? []
  return stops.some(
    (stop) => stop.scope === 'user' || (target.scope === 'position' && stop.position_id === target.position_id),
  )
}
