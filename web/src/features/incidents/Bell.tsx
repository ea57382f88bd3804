import { Link } from '@tanstack/react-router'
import clsx from 'clsx'
import { Bell as BellIcon } from 'lucide-react'

import { useTopic } from '@/api/live'

import type { IncidentsTick } from './queries'
import { useOpenIncidents } from './queries'

const MOST = 99

/** How many incidents nobody has looked at yet, settled ones included as soon as the stream tells. */
function useUnseen(): { unseen: number; beyondOpen: boolean } {
  const open = useOpenIncidents().data?.filter((each) => !each.seen_at).length ?? 0
  const told = useTopic<IncidentsTick>('incidents')?.unseen ?? open
  return { unseen: Math.max(told, open), beyondOpen: told > open }
}

/** Leads to the incidents and counts the unseen ones. */
export function Bell({ className, labelClass }: { className?: string; labelClass: string }) {
  const { unseen, beyondOpen } = useUnseen()
  return (
    <Link
      to="/incidents"
      search={beyondOpen ? { state: 'all' } : {}}
      title="Incidents"
      className={clsx('items-center', className)}
    >
      <span className="relative">
        <BellIcon aria-hidden className="size-5 shrink-0" strokeWidth={1.75} />
        {unseen > 0 && (
          <span
            aria-hidden
            className="tnum absolute -top-2 left-2.5 grid h-4.5 min-w-4.5 place-items-center rounded-full bg-ink px-1 text-[11px] leading-none font-semibold text-on-ink"
          >
            {unseen > MOST ? `${MOST}+` : unseen}
          </span>
        )}
      </span>
      <span className={labelClass}>Incidents</span>
      {unseen > 0 && <span className="sr-only">, {unseen} unseen</span>}
    </Link>
  )
}
