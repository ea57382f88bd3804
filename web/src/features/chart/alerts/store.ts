import { createStore } from '@/lib/store'

/** What the list of alerts was opened with: a price to begin a new one at, or ''; null while it is shut. */
export const alertsDialog = createStore<{ price: string } | null>(null)

export function openAlerts(price = ''): void {
  alertsDialog.set({ price })
}
