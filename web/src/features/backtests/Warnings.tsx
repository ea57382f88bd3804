import { OctagonAlert } from 'lucide-react'

import { Notice } from '@/ui/States'

import type { Warning } from './types'
import { looksAhead } from './words'

/** What makes the result worth less; loudest that the script knew what came later. */
export function Warnings({ warnings }: { warnings: Warning[] }) {
  const loud = warnings.filter(looksAhead)
  const calm = warnings.filter((each) => !looksAhead(each))
  return (
    <>
      {loud.length > 0 && (
        <div role="alert" className="mb-8 rounded-card border-2 border-error px-5 py-4">
          <p className="flex gap-3 text-lg font-semibold text-error">
            <OctagonAlert aria-hidden className="mt-0.5 size-5 shrink-0" />
            This result looks into the future
          </p>
          <div className="mt-2 space-y-2 pl-8">
            {loud.map((each) => (
              <Told key={each.message} warning={each} />
            ))}
            <p className="text-muted">No figure below can be trusted: live, nobody knows the next bar.</p>
          </div>
        </div>
      )}
      {calm.length > 0 && (
        <Notice kind="warning" className="mb-8">
          <div className="space-y-1.5">
            {calm.map((each) => (
              <Told key={`${each.kind} ${each.message}`} warning={each} />
            ))}
          </div>
        </Notice>
      )}
    </>
  )
}

function Told({ warning }: { warning: Warning }) {
  return (
    <p className="break-words">
      {warning.message}
      {warning.detail && <span className="text-muted"> {warning.detail}</span>}
    </p>
  )
}
