import { Link } from '@tanstack/react-router'
import { useNavigate } from '@tanstack/react-router'
import { ChartCandlestick, RotateCcw, Trash2 } from 'lucide-react'
import { useState } from 'react'

import { splitSeries } from '@/features/chart/data/series'
import { Button } from '@/ui/Button'
import { ConfirmDialog } from '@/ui/ConfirmDialog'

import { deleteBacktest, isUnderWay } from './queries'
import type { Backtest } from './types'

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
        <Button asChild>
          <Link to="/backtests/new" search={{ from: backtest.id }}>
            <RotateCcw aria-hidden className="size-4" />
            Run again with changes
          </Link>
        </Button>
      )}
      <Button asChild>
        <Link to="/chart/$source/$symbol" params={{ source: venue, symbol }} search={{ tf: settings.timeframe }}>
          <ChartCandlestick aria-hidden className="size-4" />
          Open on chart
        </Link>
      </Button>
      {backtest.state === 'done' && source.kind === 'script' && !source.deleted && venue !== 'own' && (
        <Button asChild>
          <Link to="/strategies/new" search={{ from: backtest.id }}>
            Run on paper
          </Link>
        </Button>
      )}
      {!underWay && (
        <Button kind="quiet" aria-label="Delete" onClick={() => setDeleting(true)}>
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
