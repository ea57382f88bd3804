import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'

import { problemWords } from '@/api/problem'
import { Badge } from '@/ui/Badge'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { ProblemNotice, Skeleton } from '@/ui/States'
import { Time } from '@/ui/Time'
import { toast } from '@/ui/toasts'

import { versionQuery } from './queries'
import type { ScriptView, VersionSummary } from './types'
import type { Workbench } from './useWorkbench'

const CodeEditor = lazy(() => import('./editor/CodeEditor'))

/** Every version there ever was, newest first: to be read, or taken up again. */
export function VersionsPanel({ work, onRestored }: { work: Workbench; onRestored: () => void }) {
  const { base, change, isDirty } = work
  const client = useQueryClient()
  const [read, setRead] = useState<number | null>(null)
  const restore = useMutation({
    mutationFn: ({ id, number }: { id: string; number: number }) => client.fetchQuery(versionQuery(id, number)),
    onSuccess: ({ source, number }) => {
      change({ source })
      const back = isDirty ? ' Undo in the editor brings back what was not saved.' : ''
      toast(`Version ${number} is in the editor. Save it to make it the newest.${back}`)
      onRestored()
    },
    onError: (error) => toast(problemWords(error)),
  })
  if (!base) return <p className="p-4 text-muted">Every time you save, a version is kept here. None is ever changed.</p>
  return (
    <ul aria-label="Versions" className="divide-y divide-hairline px-4">
      {base.versions.map((version) => (
        <li key={version.number} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-3">
          <span className="min-w-0 flex-1">
            <span className="flex flex-wrap items-center gap-2 font-medium">
              Version {version.number}
              {version.number === base.version && <Badge>Newest</Badge>}
            </span>
            <span className="block text-sm text-muted">
              {version.title} · <Time iso={version.created_at} />
            </span>
          </span>
          <Button
            size="small"
            kind="quiet"
            aria-label={`Read version ${version.number}`}
            onClick={() => setRead(version.number)}
          >
            Read
          </Button>
          {version.number !== base.version && (
            <Button
              size="small"
              aria-label={`Restore version ${version.number}`}
              busy={restore.isPending && restore.variables.number === version.number}
              onClick={() => restore.mutate({ id: base.id, number: version.number })}
            >
              Restore
            </Button>
          )}
        </li>
      ))}
      {read !== null && <Reader script={base} number={read} onClose={() => setRead(null)} />}
    </ul>
  )
}

function Reader({
  script,
  number,
  onClose,
}: {
  script: ScriptView
  number: VersionSummary['number']
  onClose: () => void
}) {
  const { data, error, refetch } = useQuery(versionQuery(script.id, number))
  return (
    <Dialog open onOpenChange={onClose} wide title={`${script.name}, version ${number}`}>
      {error && <ProblemNotice error={error} retry={() => void refetch()} />}
      <div className="h-[56vh] overflow-hidden rounded-control border border-hairline">
        <Suspense fallback={<Skeleton className="m-4 h-40" />}>
          {data ? (
            <CodeEditor readOnly label={`Version ${number}`} value={data.source} />
          ) : (
            <Skeleton className="m-4 h-40" />
          )}
        </Suspense>
      </div>
    </Dialog>
  )
}
