import { useMutation, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'

import { ProblemError } from '@/api/problem'
import { randomKey } from '@/lib/ids'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { ProblemNotice, Skeleton } from '@/ui/States'
import { Time } from '@/ui/Time'
import { toast } from '@/ui/toasts'

import { createScript } from './queries'
import type { ScriptView } from './types'
import type { Workbench } from './useWorkbench'
import { copyName } from './words'

const UNDO = 'Undo in the editor brings yours back, until you leave this page.'

const Difference = lazy(() => import('./Difference'))

/** Another window or device saved meanwhile: nothing is lost either way. */
export function ConflictDialog({ work }: { work: Workbench }) {
  return work.theirs && <Conflict key={work.theirs.version} work={work} theirs={work.theirs} />
}

function Conflict({ work, theirs }: { work: Workbench; theirs: ScriptView }) {
  const { save, draft, keepMine, takeTheirs, forgetTheirs } = work
  const aside = useAside(work)
  const isKnown = save.error instanceof ProblemError && save.error.problem.status === 409
  const isBusy = save.isPending || aside.isPending
  const problem = aside.error ?? (isKnown ? null : save.error)
  return (
    <Dialog
      open
      wide
      onOpenChange={forgetTheirs}
      title="It was saved elsewhere meanwhile"
      description="Another window or device of yours saved this script after you opened it here."
    >
      <p className="mb-4 text-sm text-muted">
        The other is version {theirs.version}, saved <Time iso={theirs.updated_at} />
        {theirs.name === draft.name.trim() ? '' : `, and is called “${theirs.name}”`}.
      </p>
      <Suspense fallback={<Skeleton className="h-40" label="Comparing" />}>
        <Difference theirs={theirs.source} mine={draft.source} version={theirs.version} />
      </Suspense>
      {problem && <ProblemNotice error={problem} className="mt-5" />}
      <ul className="mt-5 grid gap-x-6 gap-y-4 md:grid-cols-3">
        <Way words={`Version ${theirs.version} stays in the list of versions.`}>
          <Button kind="primary" busy={save.isPending} disabled={isBusy && !save.isPending} onClick={keepMine}>
            Save mine as version {theirs.version + 1}
          </Button>
        </Way>
        <Way words={`It is called “${copyName(draft.name)}”. Here you go on with version ${theirs.version}.`}>
          <Button busy={aside.isPending} disabled={isBusy && !aside.isPending} onClick={() => aside.mutate()}>
            Save mine as a new script
          </Button>
        </Way>
        <Way words={UNDO}>
          <Button
            disabled={isBusy}
            onClick={() => {
              takeTheirs()
              toast(UNDO)
            }}
          >
            Take version {theirs.version}
          </Button>
        </Way>
      </ul>
      <Button kind="quiet" className="mt-4 max-md:w-full" onClick={forgetTheirs}>
        Decide later
      </Button>
    </Dialog>
  )
}

/** One thing that can be done, and what becomes of the other text. */
function Way({ words, children }: { words: string; children: React.ReactNode }) {
  return (
    <li className="flex flex-col gap-1.5 text-sm text-muted [&>button]:w-full">
      {children}
      <span>{words}</span>
    </li>
  )
}

/** Saves what stands in the editor as a script of its own, after which the other version takes its place. */
function useAside({ draft, takeTheirs }: Workbench) {
  const client = useQueryClient()
  const [key] = useState(randomKey)
  return useMutation({
    mutationFn: () => createScript(copyName(draft.name), draft.source, key),
    onSuccess: ({ name }) => {
      void client.invalidateQueries({ queryKey: ['scripts'], exact: true })
      takeTheirs()
      toast(`Yours is the script “${name}” now.`)
    },
  })
}
