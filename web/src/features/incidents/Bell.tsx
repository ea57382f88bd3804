import { Link } from '@tanstack/react-router'
import clsx from 'clsx'
import { Bell as BellIcon } from 'lucide-react'

import { useTopic } from '@/api/live'

import type { IncidentsTick } from './queries'
import { useOpenIncidents } from './queries'

const MOST = 99

/**
 * How many incidents nobody has looked at yet, settled ones included as soon as the stream tells.
 * `unknown`: neither the API nor the stream has said.
 */
function useUnseen(): { unseen: number; beyondOpen: boolean; unknown: boolean } {
  const { data, unknown } = useOpenIncidents()
  const tick = useTopic<IncidentsTick>('incidents')
  const open = data?.filter((each) => !each.seen_at).length ?? 0
  const told = tick?.unseen ?? open
  return { unseen: Math.max(told, open), beyondOpen: told > open, unknown: unknown && !tick }
}

/** Leads to the incidents and counts the unseen ones; a question mark while nobody knows how many. */
export function Bell({ className, labelClass }: { className?: string; labelClass: string }) {
  const { unseen, beyondOpen, unknown } = useUnseen()
  const count = unseen > MOST ? `${MOST}+` : unseen
  return (
    <Link
      to="/incidents"
      search={beyondOpen ? { state: 'all' } : {}}
      title={unknown ? 'Incidents could not be loaded' : 'Incidents'}
      className={clsx('items-center', className)}
    >
      <span className="relative">
        <BellIcon aria-hidden className="size-5 shrink-0" strokeWidth={1.75} />
        {(unseen > 0 || unknown) && (
          <span
            aria-hidden
            className="tnum absolute -top-2 left-2.5 grid h-4.5 min-w-4.5 place-items-center rounded-full bg-ink px-1 text-[11px] leading-none font-semibold text-on-ink"
          >
            {unknown ? '?' : count}
          </span>
        )}
      </span>
      <span className={labelClass}>Incidents</span>
      {unseen > 0 && <span className="sr-only">, {unseen} unseen</span>}
      {unknown && <span className="sr-only">, could not be loaded</span>}
    </Link>
  )
}
