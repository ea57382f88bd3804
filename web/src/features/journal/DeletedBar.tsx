import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'
import { ProblemNotice } from '@/ui/States'

import { lastDeleted } from './memory'
import { useRestore } from './useWrite'

/** Says what was deleted, and brings it back. */
export function DeletedBar() {
  const gone = useStore(lastDeleted)
  const restore = useRestore()
  return (
    <div role="status">
      {gone && (
        <div className="mb-6 flex flex-wrap items-center gap-x-4 gap-y-2 rounded-control bg-surface px-4 py-3 text-sm">
          <p className="min-w-0 flex-1 break-words">“{gone.title}” is deleted. It can be brought back for a day.</p>
          <Button size="small" busy={restore.isPending} onClick={() => restore.mutate(gone.id)}>
            Undo
          </Button>
          <Button size="small" kind="quiet" onClick={() => lastDeleted.set(null)}>
            Dismiss
          </Button>
          {restore.error && <ProblemNotice error={restore.error} />}
        </div>
      )}
    </div>
  )
}
