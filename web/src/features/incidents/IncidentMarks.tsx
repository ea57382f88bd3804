import { Link } from '@tanstack/react-router'

import type { Incident } from './queries'
import { useOpenIncidents } from './queries'
import { SeverityIcon } from './IncidentLine'

const SHOWN = 3

/** Open incidents of one position or connection, beside what they are about. */
export function IncidentMarks({ of, className }: { of: (incident: Incident) => boolean; className?: string }) {
  const incidents = (useOpenIncidents().data ?? []).filter((each) => each.severity !== 'info' && of(each))
  if (incidents.length === 0) return null
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
