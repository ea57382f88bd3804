import { Link } from '@tanstack/react-router'
import clsx from 'clsx'
import { CircleCheck, Info, OctagonAlert, TriangleAlert } from 'lucide-react'

import { problemWords } from '@/api/problem'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Time } from '@/ui/Time'
import { toast } from '@/ui/toasts'

import type { Incident } from './queries'
import { useMarkSeen } from './queries'
import { BLOCK_WORDS, SEVERITY_WORDS } from './words'

export function SeverityIcon({ incident, className }: { incident: Incident; className?: string }) {
  if (incident.settled_at) return <CircleCheck aria-hidden className={clsx('text-muted', className)} />
  const Icon = { info: Info, warning: TriangleAlert, alarm: OctagonAlert }[incident.severity]
  return <Icon aria-hidden className={clsx(incident.severity === 'alarm' ? 'text-error' : 'text-ink', className)} />
}

/** What happened, what Holdfast did about it, what one may do, and what it is about. */
export function IncidentLine({ incident, fresh }: { incident: Incident; fresh: boolean }) {
  return (
    <li className="grid grid-cols-[20px_1fr] gap-x-4 border-b border-hairline py-5">
      <SeverityIcon incident={incident} className="mt-0.5 size-5" />
      <article aria-label={incident.title} className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <h2 className="text-base">
            <span className="sr-only">{SEVERITY_WORDS[incident.severity]}: </span>
            {incident.title}
          </h2>
          {fresh && <Badge tone="strong">New</Badge>}
          {incident.settled_at && <Badge>Settled</Badge>}
        </div>
        <p className="mt-1 max-w-[72ch]">{incident.text}</p>
        {!incident.settled_at && incident.blocks && (
          <p className="mt-1 text-sm font-medium">{BLOCK_WORDS[incident.blocks]}</p>
        )}
        <About incident={incident} />
        {incident.acknowledge && <Acknowledge incident={incident} />}
      </article>
    </li>
  )
}

function About({ incident }: { incident: Incident }) {
  return (
    <p className="mt-2 flex flex-wrap gap-x-4 gap-y-1 text-sm text-muted">
      <Time iso={incident.at} />
      {incident.position_id && (
        <Link
          to="/positions/$positionId"
          params={{ positionId: incident.position_id }}
          className="underline underline-offset-4"
        >
          {incident.index_name || 'Its position'}
        </Link>
      )}
      {incident.connection_label && (
        <Link to="/connections" className="underline underline-offset-4">
          {incident.connection_label}
        </Link>
      )}
      {incident.symbol && <span>{incident.symbol}</span>}
    </p>
  )
}

/** Some stay open until somebody says that they have been read. */
function Acknowledge({ incident }: { incident: Incident }) {
  const see = useMarkSeen()
  return (
    <Button
      size="small"
      className="mt-3"
      busy={see.isPending}
      onClick={() =>
        see.mutate([incident.id], {
          onError: (error) => toast(problemWords(error)),
        })
      }
    >
      I have read this
    </Button>
  )
}
