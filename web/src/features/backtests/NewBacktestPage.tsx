import { useQuery } from '@tanstack/react-query'
import { Link, useSearch } from '@tanstack/react-router'

import { asTimeframe } from '@/features/chart/data/timeframes'
import { Page } from '@/ui/Layout'
import { ProblemNotice, SkeletonRows } from '@/ui/States'

import { BacktestForm } from './BacktestForm'
import { draftOf, EMPTY_DRAFT } from './draft'
import { backtestQuery } from './queries'

/** A new one, or one that ran with changes (`from`). */
export default function NewBacktestPage() {
  const { from = '', script = '', signals = '', series = '', tf } = useSearch({ from: '/mine/backtests/new' })
  const before = useQuery({ ...backtestQuery(from), enabled: from !== '' })
  const timeframe = asTimeframe(tf)
  const given = {
    ...EMPTY_DRAFT,
    kind: signals ? ('signals' as const) : ('script' as const),
    scriptId: script,
    datasetId: signals,
    series,
    ...(timeframe ? { timeframe } : {}),
    // Own data is mostly of some past time: what there is of it is meant.
    ...(series.startsWith('own:') ? { span: 'all' as const } : {}),
  }
  return (
    <Page title="New back-test" above={<Link to="/backtests">← All back-tests</Link>} narrow>
      {!from && <BacktestForm key={`${script} ${signals} ${series}`} initial={given} />}
      {from && before.data && <BacktestForm key={from} initial={draftOf(before.data)} />}
      {from && !before.data && before.error && (
        <ProblemNotice error={before.error} retry={() => void before.refetch()} />
      )}
      {from && !before.data && !before.error && <SkeletonRows rows={6} label="Loading the settings" />}
    </Page>
  )
}
