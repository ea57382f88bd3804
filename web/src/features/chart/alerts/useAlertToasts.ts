import { useRef } from 'react'

import { useFrames } from '@/api/live'
import { serverNow } from '@/lib/clock'
import { ago } from '@/lib/times'
import { toast } from '@/ui/toasts'

import { userId } from '../userStorage'
import type { AlertsState, FiredAlert, Untold } from './model'
import { firedWords, untold } from './model'
import { readFired } from './queries'

const LATE = 20_000
const MOST_TOASTS = 3

/** Says when an alert fires, on every page; what fired before the page was opened is old news. */
export function useAlertToasts(signedIn: boolean): void {
  const known = useRef<{ user: string; fired: FiredAlert[] } | null>(null)
  useFrames<AlertsState>(signedIn ? 'alerts' : null, ({ fired }) => {
    const user = userId()
    const before = known.current?.user === user ? known.current.fired : null
    known.current = { user, fired }
    if (before) void untold(fired, before, readFired).then((found) => userId() === user && tell(found))
  })
}

function tell({ fired, more }: Untold): void {
  for (const each of fired.slice(0, MOST_TOASTS).reverse()) {
    const late = serverNow() - Date.parse(each.at) > LATE
    toast(late ? `${firedWords(each)}, ${ago(each.at, serverNow())}` : firedWords(each))
  }
  const others = fired.length - MOST_TOASTS
  const count = `${more ? 'At least ' : ''}${others} more ${others === 1 ? 'alert has' : 'alerts have'}`
  if (others > 0) toast(`${count} fired; the chart lists them.`)
}
