import { lazy, Suspense, useState } from 'react'

import { Button } from '@/ui/Button'
import { Section } from '@/ui/Layout'
import { SkeletonRows } from '@/ui/States'

const LimitsForm = lazy(() => import('./LimitsForm').then((module) => ({ default: module.LimitsForm })))

/** Limits of one position, on request: most positions need none of their own. */
export function PositionLimits({ positionId }: { positionId: string }) {
  const [open, setOpen] = useState(false)
  return (
    <Section
      title="Limits of this position"
      note="Tighter than your own limits, for this position only. Closing is never refused."
      actions={
        <Button size="small" aria-expanded={open} onClick={() => setOpen(!open)}>
          {open ? 'Hide' : 'Show limits'}
        </Button>
      }
    >
      {open && (
        <Suspense fallback={<SkeletonRows rows={6} label="Loading limits" />}>
          <div className="max-w-[680px]">
            <LimitsForm owner={positionId} />
          </div>
        </Suspense>
      )}
    </Section>
  )
}
