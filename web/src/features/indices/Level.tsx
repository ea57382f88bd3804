import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { level as levelText } from '@/lib/numbers'
import { NoValue } from '@/ui/Money'
import { MayBeOld } from '@/ui/States'

import type { IndexSummary } from './queries'

/** True while the level of an index may be old. */
export function useIsOld(index: IndexSummary): boolean {
  return !useIsLive() || index.stale_reason !== ''
}

/** The level of an index; dimmed while it may be old. */
export function Level({ index, className }: { index: IndexSummary; className?: string }) {
  const stale = useIsOld(index)
  if (index.level === null) return <NoValue />
  return (
    <span
      className={clsx('tnum whitespace-nowrap', stale && 'stale', className)}
      title={stale ? index.stale_reason || 'The live connection is down: this value may be old.' : undefined}
    >
      {levelText(index.level, index.unit)}
      {stale && <MayBeOld />}
    </span>
  )
}
