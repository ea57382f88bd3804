import { Link } from '@tanstack/react-router'
import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { capital } from '@/features/trade/words'
import { Badge } from '@/ui/Badge'
import { LinkRow } from '@/ui/LinkRow'
import { Delta, Money } from '@/ui/Money'
import { MayBeOld } from '@/ui/States'
import { Time } from '@/ui/Time'

import type { PositionSummary } from './queries'
import { isOver, STATE_WORDS } from './queries'

export function PositionBadge({ state }: { state: PositionSummary['state'] }) {
  const tone = state === 'needs_attention' ? 'error' : state === 'active' ? 'strong' : 'plain'
  return <Badge tone={tone}>{STATE_WORDS[state]}</Badge>
}

/** One position in a list; the whole row leads to it. */
export function PositionRow({ position }: { position: PositionSummary }) {
  const live = useIsLive()
  const old = (!live || position.stale) && !isOver(position)
  return (
    <LinkRow className="md:grid-cols-[1fr_160px_200px]">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Link
            to="/positions/$positionId"
            params={{ positionId: position.id }}
            className="text-lg font-semibold after:absolute after:inset-0"
          >
            {capital(position.direction)} {position.index_name}
          </Link>
          <PositionBadge state={position.state} />
          {position.altered && <Badge>Altered by hand</Badge>}
        </div>
        <p className="mt-0.5 text-sm text-muted">
          {position.connection_label} ·{' '}
          {isOver(position) ? (
            <>
              closed <Time iso={position.closed_at ?? position.created_at} />
            </>
          ) : (
            <>
              opened <Time iso={position.opened_at ?? position.created_at} />
            </>
          )}
        </p>
      </div>
      <div className="text-right max-md:hidden">
        <Money value={position.size} />
        <div className="text-xs text-muted">size, USDT</div>
      </div>
      <div className={clsx('text-right', old && 'stale')}>
        <Delta value={position.pnl} as="money" className="text-lg font-medium" />
        <div className="text-sm">
          <Delta value={position.pnl_percent} />
          {old && <MayBeOld />}
        </div>
      </div>
    </LinkRow>
  )
}
