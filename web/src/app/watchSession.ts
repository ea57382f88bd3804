import { stream } from '@/api/live'
import { queryClient } from '@/api/queries'
import { session } from '@/api/session'
import { forgetDrafts, lastDeleted } from '@/features/journal/memory'
import { forgetScriptDrafts } from '@/features/scripts/drafts'

import { router } from './router'

const PUBLIC = ['system', 'indices', 'index']

/** When somebody signs in or out, nothing of the one before may stay: answers, live data, guarded pages. */
export function watchSession(): () => void {
  let before = who()
  return session.subscribe(() => {
    const now = who()
    if (now === before) return
    if (signedOut()) forgetScriptDrafts(before)
    before = now
    queryClient.removeQueries({ predicate: ({ queryKey }) => !PUBLIC.includes(String(queryKey[0])) })
    lastDeleted.set(null)
    if (signedOut()) forgetDrafts()
    stream.start()
    void router.invalidate()
  })
}

function who(): string {
  const current = session.get()
  return current.status === 'in' ? current.user.id : ''
}

/** By choice: a session that merely ended leaves drafts for whoever comes back. */
function signedOut(): boolean {
  const current = session.get()
  return current.status === 'out' && current.chosen === true
}
