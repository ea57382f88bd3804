import { useNow } from '@/lib/clock'
import { dayTime } from '@/lib/times'
import { Button } from '@/ui/Button'

import type { Workbench } from './useWorkbench'

/** Says that the text is not the one that was saved, but what stood here before the page was gone. */
export function KeptNotice({ work }: { work: Workbench }) {
  const { found, base, discard } = work
  const now = useNow()
  if (!found) return null
  const isBehind = base !== null && found.version < base.version
  return (
    <div
      role="status"
      className="flex flex-wrap items-center gap-x-3 border-b border-hairline bg-surface px-4 py-1 text-sm"
    >
      <span>
        Unsaved changes from <time dateTime={found.at}>{dayTime(found.at, now)}</time> were kept.
        {isBehind && ` Version ${base.version} was saved since.`}
      </span>
      <Button size="small" kind="quiet" className="underline underline-offset-4" onClick={discard}>
        Discard
      </Button>
    </div>
  )
}
