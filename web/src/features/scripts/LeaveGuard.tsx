import { useBlocker } from '@tanstack/react-router'

import { Button } from '@/ui/Button'
import { Dialog } from '@/ui/Dialog'

import type { Workbench } from './useWorkbench'

/** Asks before what is not saved is left behind. A page that is closed keeps it, and asks only where it cannot. */
export function LeaveGuard({ work }: { work: Workbench }) {
  const { isDirty, keepNow, drop } = work
  const { status, proceed, reset } = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty && !keepNow(),
    withResolver: true,
  })
  if (status !== 'blocked') return null
  return (
    <Dialog
      open
      onOpenChange={reset}
      title="Leave without saving?"
      description="What you changed in this script since it was saved last is lost."
    >
      <div className="flex flex-wrap gap-3">
        <Button kind="primary" onClick={reset}>
          Stay
        </Button>
        <Button
          kind="danger"
          onClick={() => {
            drop()
            proceed()
          }}
        >
          Leave without saving
        </Button>
      </div>
    </Dialog>
  )
}
