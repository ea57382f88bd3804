import { CircleCheck, CircleX, TriangleAlert } from 'lucide-react'

import { ServerWords } from '@/ui/ServerWords'
import { Skeleton } from '@/ui/States'

import type { Connection } from './queries'

type Finding = Connection['checks'][number]

const LEVELS = {
  ok: { icon: CircleCheck, word: 'Fine', colour: '' },
  warning: { icon: TriangleAlert, word: 'Warning', colour: '' },
  refused: { icon: CircleX, word: 'Refused', colour: 'text-error' },
} as const

/** What the check of a key found, one line each, with what to do where something is wrong. */
export function Findings({ findings, checking }: { findings: Finding[]; checking: boolean }) {
  if (checking && findings.length === 0) {
    return (
      <div role="status" aria-label="Checking the key with the venue" className="mt-6 space-y-3">
        <Skeleton className="h-5 w-72" />
        <Skeleton className="h-5 w-64" />
        <Skeleton className="h-5 w-80" />
      </div>
    )
  }
  if (findings.length === 0) return null
  return (
    <ul aria-label="What the check found" className="mt-6 space-y-3 text-sm">
      {findings.map((finding) => {
        const { icon: Icon, word, colour } = LEVELS[finding.level]
        return (
          <li key={finding.check} className="flex gap-3">
            <Icon aria-hidden className={`mt-px size-4 shrink-0 ${colour}`} />
            <span>
              <span className="sr-only">{word}: </span>
              <ServerWords>{finding.message}</ServerWords>
              {finding.advice && (
                <span className="block text-muted">
                  <ServerWords>{finding.advice}</ServerWords>
                </span>
              )}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
