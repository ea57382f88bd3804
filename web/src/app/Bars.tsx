import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { FlaskConical, RadioTower } from 'lucide-react'

import { stream } from '@/api/live'
import { canTrade, connectionsQuery, isLive } from '@/features/connections/queries'
import { systemQuery } from '@/features/system/queries'
import { useStore } from '@/lib/store'
import { Button } from '@/ui/Button'

/** On every page in demo mode, and not to be dismissed. */
export function SimulatedBar() {
  const { data } = useQuery(systemQuery)
  if (!data?.simulated) return null
  return (
    <div
      role="region"
      aria-label="Simulated market"
      className="flex min-h-8 items-center justify-center gap-2 border-b border-hairline bg-surface px-4 py-1 text-center text-xs"
    >
      <FlaskConical aria-hidden className="size-3.5 shrink-0" />
      <p>
        <strong className="font-semibold">Simulated market.</strong>{' '}
        <span className="max-md:hidden">Prices, fills and balances here are not real.</span>
        <span className="md:hidden">Nothing here is real.</span>{' '}
        <Link to="/going-live" className="underline underline-offset-2">
          How to go live
        </Link>
      </p>
    </div>
  )
}

/** Shown while the stream is down: what is on the page may be old. */
export function StreamBar() {
  const status = useStore(stream.status)
  if (status === 'live' || status === 'connecting') return null
  return (
    <div
      role="status"
      className="flex min-h-10 items-center justify-center gap-3 border-b border-hairline bg-hover px-4 py-1 text-sm"
    >
      <RadioTower aria-hidden className="size-4 shrink-0" />
      <p>
        {status === 'stale' ? 'No live data for a while.' : 'The live connection dropped.'} Values may be old; trying
        again by itself.
      </p>
      <Button size="small" kind="quiet" className="underline" onClick={() => stream.retryNow()}>
        Try now
      </Button>
    </div>
  )
}

/** Where this user's orders go. The word says it; ink when real money moves. */
export function ModePill({ signedIn }: { signedIn: boolean }) {
  const system = useQuery(systemQuery).data
  const connections = useQuery({ ...connectionsQuery, enabled: signedIn }).data
  if (!system) return null
  const live = !system.simulated && (connections ?? []).some((each) => isLive(each) && canTrade(each))
  const meaning = live
    ? 'Orders go to your exchange account and move real money.'
    : system.simulated
      ? 'Orders go to the simulated venue. LIVE cannot be chosen in demo mode.'
      : 'No connection that trades real money.'
  return (
    <span
      title={meaning}
      className={
        'inline-flex h-6 items-center rounded-full border px-2.5 text-xs font-semibold tracking-wide ' +
        (live ? 'border-ink bg-ink text-on-ink' : 'border-edge text-muted')
      }
    >
      {live ? 'LIVE' : 'PAPER'}
      <span className="sr-only">: {meaning}</span>
    </span>
  )
}
