import { createStore } from '@/lib/store'

/** What the stop dialog was opened for; null while it is shut. */
export const stopDialog = createStore<{ positionId: string | null } | null>(null)

/** Opens the stop dialog, with one position chosen if it is named. */
export function openStop(positionId: string | null = null): void {
  stopDialog.set({ positionId })
}
