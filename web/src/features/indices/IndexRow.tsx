import { Link } from '@tanstack/react-router'
import clsx from 'clsx'

import { LinkRow } from '@/ui/LinkRow'
import { Delta } from '@/ui/Money'
import { Sparkline } from '@/ui/Sparkline'

import { Level, useIsOld } from './Level'
import type { IndexSummary } from './queries'

export function IndexRow({ index }: { index: IndexSummary }) {
  const old = useIsOld(index)
  return (
    <LinkRow className="md:grid-cols-[1fr_160px_140px_110px]">
      <div className="min-w-0">
        <Link
          to="/indices/$indexId"
          params={{ indexId: index.id }}
          className="text-lg font-semibold after:absolute after:inset-0"
        >
          {index.symbol}
        </Link>
        <p className="text-sm text-muted md:truncate">{index.tagline || index.name}</p>
      </div>
      <Sparkline values={index.spark} change={index.change_24h} width={160} height={36} className="max-md:hidden" />
      <div className={clsx('text-right text-lg font-medium', old && 'stale')}>
        <Level index={index} />
        <div className="text-sm font-normal md:hidden">
          <Delta value={index.change_24h} />
        </div>
      </div>
      <div className={clsx('text-right max-md:hidden', old && 'stale')}>
        <Delta value={index.change_24h} />
        <div className="text-xs text-muted">24 h</div>
      </div>
    </LinkRow>
  )
}
