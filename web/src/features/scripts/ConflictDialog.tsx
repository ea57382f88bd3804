import { ProblemError } from '@/api/problem'
import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'
import { ProblemNotice } from '@/ui/States'
import { Time } from '@/ui/Time'

import type { Workbench } from './useWorkbench'

/** Another window or device saved meanwhile: nothing is lost either way. */
export function ConflictDialog({ work }: { work: Workbench }) {
  const { theirs, save, keepMine, takeTheirs, forgetTheirs } = work
  if (!theirs) return null
  const isKnown = save.error instanceof ProblemError && save.error.problem.status === 409
  return (
    <Dialog
      open
      onOpenChange={forgetTheirs}
      title="It was saved elsewhere meanwhile"
      description="Another window or device of yours saved this script after you opened it here. Every version stays in the list of versions."
    >
      <p className="mb-5 text-sm text-muted">
        The other is version {theirs.version}, saved <Time iso={theirs.updated_at} />.
      </p>
      {save.error && !isKnown && <ProblemNotice error={save.error} className="mb-5" />}
      <div className="flex flex-wrap gap-3">
        <Button kind="primary" busy={save.isPending} onClick={keepMine}>
          Save mine as version {theirs.version + 1}
        </Button>
        <Button onClick={takeTheirs}>Take the other</Button>
        <Button kind="quiet" onClick={forgetTheirs}>
          Cancel
        </Button>
      </div>
    </Dialog>
  )
}
