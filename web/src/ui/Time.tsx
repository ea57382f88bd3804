import { useNow } from '@/lib/clock'
import { absolute, ago, clock } from '@/lib/times'

import { NoValue } from './Money'

/** Relative in lists, absolute with its zone on hover. `exact` shows the clock time. */
export function Time({ iso, exact = false }: { iso: string | null | undefined; exact?: boolean }) {
  if (iso == null) return <NoValue />
  return exact ? (
    <time dateTime={iso} title={absolute(iso)} className="tnum whitespace-nowrap">
      {clock(iso)}
    </time>
  ) : (
    <RelativeTime iso={iso} />
  )
}

function RelativeTime({ iso }: { iso: string }) {
  const now = useNow()
  return (
    <time dateTime={iso} title={absolute(iso)} className="tnum whitespace-nowrap">
      {ago(iso, now)}
    </time>
  )
}
