import { Link, useNavigate } from '@tanstack/react-router'
import { ChartCandlestick, RotateCcw, Trash2 } from 'lucide-react'
import { useState } from 'react'

import { splitSeries } from '@/features/chart/data/series'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

import { deleteBacktest, isUnderWay } from './queries'
import type { Backtest } from './types'

/** On a phone the verdict comes first: its buttons stand in one row. */
export const NARROW = 'max-md:px-3'

export function Words({ short, long }: { short: string; long: string }) {
  return (
    <>
      <span className="md:hidden">{short}</span>
      <span className="max-md:hidden">{long}</span>
    </>
  )
}

/** Again with changes, on the chart, on paper, away with it. */
export function Actions({ backtest }: { backtest: Backtest }) {
  const [deleting, setDeleting] = useState(false)
  const navigate = useNavigate()
  const { settings, source } = backtest
  const [venue, symbol] = splitSeries(settings.series)
  const underWay = isUnderWay(backtest)
  return (
    <>
      {!underWay && (
        <Button asChild className={NARROW}>
          <Link to="/backtests/new" search={{ from: backtest.id }} aria-label="Run again with changes">
            <RotateCcw aria-hidden className="size-4" />
            <Words short="Again" long="Run again with changes" />
          </Link>
        </Button>
      )}
      <Button asChild className={NARROW}>
        <Link
          to="/chart/$source/$symbol"
          params={{ source: venue, symbol }}
          search={{ tf: settings.timeframe }}
          aria-label="Open on chart"
        >
          <ChartCandlestick aria-hidden className="size-4" />
          <Words short="Chart" long="Open on chart" />
        </Link>
      </Button>
      {backtest.state === 'done' && source.kind === 'script' && !source.deleted && venue !== 'own' && (
        <Button asChild className={NARROW}>
          <Link to="/strategies/new" search={{ from: backtest.id }} aria-label="Run on paper">
            <Words short="Paper" long="Run on paper" />
          </Link>
        </Button>
      )}
      {!underWay && (
        <Button kind="quiet" aria-label="Delete" className={NARROW} onClick={() => setDeleting(true)}>
          <Trash2 aria-hidden className="size-4" />
          <span className="max-md:hidden">Delete</span>
        </Button>
      )}
      {deleting && (
        <ConfirmDialog
          title="Delete this back-test?"
          text="Its figures and trades are deleted for good. The script and the data stay."
          action="Delete"
          danger
          perform={(key) => deleteBacktest(backtest.id, key)}
          said="The back-test is deleted."
          stale={[['backtests']]}
          onDone={() => void navigate({ to: '/backtests', replace: true })}
          onClose={() => setDeleting(false)}
        />
      )}
    </>
  )
}
