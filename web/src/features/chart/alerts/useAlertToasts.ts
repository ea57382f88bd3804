import { useEffect, useRef } from 'react'

import { useFrames } from '@/api/live'
import { serverNow } from '@/lib/clock'
import { ago } from '@/lib/times'
import { toast } from '@/ui/toasts'

import type { AlertsState } from './model'
import { firedWords } from './model'

const LATE = 20_000
const MOST_TOASTS = 3

/** Says when an alert fires, on every page; what fired before the page was opened is old news. */
export function useAlertToasts(signedIn: boolean): void {
  const known = useRef<Set<string> | null>(null)
  useEffect(() => {
    if (!signedIn) known.current = null
  }, [signedIn])
  useFrames<AlertsState>(signedIn ? 'alerts' : null, ({ fired }) => {
    const before = known.current
    known.current = new Set(fired.map((each) => each.id))
    if (!before) return
    const fresh = fired.filter((each) => !before.has(each.id)).reverse()
    for (const each of fresh.slice(-MOST_TOASTS)) {
      const late = serverNow() - Date.parse(each.at) > LATE
      toast(late ? `${firedWords(each)}, ${ago(each.at, serverNow())}` : firedWords(each))
    }
    const others = fresh.length - MOST_TOASTS
    if (others > 0) toast(`${others} more ${others === 1 ? 'alert has' : 'alerts have'} fired; the chart lists them.`)
  })
}
