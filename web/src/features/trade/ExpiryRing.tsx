import { useNow } from '@/lib/clock'

import type { Plan } from './queries'

/** Whole seconds until a plan expires, by the server's clock; 0 when it has. */
export function useSecondsLeft(plan: Plan): number {
  const now = useNow()
  const left = Math.ceil((Date.parse(plan.expires_at) - now) / 1000)
  return Math.max(0, Math.min(left, lifetime(plan)))
}

function lifetime(plan: Plan): number {
  return Math.round((Date.parse(plan.expires_at) - Date.parse(plan.created_at)) / 1000)
}

const RADIUS = 16
const ROUND = 2 * Math.PI * RADIUS

/** A ring that empties while the preview's prices hold. Screen readers hear it once, at its end. */
export function ExpiryRing({ plan }: { plan: Plan }) {
  const left = useSecondsLeft(plan)
  const share = left / Math.max(1, lifetime(plan))
  return (
    <div className="flex items-center gap-3 text-sm text-muted">
      <span className="relative grid size-10 place-items-center">
        <svg aria-hidden viewBox="0 0 40 40" className="absolute inset-0 -rotate-90">
          <circle cx="20" cy="20" r={RADIUS} fill="none" strokeWidth="2" className="stroke-hairline" />
          <circle
            cx="20"
            cy="20"
            r={RADIUS}
            fill="none"
            strokeWidth="2"
            strokeLinecap="round"
            strokeDasharray={`${share * ROUND} ${ROUND}`}
            className="stroke-ink transition-[stroke-dasharray] duration-1000 ease-linear"
          />
        </svg>
        <span aria-hidden className="tnum text-sm text-ink">
          {left}
        </span>
      </span>
      <span>{left > 0 ? 'Prices hold for a moment' : 'Prices have expired'}</span>
      <span role="status" className="sr-only">
        {left === 0 ? 'This preview has expired.' : ''}
      </span>
    </div>
  )
}
