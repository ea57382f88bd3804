import { createStore } from '@/lib/store'

/** What was deleted last and can be brought back. */
export const lastDeleted = createStore<{ id: string; title: string } | null>(null)

/** Drafts live as long as the tab, apart for every user. `id` "" is a new entry. */
export const draftKey = (userId: string, id: string) => `${DRAFTS}${userId}.${id}`

const DRAFTS = 'holdfast.journal.'

/** Whoever signs out leaves nothing half-written behind. */
export function forgetDrafts(): void {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(DRAFTS)) sessionStorage.removeItem(key)
}
