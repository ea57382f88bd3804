import { Link } from '@tanstack/react-router'

import { Button } from '@/ui/Button'

import { SeverityIcon } from './IncidentLine'
import type { Incident } from './queries'
import { useOpenIncidents } from './queries'

const SHOWN = 3

/** Open incidents of one position or connection, beside what they are about. */
export function IncidentMarks({ of, className }: { of: (incident: Incident) => boolean; className?: string }) {
  const { data, unknown } = useOpenIncidents()
  const incidents = (data ?? []).filter((each) => each.severity !== 'info' && of(each))
  if (unknown || incidents.length === 0) return null
  return (
    <ul aria-label="Open incidents" className={className}>
      {incidents.slice(0, SHOWN).map((incident) => (
        <li key={incident.id} className="flex gap-3 border-l-2 border-edge py-1.5 pl-4">
          <SeverityIcon incident={incident} className="mt-px size-5 shrink-0" />
          <p className="min-w-0 text-sm">
            <Link to="/incidents" search={{}} className="font-medium underline-offset-4 hover:underline">
              {incident.title}
            </Link>{' '}
            <span className="text-muted">{incident.text}</span>
          </p>
        </li>
      ))}
      {incidents.length > SHOWN && (
        <li className="pl-4 text-sm">
          <Link to="/incidents" search={{}} className="underline underline-offset-4">
            {incidents.length - SHOWN} more
          </Link>
        </li>
      )}
    </ul>
  )
}

/** Says that the incidents are not known: marks that are not there would say that nothing is the matter. */
export function IncidentsUnknown({ className }: { className?: string }) {
  const { unknown, isFetching, refetch } = useOpenIncidents()
  if (!unknown) return null
  return (
    <div className={className}>
      <p role="status" className="flex items-center gap-3 border-l-2 border-edge pl-4 text-sm text-muted">
        Incidents could not be loaded.
        <Button size="small" kind="quiet" className="underline" busy={isFetching} onClick={() => void refetch()}>
          Try again
        </Button>
      </p>
    </div>
  )
}
