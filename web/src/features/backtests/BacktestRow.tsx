import { Link } from '@tanstack/react-router'
import clsx from 'clsx'

import { symbolWords } from '@/features/chart/words'
import { percent, signedPercent } from '@/lib/numbers'
import { Badge } from '@/ui/Badge'
import { LinkRow } from '@/ui/LinkRow'
import { Delta } from '@/ui/Money'
import { Sparkline } from '@/ui/Sparkline'
import { Time } from '@/ui/Time'

import type { Backtest, Figures } from './types'
import { isLookingAhead, STATE_WORDS, stageWords } from './words'

function BacktestBadges({ backtest }: { backtest: Backtest }) {
  return (
    <>
      {backtest.state !== 'done' && (
        <Badge tone={backtest.state === 'failed' ? 'error' : 'plain'}>{STATE_WORDS[backtest.state]}</Badge>
      )}
      {isLookingAhead(backtest) && <Badge tone="error">Sees the future</Badge>}
    </>
  )
}

/** One of the list; the whole row leads to it. */
export function BacktestRow({ backtest }: { backtest: Backtest }) {
  const { figures, settings, sparkline } = backtest
  return (
    <LinkRow className="md:grid-cols-[1fr_120px_110px_140px]">
      <div className="min-w-0">
        <div className="flex flex-wrap items-center gap-x-3 gap-y-1">
          <Link
            to="/backtests/$backtestId"
            params={{ backtestId: backtest.id }}
            className="min-w-0 text-lg font-semibold break-words after:absolute after:inset-0"
          >
            {backtest.source.name}
          </Link>
          <BacktestBadges backtest={backtest} />
        </div>
        <p className="mt-0.5 text-sm text-muted">
          {symbolWords(settings.series)} · {settings.timeframe} · <Time iso={backtest.created_at} />
        </p>
      </div>
      <Sparkline values={sparkline} change={figures?.total_return ?? null} className="max-md:hidden" />
      <div className="text-right max-md:hidden">
        {figures && (
          <>
            <span className="tnum">{percent(figures.max_drawdown, 1)}</span>
            <p className="text-xs text-muted">drawdown</p>
          </>
        )}
      </div>
      <div className={clsx('text-right', isLookingAhead(backtest) && 'stale')}>
        {figures ? <Result figures={figures} /> : <Unfinished backtest={backtest} />}
      </div>
    </LinkRow>
  )
}

function Result({ figures }: { figures: Figures }) {
  return (
    <>
      <Delta value={figures.total_return} className="text-lg font-medium" />
      <p className="tnum text-sm text-muted">hold {signedPercent(figures.hold_return, 1)}</p>
    </>
  )
}

function Unfinished({ backtest }: { backtest: Backtest }) {
  if (backtest.state !== 'running') return null
  const { stage, done, total } = backtest.progress
  return (
    <p className="tnum text-sm text-muted">
      {stageWords(stage)}
      {total > 0 && ` ${percent(done / total, 0)}`}
    </p>
  )
}
