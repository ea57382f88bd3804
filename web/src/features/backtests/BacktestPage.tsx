import { useQuery } from '@tanstack/react-query'
import { Link, useParams } from '@tanstack/react-router'

import { useSeriesNames } from '@/features/journal/useSeriesNames'
import { Page } from '@/ui/Layout'
import { ProblemNotice, Skeleton, SkeletonRows } from '@/ui/States'

import { Actions } from './BacktestActions'
import { Ended, Running } from './BacktestStates'
import { EquitySection } from './EquitySection'
import { MoreFigures } from './MoreFigures'
import { backtestQuery, equityQuery, isUnderWay } from './queries'
import { SettingsSection } from './SettingsSection'
import { Trades } from './Trades'
import type { Backtest } from './types'
import { Verdict } from './Verdict'
import { Warnings } from './Warnings'

export default function BacktestPage() {
  const { backtestId } = useParams({ from: '/mine/backtests/$backtestId' })
  const { data: backtest, error, refetch } = useQuery(backtestQuery(backtestId))
  useSeriesNames()
  const back = <Link to="/backtests">← All back-tests</Link>
  if (!backtest) {
    return (
      <Page title="Back-test" above={back}>
        {error ? (
          <ProblemNotice error={error} retry={() => void refetch()} />
        ) : (
          <>
            <Skeleton className="mb-8 h-14 w-72" />
            <SkeletonRows rows={8} label="Loading back-test" />
          </>
        )}
      </Page>
    )
  }
  return (
    <Page title={backtest.source.name} above={back} actions={<Actions backtest={backtest} />}>
      {error && <ProblemNotice error={error} retry={() => void refetch()} className="mb-8" />}
      {isUnderWay(backtest) && <Running backtest={backtest} />}
      {(backtest.state === 'failed' || backtest.state === 'cancelled') && <Ended backtest={backtest} />}
      {backtest.state === 'done' && <Done backtest={backtest} />}
      <SettingsSection backtest={backtest} />
    </Page>
  )
}

function Done({ backtest }: { backtest: Backtest }) {
  return (
    <>
      <Warnings warnings={backtest.warnings} />
      {backtest.figures && <Verdict backtest={backtest} figures={backtest.figures} />}
      <EquitySection query={equityQuery(backtest.id)} name={backtest.source.name} quote={backtest.quote} />
      {backtest.figures && <MoreFigures figures={backtest.figures} />}
      <Trades backtest={backtest} />
    </>
  )
}
