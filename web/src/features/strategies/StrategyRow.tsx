import { Link } from '@tanstack/react-router'
import clsx from 'clsx'

import { useIsLive } from '@/api/live'
import { symbolWords } from '@/features/chart/words'
import { Badge } from '@/ui/Badge'
import { LinkRow } from '@/ui/LinkRow'
import { Delta, Money } from '@/ui/Money'
import { MayBeOld } from '@/ui/States'
import { Time } from '@/ui/Time'

import type { Strategy, StrategyTick } from './types'
import { faultWords, holdingWords, isOver, STATE_WORDS } from './words'

export function StrategyBadges({ strategy }: { strategy: StrategyTick }) {
  const tone = strategy.state === 'failed' ? 'error' : strategy.state === 'paper' ? 'strong' : 'plain'
  return (
    <>
      <Badge tone={tone}>{STATE_WORDS[strategy.state]}</Badge>
      {strategy.closing && <Badge>Closing</Badge>}
      {strategy.repainted && <Badge tone="error">Repainted</Badge>}
    </>
  )
}

/** Whether what is shown of it may be old: the stream is away, or the next bar is late. */
export function useIsOld(strategy: StrategyTick): boolean {
  const live = useIsLive()
  return !isOver(strategy) && (!live || strategy.waiting !== '')
}

/** One of the list; the whole row leads to it. */
export function StrategyRow({ strategy }: { strategy: Strategy }) {
  const old = useIsOld(strategy)
  return (
    <LinkRow className="md:grid-cols-[1fr_140px_160px_140px]">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Link
            to="/strategies/$strategyId"
            params={{ strategyId: strategy.id }}
            className="min-w-0 text-lg font-semibold break-words after:absolute after:inset-0"
          >
            {strategy.name}
          </Link>
          <StrategyBadges strategy={strategy} />
        </div>
        <p className="mt-0.5 text-sm text-muted">
          {symbolWords(strategy.series)} · {strategy.timeframe} · {strategy.script.name}
        </p>
        {strategy.error && (
          <p className="mt-0.5 line-clamp-2 text-sm break-words text-error">{faultWords(strategy.error)}</p>
        )}
      </div>
      <div className={clsx('text-right max-md:hidden', old && 'stale')}>
        {holdingWords(strategy)}
        <p className="text-xs text-muted">position</p>
      </div>
      <div className={clsx('text-right max-md:hidden', old && 'stale')}>
        <Money value={strategy.equity} />
        <p className="text-xs text-muted">
          {strategy.last_bar ? (
            <>
              last bar <Time iso={strategy.last_bar} />
            </>
          ) : (
            'no bar yet'
          )}
        </p>
      </div>
      <div className={clsx('text-right', old && 'stale')}>
        <Delta value={strategy.pnl} as="money" className="text-lg font-medium" />
        <p className="text-sm">
          <Delta value={strategy.pnl_share} />
          {old && <MayBeOld />}
        </p>
      </div>
    </LinkRow>
  )
}
